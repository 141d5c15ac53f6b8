"""A dozen records written by hand, of the shapes that layouts and measures must cope with."""

from assay.corpus.synthesis.record import Candidate, Example, Maker, Property, Record


def record(
    name: str,
    statement: str,
    solution: str,
    examples: dict[str, str],
    *,
    properties: tuple[Property, ...] = (),
    tests: tuple[str, ...] = (),
    alternative: str = "",
    maker: Maker = "composed",
    depth: int = 2,
) -> Record:
    """A record of a function ``name``; ``examples`` are arguments and results."""
    entry = name.split("/", maxsplit=1)[0]
    line = next(line for line in solution.split("\n") if line.startswith(f"def {entry}("))
    problem = Candidate(
        id=f"hand-{name}",
        maker=maker,
        statement=statement,
        entry=entry,
        signature=line.rstrip()[:-1] if line.rstrip().endswith("):") or "->" in line else f"def {entry}(value)",
        solution=solution,
        alternative=alternative,
        inputs="def make_inputs(random):\n    return ()\n",
        properties=properties,
        tests=tests,
        difficulty={"depth": depth, "operations": depth + 1, "lines": solution.count("\n")},
        topics=("sequences",),
        group=f"group-{entry}",
        provenance={"maker": "a hand"},
        seed=1,
        licence="CC0-1.0",
    )
    shown = tuple(Example(arguments=key, result=value) for key, value in examples.items())
    return Record(problem=problem, examples=shown, mutants=3, killed=3, inputs_tried=50)


ORDER = Property(
    sort="metamorphic",
    about="The order of the readings does not matter.",
    check="widest_gap(readings[::-1]) == result",
)
CONTRACT = Property(sort="contract", about="The result is an int.", check="isinstance(result, int)")

GAP = record(
    "widest_gap",
    "Given the readings of a sensor, put them in ascending order and find the largest difference between two readings "
    "that then stand beside each other. With fewer than two readings the answer is 0.",
    "from itertools import pairwise\n\n\ndef widest_gap(readings: list[int]) -> int:\n"
    '    """Return the largest gap between neighbouring readings."""\n'
    "    ordered = sorted(readings)\n"
    "    # neighbours only\n"
    "    return max((high - low for low, high in pairwise(ordered)), default=0)\n",
    {"[3, 1, 7]": "4", "[]": "0", "[5]": "0", "[-2, 9, 9]": "11", "[1, 2, 3]": "1", "[0, 100, 50, 75]": "50"},
    properties=(
        ORDER,
        Property(sort="invariant", about="The result is never negative.", check="result >= 0"),
        Property(
            sort="agreement", about="Comparing each with the next by index gives the same.", check="result == other"
        ),
        CONTRACT,
    ),
    alternative="def widest_gap(readings: list[int]) -> int:\n    ordered = sorted(readings)\n    best = 0\n"
    "    for place in range(1, len(ordered)):\n"
    "        best = max(best, ordered[place] - ordered[place - 1])\n    return best\n",
)
QUOTES = record(
    "quote_field",
    'A field of a table is put into quotation marks when it holds ", a backslash \\ or ", ". Every """ inside stays '
    "as it is, and every \\ is doubled. The separator between two fields is ', ' and must not be confused with ','.",
    "def quote_field(field):\n"
    "    '''Quote a field; \"\"\" and \\\\ are allowed.'''\n"
    "    doubled = field.replace('\\\\', '\\\\\\\\')\n"
    "    return f'\"{doubled}\"' if set(field) & set('\",\\\\') else field\n",
    {"'a'": "'a'", "'a, b'": "'\"a, b\"'", "'x\\\\y'": "'\"x\\\\\\\\y\"'", "'line\\nend'": "'line\\nend'"},
)
ONE_LINE = record(
    "twice/line",
    "Double the value.",
    "def twice(value): return value * 2\n",
    {"3": "6", "'ab'": "'abab'", "[0]": "[0, 0]"},
)
NOTHING = record(
    "clear",
    "Take everything out of the list, which is changed where it stands; nothing is returned.",
    "def clear(items: list[int]) -> None:\n    # from behind\n    while items:\n        items.pop()\n",
    {"[1, 2]": "None", "[]": "None"},
    maker="given",
    properties=(Property(sort="invariant", about="Nothing is returned.", check="result is None"),),
)
SETS = record(
    "shared_letters",
    "Which letters do both words have?\n\n- Capital letters count as small ones.\n- What is not a letter is left out; "
    "a digit, a space or a hyphen in either of the words makes no difference to what is found in the end.",
    "def letters(word: str) -> set[str]:\n    return {letter for letter in word.lower() if letter.isalpha()}\n\n\n"
    "def shared_letters(first: str, second: str) -> set[str]:\n    return letters(first) & letters(second)\n",
    {"'Anna', 'tan-1'": "{'a', 'n'}", "'', 'x'": "set()"},
    properties=(
        Property(
            sort="metamorphic", about="The words may change places.", check="shared_letters(second, first) == result"
        ),
        CONTRACT,
    ),
    maker="model",
    tests=("assert shared_letters('ab', 'ba') == {'a', 'b'}",),
)
LONG = record(
    "spread",
    "Spread the values of a list so that each stands as often as its place, counted from 1. >>> is not a prompt here.",
    "import math\nimport re\n\nWIDTH = 3\n\n\n"
    "def spread(\n    values: list[str],  # what is spread\n    most: int = 9,\n):\n"
    "    found = []\n    for place, value in enumerate(values, 1):\n        found += [value] * min(place, most)\n"
    "    return found\n\n\ndef unused():\n    return math.pi, re, WIDTH\n",
    {
        str([f"a long word number {number}" for number in range(4)]): str(
            [f"a long word number {number}" for number in range(4) for _ in range(number + 1)]
        )
    },
)
KEYWORDS = record(
    "clamp",
    "Keep a number between two bounds: below the lower one it becomes the lower one, above the upper one the upper.",
    "def clamp(number, *, low=0, high=10):\n    return max(low, min(number, high))\n",
    {"12": "10", "-1": "0", "3": "3", "2.5": "2.5", "True": "True"},
    properties=(CONTRACT, Property(sort="invariant", about="It lies between.", check="0 <= result")),
)
NESTED = record(
    "memo_paths",
    "In how many ways can a grid of the given size be crossed from the upper left to the lower right corner, moving "
    "right or down one field at a time?\n1. A grid without rows has one way.\n2. So has one without columns.",
    "from functools import lru_cache\n\n\n@lru_cache(maxsize=None)\ndef memo_paths(rows: int, columns: int) -> int:\n"
    "    if not rows or not columns:\n        return 1\n"
    "    return memo_paths(rows - 1, columns) + memo_paths(rows, columns - 1)\n",
    {"1, 1": "2", "2, 2": "6", "0, 5": "1", "3, 2": "10"},
    properties=(
        Property(
            sort="metamorphic", about="Rows and columns may change places.", check="memo_paths(columns, rows) == result"
        ),
    ),
    depth=3,
)
INNER = record(
    "flatten",
    "Write the words of nested lists into one list, from left to right.",
    "def flatten(nested):\n    @staticmethod\n    def walk(part):\n        for one in part:\n"
    "            if isinstance(one, list):\n                yield from walk(one)\n"
    "            else:\n                yield one\n\n"
    "    walk = walk.__func__\n    return list(walk(nested))\n",
    {"[['a'], 'b', [['c']]]": "['a', 'b', 'c']", "[]": "[]"},
)
TABBED = record(
    "initials",
    "Join the first letters of the words of a name.",
    "def initials(name: str) -> str:\n\treturn ''.join(word[0] for word in name.split())\n",
    {"'Ada Lovelace'": "'AL'", "''": "''", "'ß é'": "'ßé'"},
)
WINDOWS = record(
    "is_short",
    "Say whether a text has fewer than five characters.\r\nThe empty text has.",
    "def is_short(text: str) -> bool:\r\n    return len(text) < 5\r\n",
    {"''": "True", "'12345'": "False", "'abc'": "True"},
)
ALONE = record("answer", "Give the answer.", "def answer() -> int:\n    return 42\n", {"": "42"})

RECORDS = (
    GAP,
    QUOTES,
    ONE_LINE,
    NOTHING,
    SETS,
    LONG,
    KEYWORDS,
    NESTED,
    INNER,
    TABBED,
    WINDOWS,
    ALONE,
)
