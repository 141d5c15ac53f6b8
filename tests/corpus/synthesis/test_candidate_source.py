"""What is seen of a source at once is what is found by looking through it node by node."""

import marshal
from typing import Any

import pytest
from hand_made import SOLUTION, made

from assay.corpus.synthesis.composed.compose import compose
from assay.corpus.synthesis.composed.sample import Dial
from assay.corpus.synthesis.record import Candidate, Property
from assay.corpus.synthesis.verification import source

HEADS = {
    "nothing": "",
    "a module that is called": "import math\n\nROOT = math.isqrt(2)\n",
    "names of a module": "from collections import (\n    Counter,\n    deque,\n)\n",
    "another name": "import heapq as h\n\nLEAST = h.nsmallest(1, [2])\n",
    "a module that is passed on": "import math\n\nWHOLE = [math]\n",
    "a module that is changed": "import math\n\nmath.pi = 3\n",
    "a module that is changed by its other name": "import math as m\n\nm.pi = 3\n",
    "all names": "from math import *\n",
    "part of a package": "import collections.abc\n",
    "a relative import": "from . import math\n",
    "files": "import os\n",
    "files in words": "TEXT = '''\nimport os\n'''\n",
    "files behind a line end": "import math; import os\n",
    "a member that may be used": "import sys\n\nLARGE = sys.maxsize\n",
    "a member that may not": "import sys\n\nPATH = sys.path\n",
    "a word within a word": "known = 3\nopened = known\n",
    "a file": "TEXT = open\n",
    "letters beyond ASCII": "\N{MATHEMATICAL ITALIC SMALL O}pen(1)\n",
    "inner names": "KIND = ().__class__\n",
    "the time": "import datetime\n\nNOW = datetime.datetime.now()\n",
    "a second function of the name": "def large_total(readings):\n    return 0\n\n\n",
}


def read(candidate: Candidate) -> Any:
    try:
        job = source.as_job(candidate)
    except source.Unreadable as fault:
        return fault.args
    return marshal.dumps(job, 2)


def whole_look(candidate: Candidate) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source._Source, "is_plain", lambda _: False)
        patch.setattr(source._Source, "has_plainly", lambda *_: False)
        return read(candidate)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_quick_look_at_a_solution_finds_what_a_whole_one_finds(head: str) -> None:
    for text in (head + SOLUTION, SOLUTION + "\n\n" + head):
        candidate = made(solution=text)
        assert read(candidate) == whole_look(candidate)
        other = made(alternative=text)
        assert read(other) == whole_look(other)


@pytest.mark.parametrize("check", ["result == other", "open(result)", "[now for now in readings]", "().__class__"])
def test_a_quick_look_at_a_property_finds_what_a_whole_one_finds(check: str) -> None:
    candidate = made(properties=(Property(sort="invariant", about="So it is.", check=check),))
    assert read(candidate) == whole_look(candidate)


def test_a_quick_look_is_enough_for_nearly_all_composed_problems() -> None:
    slow = 0
    for number in range(60):
        candidate = compose(3, number, Dial())
        assert read(candidate) == whole_look(candidate)
        texts = (candidate.solution, candidate.inputs, candidate.alternative)
        slow += not all(source._Source(text, "source").is_plain() for text in texts)
    assert slow <= 12
