"""A conversation as the tokens that a chat model was trained to read.

A model's own template is a Jinja program in its folder or GGUF file; it runs in Jinja's sandbox, in the surroundings
that transformers gives it. What a message says can never act as a control token: a text that mentions ``<|im_end|>`` is
spelled out, so an answer under judgement cannot end its own turn. A model without a template is given a plain one:
names and colons. No tools, no images.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from tokenizers import Tokenizer

from assay.errors import InputError

PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] }}\n\n{% else %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}\n{% endif %}{% endfor %}Assistant:"
)
"""For a model that was never taught to talk."""
PLAIN_STOPS = ("\nUser:", "\nSystem:", "\nAssistant:")
"""Where such a model goes on to write the other's part."""
MARKS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Characters that no text should hold (Unicode's noncharacters)."""


@dataclass(frozen=True)
class ChatTemplate:
    """How a conversation is written."""

    source: str
    """Jinja."""
    control: Mapping[str, int] = field(default_factory=dict)
    """Ids of the control tokens that it may write, by name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """``bos_token``, ``eos_token`` and their like, as it may call them."""
    before: tuple[int, ...] = ()
    """Tokens before everything."""
    stops: tuple[str, ...] = ()
    """Texts that end an answer besides those that are asked for."""

    def written(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The conversation as one text, with the beginning of the answer.

        Args:
            messages: Each with ``role`` and ``content``.

        Raises:
            InputError: The template refuses them, or is faulty; the message is its own.
        """
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        surroundings = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        surroundings.filters["tojson"] = _as_json
        surroundings.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
        values: dict[str, Any] = {"tools": None, "documents": None, "add_generation_prompt": True, **self.names}
        try:
            return surroundings.from_string(self.source).render(messages=messages, **values)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as problem:
            raise InputError(f"the model's chat template refuses these messages: {problem}") from None

    def encode(self, tokenizer: Tokenizer, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """The conversation in tokens.

        Args:
            tokenizer: The model's own, set to spell control tokens out.
            messages: As for `written`.

        Raises:
            InputError: As for `written`.
        """
        said = "".join(message["content"] for message in messages)
        mark = next((mark for mark in MARKS if mark not in said), MARKS[0])
        names = sorted(self.control, key=len, reverse=True)
        cut = re.compile("(" + "|".join(map(re.escape, names)) + ")") if names else None
        if cut is not None:
            messages = [
                {**message, "content": cut.sub(lambda found: mark.join(found[0]), message["content"])}
                for message in messages
            ]
        text = self.written(messages)
        ids = list(self.before)
        for part in cut.split(text) if cut is not None else [text]:
            if part in self.control:
                ids.append(self.control[part])
            elif part:
                ids += tokenizer.encode(part.replace(mark, ""), add_special_tokens=False).ids
        return tuple(ids)


def plain_template(before: Sequence[int]) -> ChatTemplate:
    """For a model that has none of its own; ``before``: the tokens that every text begins with."""
    return ChatTemplate(PLAIN, before=tuple(before), stops=PLAIN_STOPS)


def _as_json(value: object, ensure_ascii: bool = False, indent: int | None = None) -> str:
    """Without the escapes for HTML that Jinja's own filter puts in."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
