"""Model sizes as data.

The name is the number of parameters beside the embedding. One rule makes the rows: head size 128 (on CPUs a
third faster than 32 or 64 at equal width), feed-forward 8/3 of the width rounded up to a multiple of 64, learning
rate falling with the square root of the width. From 60M on a layer comes with every 53 to 86 channels, and the
parameters are within 3 % of the name. The paper's 470M and 2.8B are here by the same rule: its layers and widths are
not stated. What is above 30M has been planned with, not trained. The batch is no part of a size: it grows with the
tokens to train (Zhang et al., arXiv 2410.21676), by the fit that `Size.batch_tokens` names.
"""

import math
from dataclasses import dataclass, replace

from assay.model.shape import Shape

HEAD_SIZE = 128
TOKENS_PER_PARAMETER = 20
"""Of compute-optimal training (Hoffmann et al., arXiv 2203.15556)."""


@dataclass(frozen=True, slots=True)
class Size:
    """Shape of a decoder."""

    width: int
    layers: int

    @property
    def heads(self) -> int:
        """Attention heads of `HEAD_SIZE` channels."""
        return self.width // HEAD_SIZE

    @property
    def feed_forward(self) -> int:
        """Width of the gated feed-forward layer."""
        return -(-(self.width * 8 // 3) // 64) * 64

    @property
    def embeddings(self) -> int:
        """Matrices of a row an entry of the vocabulary: the embedding is the output layer too."""
        return 1

    @property
    def body_parameters(self) -> int:
        """Weights of the layers, without embedding and norms' gains of one width each."""
        return self.layers * (4 * self.width**2 + 3 * self.width * self.feed_forward + self.width) + self.width

    def shape(self, vocabulary: int) -> Shape:
        """The decoder of this size over a vocabulary."""
        return Shape(vocabulary, self.width, self.layers, self.heads, HEAD_SIZE, self.feed_forward)

    @property
    def learning_rate(self) -> float:
        """Peak learning rate: 4e-3 at width 128, falling as width to the power −1/2."""
        return round(4e-3 * math.sqrt(128 / self.width), 6)

    def batch_tokens(self, tokens: int | None = None) -> int:
        """Tokens a step for a training of so many tokens: the power of two nearest to 0.2920 · C^0.3271.

        The fit is DeepSeek LLM's (arXiv 2401.02954, §3.1), made between 1e17 and 2e19 FLOPs; C is here 6 · body
        parameters · tokens. Far outside that range it still comes near both ends of what is planned here: 4,096 for the
        quickstart, which takes 2,048, and at 400 billion tokens 4.19M for 2.8B, which is the paper's if its 512 are
        rows of 8,192, and 2.10M for 470M, half of that.

        Args:
            tokens: That are trained; None: `TOKENS_PER_PARAMETER` for each parameter of the body.
        """
        if tokens is None:
            tokens = TOKENS_PER_PARAMETER * self.body_parameters
        fitted: float = 0.2920 * (6 * self.body_parameters * tokens) ** 0.3271
        return 1 << round(math.log2(fitted))


@dataclass(frozen=True, slots=True)
class ImportedSize:
    """The shape of a model that others made, as a size. It has no learning rate of its own."""

    of: Shape

    @property
    def width(self) -> int:
        """Channels."""
        return self.of.width

    @property
    def layers(self) -> int:
        """Blocks."""
        return self.of.layers

    @property
    def heads(self) -> int:
        """Attention heads, of queries."""
        return self.of.heads

    @property
    def embeddings(self) -> int:
        """Matrices of a row an entry of the vocabulary: one where the embedding is the output layer too, else two."""
        return 1 if self.of.tied else 2

    @property
    def body_parameters(self) -> int:
        """Weights beside the embedding and the output layer."""
        return self.of.parameters - self.embeddings * self.of.vocabulary * self.of.width

    def shape(self, vocabulary: int) -> Shape:
        """The decoder over a vocabulary, which need not be its own."""
        return replace(self.of, vocabulary=vocabulary)


def sizes_table() -> str:
    """All sizes as a table in Markdown: `docs/reference/sizes.md` holds it."""
    rows = ["| size | width | layers | heads | feed-forward | parameters | learning rate | tokens a step | steps |"]
    rows.append(f"|---|{'---:|' * 8}")
    for name, size in SIZES.items():
        batch = size.batch_tokens()
        steps = round(TOKENS_PER_PARAMETER * size.body_parameters / batch)
        numbers = (size.width, size.layers, size.heads, size.feed_forward, size.body_parameters)
        shown = [f"{number:,}" for number in numbers] + [f"{size.learning_rate:g}", f"{batch:,}", f"{steps:,}"]
        rows.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(rows)


SIZES = {
    "1M": Size(128, 6),
    "5M": Size(256, 6),
    "15M": Size(384, 8),
    "30M": Size(512, 10),
    "60M": Size(640, 12),
    "150M": Size(1024, 12),
    "470M": Size(1408, 20),
    "1B": Size(1792, 26),
    "2.8B": Size(2560, 36),
}
