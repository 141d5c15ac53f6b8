"""What the program answers to an order that is wrong."""

from pathlib import Path

import pytest

from assay.cli import app
from assay.errors import AssayError


def refused(*arguments: str | Path) -> str:
    """What is said to an order that must be refused with exit code 2, here in this process."""
    with pytest.raises(AssayError) as problem:
        app([*map(str, arguments)], standalone_mode=False)
    assert problem.value.exit_code == 2
    return str(problem.value)
