"""A record as a training document, in four layouts: docstring first, like a notebook, as a question, tests first.

The statement, the code, the calls and the sentences are the record's own; a layout adds only a frame of a few words,
chosen by a hash of the record's id, so that a corpus of records does not repeat one wording. Solutions are taken apart
by `ast` alone and stand as they were written. All Python in a document is valid, and what a document says that a call
gives is what was seen when the record was proved. Nothing is run here.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar, get_args

from assay.corpus.document import Document
from assay.corpus.synthesis.docstring import COLUMNS, parse_solution, with_docstring, wrapped
from assay.corpus.synthesis.record import Example, Property, Record
from assay.errors import InputError, nearest

Layout = Literal["docstring", "notebook", "question", "tests"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_SHORT = 80
"""Characters of the arguments and result of examples that are shown before any other."""
_LONGEST = 400
"""Characters beyond which an example is not shown at all: a document is no table of numbers."""
_LEAST_SHOWN = 3
"""As many longer ones are shown where there are too few short ones."""
_LONGEST_NAME = 64
_CHECKS = {"metamorphic": "related_inputs", "invariant": "every_result", "inverse": "way_back"}
"""What a test of a property is called whose sentence is too long for a name."""
_PROMPT = re.compile(r">>> ?")
"""What would begin a doctest where a statement says it."""
_HEADS = (
    ("Question: ", "Answer:"),
    ("Q: ", "A:"),
    ("Problem: ", "Solution:"),
    ("Exercise. ", "Solution."),
    ("Task: ", "Answer:"),
    ("### Question\n\n", "### Answer"),
    ("**Problem.** ", "**Solution.**"),
    ("", "Answer:"),
)
_T = TypeVar("_T")


def documents(
    records: Iterable[Record], shares: Mapping[Layout, float], source: str, seed: int, *, every: bool = False
) -> Iterator[Document]:
    """Records as documents, one each in a layout drawn by a hash of (seed, id), in the order of the records.

    Args:
        records: What was proved.
        shares: How often each layout is drawn; they need not add up to 1. Layouts left out are not drawn.
        source: Name that the documents get as their source.
        seed: Another seed draws other layouts.
        every: Write each record in all layouts whose share is above 0; ``path`` is then ``id#layout``.

    Raises:
        InputError: A layout that is unknown, a negative share, or none above 0.
    """
    for name, share in shares.items():
        if name not in LAYOUTS:
            raise InputError(f"there is no layout '{name}'{nearest(name, LAYOUTS)}")
        if not 0 <= share < float("inf"):
            raise InputError(f"the share of the layout '{name}' is {share}; a share is a number from 0")
    layouts = [layout for layout in LAYOUTS if shares.get(layout, 0) > 0]
    if not layouts:
        raise InputError("no layout has a share above 0; for example: docstring: 1, question: 1")
    return _documents(records, [(layout, shares[layout]) for layout in layouts], source, seed, every)


def _documents(
    records: Iterable[Record], shares: Sequence[tuple[Layout, float]], source: str, seed: int, every: bool
) -> Iterator[Document]:
    whole = sum(share for _, share in shares)
    for record in records:
        drawn = _number(seed, record.problem.id) / 2**64 * whole
        chosen = shares[-1][0]
        for layout, share in shares:
            if drawn < share:
                chosen = layout
                break
            drawn -= share
        for layout in [layout for layout, _ in shares] if every else [chosen]:
            yield Document(
                text=write(record, layout),
                source=source,
                path=f"{record.problem.id}#{layout}" if every else record.problem.id,
                group=record.problem.group,
                kind="synthetic",
                language="Python",
                licence=record.problem.licence,
            )


def write(record: Record, layout: Layout) -> str:
    """A record in a layout; ends with a newline.

    ``docstring`` and ``tests`` are Python modules; the sessions of the first are true doctests, and the functions
    ``test_…`` of the second pass. The fenced Python of ``notebook`` and ``question`` runs from top to bottom.

    Raises:
        StepError: The solution is no Python, or does not define the function that is asked for.
    """
    problem = record.problem
    clean = replace(problem, solution=_lines(problem.solution), alternative=_lines(problem.alternative))
    record = replace(record, problem=replace(clean, statement=problem.statement.replace("\r\n", "\n").strip()))
    return {"docstring": _docstring, "notebook": _notebook, "question": _question, "tests": _tests}[layout](record)


def _docstring(record: Record) -> str:
    problem = record.problem
    _, function = parse_solution(problem.solution, problem.entry)
    columns = COLUMNS - 4
    paragraphs = [wrapped(_PROMPT.sub("> ", problem.statement), columns)]
    old = ast.get_docstring(function) or ""
    if old and len(old) <= 72 and "\n" not in old and _pick(record, "summary", (True, False)):
        paragraphs.insert(0, old)
    abouts = _sentences(record)
    if _pick(record, "abouts", (True, False)) and abouts:
        paragraphs.append(wrapped(" ".join(abouts), columns))
    shown = _shown(record, _pick(record, "most", (2, 3, 4)))
    if shown:
        heading = _pick(record, "heading", ("", "", "Examples:\n", "Example:\n\n", "For example:\n\n"))
        paragraphs.append(heading + "\n".join(_session(_call(record, one), one.result) for one in shown))
    return with_docstring(problem.solution, problem.entry, "\n\n".join(paragraphs))


def _notebook(record: Record) -> str:
    problem = record.problem
    title = problem.entry.strip("_").replace("_", " ")
    cells = [f"{_pick(record, 'title', ('#', '#', '##'))} {title[:1].upper()}{title[1:]}", problem.statement]
    cells.append(_fenced(problem.solution))
    shown = _shown(record, 3)
    way = _pick(record, "calls", ("cells", "comments", "prompt", "print"))
    cells += [one for one in [_pick(record, "before", ("", "", "A few calls:", "Trying it out:"))] if one and shown]
    if way == "cells":
        for one in shown:
            cells += [_fenced(_displayed(_call(record, one), one.result)), f"```\n{one.result}\n```"]
    elif way == "comments" and shown:
        cells.append(_fenced("\n".join(f"{_call(record, one)}  # {one.result}" for one in shown)))
    elif way == "prompt" and shown:
        cells.append(
            "\n\n".join(_prompt(record, one, number) for number, one in enumerate(shown, 2)).join(["```\n", "\n```"])
        )
    elif shown:
        cells.append(_fenced("\n".join(f"print({_call(record, one)})" for one in shown)))
        cells.append("\n".join(["```", *(_printed(one.result) for one in shown), "```"]))
    others = _shown(record, 8)[len(shown) :]
    for number, check in enumerate(_checkable(record)[:2]):
        cells += [check.about, _fenced(_loop(record, check, number))]
    if others:
        cells += [one for one in [_pick(record, "more", ("", "More cases:", "Check:"))] if one]
        cells.append(_fenced("\n".join(_assertion(record, one) for one in others)))
    if problem.alternative and shown and _pick(record, "again", (True, False)):
        cells.append(_pick(record, "alternative", ("Another way to write it:", "The same, written differently:")))
        cells += [_fenced(problem.alternative), _fenced("\n".join(_assertion(record, one) for one in shown))]
    return "\n\n".join(cells) + "\n"


def _question(record: Record) -> str:
    problem = record.problem
    asks, answers = _pick(record, "heads", _HEADS)
    blocks = [asks + problem.statement]
    if not re.search(rf"`{problem.entry}\b|\b{problem.entry}\(", problem.statement):
        blocks.append(
            _pick(
                record,
                "name",
                (
                    f"Write it as `{problem.signature}`.",
                    f"Call the function `{problem.entry}`.",
                    f"```python\n{problem.signature}:\n    ...\n```",
                ),
            )
        )
    blocks += [answers, _fenced(problem.solution)]
    shown = _shown(record, _pick(record, "most", (1, 2, 3)))
    instances = [
        f"`{_call(record, one)}` {_pick(record, 'gives', ('gives', 'returns', 'is'))} `{one.result}`" for one in shown
    ]
    abouts = _sentences(record)
    why = " ".join(abouts)
    if len(abouts) > 1 and _pick(record, "list", (True, False)):
        why = _pick(record, "holds", ("This always holds:", "Whatever the input:", "Why this is right:")) + "\n\n"
        why += "\n".join(f"- {about}" for about in abouts)
    calls = ""
    if instances:
        calls = _pick(record, "instance", ("For example, ", "So ", "For instance, ")) + _listed(instances) + "."
    blocks += [one for one in ((calls, why) if _pick(record, "order", (True, False)) else (why, calls)) if one]
    if problem.alternative and _pick(record, "again", (True, False)):
        blocks.append(_pick(record, "alternative", ("It can also be written like this:", "Another solution:")))
        blocks.append(_fenced(problem.alternative))
    return "\n\n".join(blocks) + "\n"


def _tests(record: Record) -> str:
    problem = record.problem
    imports, rest = _imports_apart(record)
    comment = _comment(problem.statement, COLUMNS)
    shown = _shown(record, _pick(record, "most", (4, 5, 6)))
    asserted = [_assertion(record, one) for one in shown]
    own = [one for one in problem.tests if one not in asserted and "\n" not in one][:4]
    tests = []
    if _pick(record, "table", (True, False, False)) and shown and not own:
        name = _pick(record, "cases", ("CASES", "EXPECTED", "EXAMPLES"))
        rows = "".join(f"    (({_tuple(one.arguments)}), {one.result}),\n" for one in shown)
        body = f"    for arguments, expected in {name}:\n        assert {problem.entry}(*arguments) == expected"
        tests += [f"{name} = [\n{rows}]", f"def test_{problem.entry}():\n{body}"]
    elif shown or own:
        body = "\n".join([*asserted, *own])
        tests.append(f"def test_{problem.entry}():\n{_indented(body)}")
    taken = [f"test_{problem.entry}"]
    for number, check in enumerate(_checkable(record)[:3]):
        words = re.findall(r"[a-z0-9]+", check.about.lower())
        name, about = "_".join(["test", *words]), ""
        if len(name) > _LONGEST_NAME or not words or name in taken:
            about = _comment(check.about, COLUMNS - 4) + "\n"
            name = f"test_{_CHECKS[check.sort]}"
            name += f"_{number + 1}" if name in taken else ""
        taken.append(name)
        tests.append(f"def {name}():\n{_indented(about + _loop(record, check, number))}")
    top = [comment, imports] if _pick(record, "top", (True, False)) else [imports, comment]
    return "\n\n\n".join(["\n\n".join(one for one in top if one), *tests, rest]) + "\n"


def _imports_apart(record: Record) -> tuple[str, str]:
    """The solution's imports at its head, and what is behind them."""
    tree, _ = parse_solution(record.problem.solution, record.problem.entry)
    lines = record.problem.solution.split("\n")
    end = 0
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            if node.lineno <= end:
                end = 0
            break
        end = node.end_lineno or node.lineno
    return "\n".join(lines[:end]).strip("\n"), "\n".join(lines[end:]).strip("\n")


def _shown(record: Record, most: int) -> list[Example]:
    """The first few examples that are short, new results first, and some longer ones where those are too few."""

    def size(example: Example) -> int:
        return len(example.arguments) + len(example.result)

    short = [one for one in record.examples if size(one) <= _SHORT]
    new = list({one.result: one for one in reversed(short)}.values())[::-1]
    chosen = [*new, *(one for one in short if one not in new)][:most]
    longer = sorted((one for one in record.examples if _SHORT < size(one) <= _LONGEST), key=size)
    return chosen + longer[: max(0, min(most, _LEAST_SHOWN) - len(chosen))]


def _call(record: Record, example: Example) -> str:
    return f"{record.problem.entry}({example.arguments})"


def _session(call: str, result: str) -> str:
    """A call in a doctest: with what the interpreter prints, or compared with it where that is not one text."""
    tree = ast.parse(result, mode="eval")
    if any(isinstance(node, ast.Set | ast.Call) for node in ast.walk(tree)) or result == "None":
        return f">>> {call} {'is' if result == 'None' else '=='} {result}\nTrue"
    value = repr(ast.literal_eval(result))
    return f">>> {call}\n{value}"


def _assertion(record: Record, example: Example) -> str:
    same = "is" if example.result in {"True", "False", "None"} else "=="
    return f"assert {_call(record, example)} {same} {example.result}"


def _displayed(call: str, result: str) -> str:
    return f"print({call})" if result == "None" else call


def _prompt(record: Record, example: Example, number: int) -> str:
    call = _displayed(_call(record, example), example.result)
    return f"In [{number}]: {call}\n" + ("" if call.startswith("print(") else f"Out[{number}]: ") + example.result


def _printed(result: str) -> str:
    return str(ast.literal_eval(result)) if result[:1] in "'\"" else result


def _sentences(record: Record) -> list[str]:
    """What the properties say of the function, each once; that it does as it announces is no news."""
    told = [one for one in record.problem.properties if one.sort not in {"contract", "agreement"}]
    return list(dict.fromkeys(one.about.strip() for one in told))


def _parameters(record: Record) -> list[str] | None:
    """Names of the parameters; None where not all can be given by their place."""
    arguments = parse_solution(record.problem.solution, record.problem.entry)[1].args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        return None
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args)]


def _checkable(record: Record) -> list[Property]:
    """Properties that can be checked beside the solution, where it is known to leave its arguments as they are."""
    names = _parameters(record)
    properties = record.problem.properties
    keeps = record.problem.maker == "composed" or any(one.sort == "contract" for one in properties)
    if not names or "result" in names or record.problem.entry in names or not keeps or not _shown(record, 1):
        return []
    return [one for one in properties if one.sort not in {"contract", "agreement"}]


def _loop(record: Record, check: Property, number: int) -> str:
    """A loop over the arguments of up to three calls (other ones for another number) that asserts a property."""
    names = _parameters(record) or []
    examples = _shown(record, 8)
    chosen = [examples[(2 * number + place) % len(examples)] for place in range(min(3, len(examples)))]
    rows = [one.arguments if len(names) == 1 else f"({one.arguments})" for one in chosen]
    head = f"for {', '.join(names)} in [{', '.join(rows)}]:"
    if len(head) > COLUMNS:
        head = f"for {', '.join(names)} in [\n" + "".join(f"    {row},\n" for row in rows) + "]:"
    tree = ast.parse(check.check, mode="eval").body
    claims = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    asserted = "".join(f"\n    assert {ast.get_source_segment(check.check, claim)}" for claim in claims)
    return f"{head}\n    result = {record.problem.entry}({', '.join(names)}){asserted}"


def _tuple(arguments: str) -> str:
    """What stands between the brackets of the tuple of some arguments."""
    call = ast.parse(f"call({arguments})", mode="eval").body
    return f"{arguments.rstrip().rstrip(',')}," if isinstance(call, ast.Call) and len(call.args) == 1 else arguments


def _lines(code: str) -> str:
    return code.replace("\r\n", "\n").strip("\n") + "\n" if code else ""


def _indented(block: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in block.split("\n"))


def _comment(text: str, columns: int) -> str:
    return "\n".join(f"# {line}".rstrip() for line in wrapped(text, columns - 2).split("\n"))


def _fenced(code: str) -> str:
    fence = "````" if "```" in code else "```"
    return f"{fence}python\n{code.strip()}\n{fence}"


def _listed(phrases: Sequence[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _number(*key: object) -> int:
    """A number below 2^64 that depends on the key alone."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _pick(record: Record, what: str, options: Sequence[_T]) -> _T:
    return options[_number(record.problem.id, what) % len(options)]
