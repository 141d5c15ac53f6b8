"""A batch on the terminal: its rows, the documents in each, and if asked their text."""

import re

from rich.console import Console
from rich.text import Text

from assay.run.trace import Extract, Row, Trace

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would obey instead of showing it."""


def print_trace(trace: Trace, decode: bool, console: Console) -> None:
    """Print which documents a batch was made of.

    Args:
        trace: From `assay.run.trace.trace`.
        decode: Whether to print the text, a line between two documents.
        console: Where to.
    """

    def say(line: str, style: str = "") -> None:
        console.print(Text(line, style=style), soft_wrap=True)

    mix = ", ".join(f"{100 * share:.4g} % {name}" for name, share in trace.mix.items())
    say(
        f"{trace.study}: arm {trace.arm}, size {trace.size}, seed {trace.seed}, step {trace.step} of {trace.steps} "
        f"(stage '{trace.stage}': {mix})"
    )
    say(f"read from the manifest of state/{trace.state[:12]}")
    for number, row in enumerate(trace.rows, start=1):
        say("")
        say(
            f"row {number} of {len(trace.rows)}: {row.ingredient}, row {row.index} of its stream, {_epochs(row)}",
            "bold",
        )
        widths = [max(map(len, column)) for column in zip(*map(_cells, row.extracts), strict=True)]
        for extract in row.extracts:
            tokens, *cells = (cell.ljust(width) for cell, width in zip(_cells(extract), widths, strict=True))
            say(f"  {tokens.strip():>{widths[0]}}  {'  '.join(cells)}".rstrip(), "cyan" if decode else "")
            if decode:
                for line in _printable(extract.text).split("\n"):
                    say(f"  │ {line}")
                if extract.ends:
                    say("  └ end of the document", "dim")
        if decode:
            say(f"  then, as the last target: {_quoted(row.target)}", "dim")


def _epochs(row: Row) -> str:
    first, last = row.extracts[0].epoch, row.extracts[-1].epoch
    return f"epoch {first}" if first == last else f"epochs {first} and {last}"


def _cells(extract: Extract) -> tuple[str, ...]:
    where = extract.path if extract.group in extract.path else f"{extract.path} (of {extract.group})"
    return (
        f"{extract.tokens:,} token{'' if extract.tokens == 1 else 's'}",
        f"bytes {extract.from_byte:,} to {extract.to_byte:,}{', its end' if extract.ends else ''}",
        f"{extract.kind}, {extract.language}",
        f"{extract.source}: {where}",
    )


def _printable(text: str) -> str:
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def _quoted(text: str) -> str:
    return f"'{_printable(text)}'".replace("\n", "\\n") if text else "the end of the document"
