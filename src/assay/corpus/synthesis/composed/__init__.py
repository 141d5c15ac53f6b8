"""Problems put together from operations whose meaning is known, without any model: typed, seeded, without end.

`operation` says what an operation is, `operations` holds them by family, `sample` draws a program (a graph of
operations), `render` writes it as Python in one of several ways, `statement` says it in English, `properties` derives
what must hold, `compose` makes a candidate of it. Whether a program is right is not decided here: verification runs it.
"""

from pathlib import Path

THEMES = Path(__file__).parent / "themes.yaml"
"""What problems are about; part of their identity."""
