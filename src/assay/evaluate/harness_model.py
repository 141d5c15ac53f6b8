"""A decoder of Assay's as lm-eval knows a model, so that the harness's tasks run on Assay's scorer and generator.

What a text is in tokens is the harness's own code (`TemplateLM`) and the rules of its Hugging Face model: what the
tokenizer puts before every text, spaces between context and continuation, windows of long documents, what is cut where
something is too long. Control tokens that a text mentions are read as such, as there. Chat templates are not applied:
base models have none. This module needs the extra ``harness``; it is imported by `harness.run_harness` alone.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tokenizers import Tokenizer

from assay.errors import StepError
from assay.evaluate.generate import Ask, Decoding, generate
from assay.evaluate.scorer import score_pairs
from assay.model.decoder import Decoder

ANSWER_TOKENS = 256
"""Most tokens of an answer where a task does not say, as in the harness."""
_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names that tasks give to the most tokens of an answer; the first that is given counts."""
_DRAWING = {"top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"}
"""Options that mean nothing where the likeliest token is taken."""


class AssayLM(TemplateLM):  # type: ignore[misc]  # lm-eval is without types
    """A model for `lm_eval.simple_evaluate`.

    Args:
        decoder: In float32 or bfloat16, on any device.
        tokenizer: Its own.
        end: Token that ends a document.
        longest: Tokens that it reads at once.
        first: Tokens before every text, see `assay.evaluate.requests.first_tokens`; one or none.
        say: Called with how many of the requests in hand are done, and how many there are.
    """

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Tokenizer,
        end: int,
        longest: int,
        first: Sequence[int],
        say: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__()
        self._decoder = decoder
        self._words = Tokenizer.from_str(tokenizer.to_str())
        self._words.no_truncation()
        self._words.no_padding()
        self._end = end
        self._longest = longest
        self._first = list(first)
        self._begins = self._words.decode([self.prefix_token_id], skip_special_tokens=False)
        self._say = say
        self.scored: dict[tuple[str, ...], tuple[int, ...]] = {}
        """Tokens of each continuation that was scored, by the request's texts."""

    @property
    def eot_token_id(self) -> int:
        """Token that ends a document."""
        return self._end

    @property
    def prefix_token_id(self) -> int:
        """Token before a text that has no context."""
        return self._first[0] if self._first else self._end

    @property
    def max_length(self) -> int:
        """Tokens that are read at once."""
        return self._longest

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """A text in tokens, behind what stands before every text unless that is there already."""
        ids: list[int] = self._words.encode(string, add_special_tokens=False).ids
        is_there = add_special_tokens is None and self._begins != "" and string.startswith(self._begins)
        return ids if add_special_tokens is False or is_there else [*self._first, *ids]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """Nats of each continuation behind its context, and whether each of its tokens was the likeliest."""
        found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return found

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[tuple[str, ...], list[int], list[int]]],
        disable_tqdm: bool = True,
        **_: Any,
    ) -> list[tuple[float, bool]]:
        pairs = []
        for texts, context, continuation in requests:
            self.scored[texts] = tuple(continuation)
            pairs.append(self._cut(context, continuation))
        return [(score.logprob, score.greedy) for score in score_pairs(self._decoder, pairs, self._say)]

    def _cut(self, context: Sequence[int], continuation: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The last token is not read, so one more than `max_length` fits; the beginning goes."""
        if not continuation:
            raise StepError("a continuation's tokens begin inside its context's last one, where lm-eval stops too")
        room = self._longest + 1 - len(continuation)
        if room < 1:
            raise StepError(
                f"a continuation of {len(continuation):,} tokens cannot be scored by a model that reads "
                f"{self._longest:,} at once"
            )
        return tuple(context)[-room:] or (self.prefix_token_id,), tuple(continuation)

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = True) -> list[float]:
        """Nats of whole documents, in windows each of which begins with the last token of the one before."""
        pairs = []
        owners = []
        for index, request in enumerate(requests):
            (text,) = request.args
            tokens = self.tok_encode(text)
            self.scored[(text,)] = tuple(tokens)
            for window in get_rolling_token_windows(tokens, self.prefix_token_id, self._longest, 1):
                pairs.append(self._cut(*make_disjoint_window(window)))
                owners.append(index)
        sums = [0.0] * len(requests)
        for owner, score in zip(owners, score_pairs(self._decoder, pairs, self._say), strict=True):
            sums[owner] += score.logprob
        return sums

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:
        """Answers in words, each cut before the first of its request's ``until``."""
        times: Counter[str] = Counter()
        asks = []
        for request in requests:
            context, options = request.args
            decoding = _decoding(options, str(request.task_name))
            room = self._longest - decoding.tokens
            if room < 1:
                raise StepError(
                    f"lm-eval's task {request.task_name} wants answers of up to {decoding.tokens} tokens, and of "
                    f"{self._longest} that the model reads at once none is left for the question"
                )
            prompt = self.tok_encode(context)[-room:] or [self.prefix_token_id]
            key = f"{request.task_name}/{request.doc_id}/{request.idx}"
            asks.append(Ask(key, tuple(prompt), decoding, times[key]))
            times[key] += 1
        answers = generate(self._decoder, self._words, (self._end,), asks, self._longest, say=self._say)
        return [answer.text for answer in answers]


def _decoding(options: Mapping[str, Any], task: str) -> Decoding:
    """A task's ``generation_kwargs`` as the harness understands them; without ``do_sample``, a temperature decides."""
    rest = dict(options)
    until = rest.pop("until", None) or []
    limits = [rest.pop(name, None) for name in _LIMITS]
    temperature = float(rest.pop("temperature", None) or 0.0)
    if rest.pop("do_sample", None) is False:
        temperature = 0.0
    top_p = float(rest.pop("top_p", None) or 1.0)
    if rest.get("num_beams") == 1:
        del rest["num_beams"]
    unknown = sorted(rest.keys() - (_DRAWING if temperature == 0 else set()))
    if unknown:
        raise StepError(f"lm-eval's task {task} asks for generation with {', '.join(unknown)}, which Assay has not")
    return Decoding(
        tokens=next((int(limit) for limit in limits if limit is not None), ANSWER_TOKENS),
        stop=tuple(text for text in ([until] if isinstance(until, str) else until) if text),
        temperature=temperature,
        top_p=top_p if temperature else 1.0,
    )
