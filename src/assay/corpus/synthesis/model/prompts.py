"""What a model is asked: a problem in a fixed layout, with an example before its eyes, and what was wrong with it.

Five headed sections and plain code, no JSON: a model of a billion parameters can follow it, and a reply that goes
astray in one place can still be read in the others. Everything is a pure function of the seed, the prompt's number and
the reply that is to be repaired.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from assay.corpus.synthesis.model.topics import IDEAS, LEVELS, PLACES

VERSION = "1"
"""Of these texts; kept with every record."""
SNIPPET_LINES = 40
SNIPPET_CHARACTERS = 1600
DETAIL_CHARACTERS = 1200

_LAYOUT = '''\
Write one programming problem in Python with its solution. Use this layout, with these five headings, and nothing else.

### Problem
What the function does, in two to six sentences: its name, its parameters, its result, and what happens in edge cases.
### Solution
```python
One function with type annotations and a docstring of one line. Imports from the standard library only; no printing, \
no reading of files, no randomness.
```
### Tests
```python
Four to eight lines, each an assert with literal values.
```
### Inputs
```python
def make_inputs(random): returns a tuple with the arguments of one call, made with the given random.Random. Many \
different calls must be possible, small ones among them.
```
### Properties
- A sentence | an expression in Python that is true for every input; it may use the parameters, `result`, and the \
function

Here is an example.

### Problem
Write a function `busiest_day(visits)` that gets a list of weekday names, one for each visit, and returns the name \
that occurs most often. If several occur equally often, the one that comes first in the alphabet is returned. For an \
empty list the result is an empty string.
### Solution
```python
def busiest_day(visits: list[str]) -> str:
    """Return the most frequent name, the first in the alphabet if several are."""
    counts: dict[str, int] = {}
    for day in visits:
        counts[day] = counts.get(day, 0) + 1
    return min(counts, key=lambda day: (-counts[day], day), default="")
```
### Tests
```python
assert busiest_day(["Mon", "Tue", "Mon"]) == "Mon"
assert busiest_day(["Wed", "Tue"]) == "Tue"
assert busiest_day([]) == ""
assert busiest_day(["Sun", "Sat", "Sat", "Sun"]) == "Sat"
```
### Inputs
```python
def make_inputs(random):
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    return ([random.choice(days) for _ in range(random.randint(0, 12))],)
```
### Properties
- The result is one of the visited days | result in visits or visits == []
- No day occurs more often | all(visits.count(day) <= visits.count(result) for day in visits)
- The order of the visits does not matter | busiest_day(visits[::-1]) == result

Now write another problem. '''
_REPAIR = """\
The problem was checked by running it, and refused.
Stage: {stage}
Reason: {why}
{detail}
Write the whole problem again, corrected, in the same layout with all five headings (Problem, Solution, Tests, Inputs, \
Properties)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked under one number."""

    number: int
    topic: str
    place: str
    snippet: str
    """Code that it is to be drawn from; empty if none."""
    text: str


def prompt(seed: int, number: int, snippets: Sequence[str] = ()) -> Prompt:
    """The prompt of a number; with snippets, every second one shows one of them."""
    topic = IDEAS[draw(len(IDEAS), "topic", seed, number)]
    place = PLACES[draw(len(PLACES), "place", seed, number)]
    level = LEVELS[draw(len(LEVELS), "level", seed, number)]
    snippet = ""
    if snippets and draw(2, "source", seed, number):
        snippet = _cut(snippets[draw(len(snippets), "snippet", seed, number)], draw(2**31, "cut", seed, number))
    if snippet:
        about = (
            "Take the idea from the following piece of real code, but let the problem stand alone: it must not mention "
            f"the code or need anything that is not in it.\n\n```\n{snippet}\n```\n\nIts level is {level}."
        )
    else:
        about = f"It is about {topic}. It comes from {place}. Its level is {level}."
    return Prompt(number=number, topic=topic, place=place, snippet=snippet, text=_LAYOUT + about)


def repair(stage: str, why: str, detail: str) -> str:
    """What a model is told of a problem that was refused."""
    shown = detail if len(detail) <= DETAIL_CHARACTERS else detail[:DETAIL_CHARACTERS] + " …"
    return _REPAIR.format(stage=stage, why=why, detail=f"{shown}\n" if shown else "")


def draw(count: int, *key: object) -> int:
    """A number below ``count`` that depends on the key alone."""
    value = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return int.from_bytes(value[:8], "big") % count


def _cut(code: str, choice: int) -> str:
    """At most `SNIPPET_LINES` lines, from the beginning of a function or class if there is one."""
    lines = code.replace("```", "").splitlines()
    begins = [at for at, line in enumerate(lines) if line.lstrip().startswith(("def ", "class ", "async def "))]
    at = begins[choice % len(begins)] if begins else 0
    return "\n".join(lines[at : at + SNIPPET_LINES])[:SNIPPET_CHARACTERS].strip()
