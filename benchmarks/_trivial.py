"""A step that does nothing but leave a file, to see what an engine adds to a step."""

from assay.run.step import Call


def make(call: Call) -> None:
    """Leave a file."""
    (call.out / "done.txt").write_text("done\n", encoding="utf-8")
