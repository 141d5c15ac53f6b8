"""A small model in Hugging Face layout that can chat, and the real program serving it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

import torch
from tokenizers import Tokenizer

from assay.evaluate.generate import Answer, Ask, Decoding, generate
from assay.model.decoder import Decoder, initialise, plain_decoder
from assay.model.export import write_model
from assay.model.shape import Shape
from assay.tokens import tokenizer as bpe

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LONGEST = 512
SHAPE = Shape(514, 128, 2, 4, 32, 160, block="llama", key_heads=2, tied=False)
START_SECONDS = 120


@cache
def tokenizer() -> Tokenizer:
    """Trained on the language reference, with the control tokens of ChatML; it spells them out in texts."""
    made = bpe.train(topics.values(), 512)
    made.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    made.encode_special_tokens = True
    return made


@cache
def decoder() -> Decoder:
    """Fresh weights, large enough that some tokens are far likelier than others."""
    return plain_decoder(SHAPE, _weights())


def _weights() -> torch.Tensor:
    weights = initialise(SHAPE, 5)
    weights *= 2.5
    weights[: SHAPE.vocabulary * SHAPE.width] *= 4
    weights[SHAPE.decayed :] = 1
    return weights


def write_folder(out: Path, longest: int = LONGEST) -> Path:
    """The model's folder, with a chat template."""
    words = out.parent / "words.json"
    tokenizer().save(str(words))
    write_model(out, SHAPE, _weights(), words, longest, "# tiny")
    (out / "chat_template.jinja").write_text(CHATML)
    return out


def answer(tokens: tuple[int, ...], decoding: Decoding, key: str = "", sample: int = 0) -> Answer:
    """What Assay's own generation answers."""
    return generate(decoder(), tokenizer(), (0,), [Ask(key, tokens, decoding, sample)], LONGEST)[0]


@dataclass
class Program:
    """``assay serve-model`` under way."""

    process: "subprocess.Popen[str]"
    address: str
    """Up to and with ``/v1``."""

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def start(store: Path, log: Path, *arguments: str | Path, **environment: str) -> Program:
    """Start the program at a free port, and wait until it serves."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay", "serve-model", *map(str, arguments), "--port", "0", "--threads", "1"],
            env=_environment(store) | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    begun = time.monotonic()
    line = process.stdout.readline()
    assert "serving" in line, f"{line}{log.read_text()} after {time.monotonic() - begun:.0f} s"
    return Program(process, line.split()[-1])


def _environment(store: Path) -> dict[str, str]:
    return {**os.environ, "ASSAY_STORE": str(store), "ASSAY_DEVICE": "cpu"}
