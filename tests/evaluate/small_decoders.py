"""Small decoders for tests of generation: random ones with peaked logits, and ones that say what they are told."""

from collections.abc import Sequence
from functools import cache
from pydoc_data.topics import topics

import torch
from tokenizers import Tokenizer

from assay.model.decoder import Decoder, initialise, plain_decoder, views
from assay.model.shape import Shape
from assay.tokens import tokenizer as bpe

TEXTS = tuple(topics[name] for name in sorted(topics))
"""The language reference: real English."""
VOCABULARY = 512
SHAPES = {
    "parallel": Shape(VOCABULARY, 128, 3, heads=2, head_size=64, feed_forward=192),
    "llama with grouped keys": Shape(
        VOCABULARY, 128, 3, 4, 32, 160, block="llama", key_heads=2, tied=False, norm_epsilon=1e-6, rotary_base=500.0
    ),
    "llama, narrow heads": Shape(VOCABULARY, 96, 2, 6, 16, 160, block="llama", key_heads=2),
}
"""The kernels fit the first two."""


@cache
def tokenizer() -> Tokenizer:
    """Trained on the language reference."""
    return bpe.train(TEXTS, VOCABULARY)


def prompts(*lengths: int) -> list[tuple[int, ...]]:
    """Real text in ids, behind the end token, one of each length."""
    return [(0, *tokenizer().encode(text).ids)[:length] for text, length in zip(TEXTS[5:], lengths, strict=False)]


@cache
def random_weights(shape: Shape) -> torch.Tensor:
    """Fresh weights, large enough that one token is often far likelier than the others, and gains that differ."""
    weights = initialise(shape, 3)
    weights *= 2.5
    weights[: shape.vocabulary * shape.width] *= 4
    gains = torch.randn(shape.parameters - shape.decayed, generator=torch.Generator().manual_seed(0))
    weights[shape.decayed :] = 1 + 0.3 * gains
    return weights


def random_decoder(name: str, dtype: torch.dtype = torch.float32) -> Decoder:
    """A decoder of one of `SHAPES`."""
    return plain_decoder(SHAPES[name], random_weights(SHAPES[name]).to(dtype))


def told_decoder(tokens: Sequence[int]) -> Decoder:
    """Says these tokens, all different, one after another; the last is followed by itself.

    Layers add nothing, embeddings are unit vectors, and the output layer turns each into its successor's.
    """
    shape = Shape(VOCABULARY, VOCABULARY, 1, 4, 128, 32, block="llama", tied=False)
    flat = torch.zeros(shape.parameters)
    weights = views(shape, flat)
    weights["embedding"].copy_(torch.eye(VOCABULARY))
    for before, after in zip(tokens, (*tokens[1:], tokens[-1]), strict=True):
        weights["head"][after, before] = 1
    weights["norm"].fill_(1)
    return plain_decoder(shape, flat)
