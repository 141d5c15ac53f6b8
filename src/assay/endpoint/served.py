"""A checkpoint made ready to be served: decoder, tokenizer, what ends its answers, how it writes conversations.

Checkpoints are those of ``assay eval``, through the same steps: a model of others is brought into the store once, and
the next start finds it there. The store keeps weights and tokenizer; the chat template and the tokens that end a turn
are read from where the model lies.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from assay.endpoint.chat import ChatTemplate, plain_template
from assay.endpoint.told import Told, told_of
from assay.errors import InputError
from assay.evaluate.checkpoint import open_decoder
from assay.evaluate.requests import first_of
from assay.model.decoder import Decoder
from assay.model.imported import DOCUMENT_END
from assay.model.shape import Shape
from assay.run.choose import open_engine
from assay.run.chosen import Which, choose_checkpoints
from assay.run.device import DeviceName, choose_device
from assay.run.memory import LEAST_BYTES
from assay.tokens import tokenizer as bpe
from assay.train.compiled import set_up_torch


@dataclass(frozen=True)
class Served:
    """A model that can be asked."""

    name: str
    decoder: Decoder
    tokenizer: Tokenizer
    longest: int
    """Tokens of a prompt and its answer together."""
    first: tuple[int, ...]
    """Tokens before every text."""
    ends: frozenset[int]
    """Tokens that end an answer: the document's end, and a turn's."""
    chat: ChatTemplate

    def encode(self, text: str) -> tuple[int, ...]:
        """A text in tokens, as a model reads it here: control tokens spelled out; an empty one is a document's end."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return (*self.first, *ids) or (bpe.end_id(self.tokenizer),)


def open_served(
    given: str, which: Which, device: DeviceName = "auto", precision: str | None = None, context: int | None = None
) -> Served:
    """Make a checkpoint ready.

    Args:
        given: As ``assay eval`` takes it.
        which: Of a run folder.
        device: What it is computed on.
        precision: ``float32`` or ``bfloat16``; None: the checkpoint's own.
        context: Tokens of a prompt and its answer together; None: what the checkpoint was made for.

    Raises:
        InputError: There is no such checkpoint, or its context is shorter.
        StepError: It cannot be imported, or the store is damaged.
    """
    (checkpoint,) = choose_checkpoints([given], which)
    if context is not None:
        if context > checkpoint.longest:
            raise InputError(f"--context {context:,}: {checkpoint.label} reads at most {checkpoint.longest:,} tokens")
        checkpoint = replace(checkpoint, longest=context)
    packages = [step for name, step in checkpoint.step.inputs.items() if name.startswith("package:")]
    needed = LEAST_BYTES + 12 * checkpoint.shape.parameters
    with open_engine("local", None, 1, None, needed, "cpu") as engine, engine.store.in_use():
        engine.make([checkpoint.step, checkpoint.tokenizer, *packages])
        store = engine.store
        state, words = (store.open(step.kind, step.key) for step in (checkpoint.step, checkpoint.tokenizer))
        wheels = [next(store.open(step.kind, step.key).glob("*.whl")) for step in packages]
        source = checkpoint.step.place.get("source")
        chosen = choose_device(device)
        set_up_torch(chosen)
        precision = precision or checkpoint.precision
        return served_of(
            state,
            words,
            checkpoint.shape,
            name=checkpoint.file,
            precision=precision,
            longest=checkpoint.longest,
            told=told_of(source, *wheels) if isinstance(source, str) else Told(),
            average=checkpoint.average,
            device=chosen,
        )


def served_of(
    state: Path,
    words: Path,
    shape: Shape,
    *,
    name: str,
    precision: str,
    longest: int,
    told: Told,
    average: tuple[int, ...] = (),
    device: str = "cpu",
) -> Served:
    """A model made ready from what a store holds of it.

    Args:
        state: Folder of a ``state`` or ``model``.
        words: Folder of its ``tokenizer``, or of the ``model``.
        shape: Of the model.
        name: What it is called.
        precision: ``float32`` or ``bfloat16``.
        longest: Tokens of a prompt and its answer together.
        told: What its files say.
        average: Steps whose weights' mean is taken; none: the last alone.
        device: ``cpu`` or ``cuda``.
    """
    tokenizer = bpe.load(words)
    end, first = bpe.end_id(tokenizer), first_of(words)
    before = (end,) if first is None else first
    added = tokenizer.get_added_tokens_decoder().items()
    control = {token.content: number for number, token in added if token.special}
    for special in (DOCUMENT_END, told.names.get("eos_token", DOCUMENT_END)):
        if tokenizer.token_to_id(special) is None:
            control[special] = end  # renamed when the tokenizer was brought in
    numbers = [control.get(one) if isinstance(one, str) else one for one in told.ends]
    return Served(
        name=name,
        decoder=open_decoder(state, shape, precision, average, device),
        tokenizer=tokenizer,
        longest=longest,
        first=before,
        ends=frozenset([end, *(number for number in numbers if number is not None)]),
        chat=ChatTemplate(told.template, control, told.names) if told.template else plain_template(before or (end,)),
    )
