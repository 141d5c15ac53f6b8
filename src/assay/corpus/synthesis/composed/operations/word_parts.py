"""Tests, measures and changes of words, and of texts taken as one word.

Vowels are spelled out in both cases and letters are ``A`` to ``Z`` wherever that decides a result, since Unicode has
letters whose lower case is longer than they are or depends on their neighbours; forms agree on any text. Inner
variables are called ``at`` and ``char``, which no noun is called: a form that names what it is applied to within a
comprehension would else read its own variable.
"""

from assay.corpus.synthesis.composed.operation import Part

_VOWELS = "The vowels are a, e, i, o and u, small or capital."
_REGEX = ("import re",)


def _test(name: str, behind: str, is_: str, *forms: str, note: str = "", **literals: tuple[int | str, ...]) -> Part:
    return Part(name=name, role="test", of="word", forms=forms, behind=behind, is_=is_, note=note, literals=literals)


def _measure(name: str, noun: str, *forms: str, note: str = "", imports: tuple[str, ...] = ()) -> Part:
    return Part(name=name, role="measure", of="word", forms=forms, noun=noun, note=note, imports=imports)


def _change(
    name: str,
    noun: str,
    many: str,
    *forms: str,
    note: str = "",
    imports: tuple[str, ...] = (),
    **literals: tuple[int, ...],
) -> Part:
    return Part(
        name=name,
        role="change",
        of="word",
        forms=forms,
        noun=noun,
        many=many,
        note=note,
        imports=imports,
        literals=literals,
    )


TESTS = (
    _test(
        "longer_than",
        "longer than {k} characters",
        "is longer than {k} characters",
        "len({v}) > {k}",
        "{v}[{k}:] != ''",
        k=(2, 3, 4, 5, 6),
    ),
    _test(
        "even_length",
        "with an even number of characters",
        "has an even number of characters",
        "len({v}) % 2 == 0",
        "len({v}[::2]) == len({v}[1::2])",
    ),
    _test(
        "begins_with_vowel",
        "that begin with a vowel",
        "begins with a vowel",
        "{v}.startswith(tuple('aeiouAEIOU'))",
        "{v}[:1] in tuple('aeiouAEIOU')",
        note=_VOWELS,
    ),
    _test(
        "ends_in",
        "that end in {k}",
        "ends in {k}",
        "{v}.endswith({k})",
        "{v}[-1:] == {k}",
        k=("a", "e", "n", "r", "t"),
    ),
    _test(
        "contains",
        "that contain {k}",
        "contains {k}",
        "{k} in {v}",
        "{v}.count({k}) > 0",
        k=("a", "e", "i", "n", "o", "t"),
    ),
    _test(
        "reads_backwards",
        "that read the same backwards",
        "reads the same backwards",
        "{v} == {v}[::-1]",
        "all({v}[at] == {v}[-1 - at] for at in range(len({v}) // 2))",
        note="Read backwards, a capital letter is not the same as a small one.",
    ),
    _test(
        "repeats",
        "in which some character comes more than once",
        "has a character that comes more than once",
        "len(set({v})) < len({v})",
        "any({v}.count(char) > 1 for char in {v})",
    ),
    _test(
        "capital",
        "that begin with a capital letter",
        "begins with a capital letter",
        "{v}[:1].isupper()",
        "any(char.isupper() for char in {v}[:1])",
    ),
    _test(
        "early",
        "that begin with a letter from A to M in either case",
        "begins with a letter from A to M in either case",
        "{v}[:1] in tuple('abcdefghijklmABCDEFGHIJKLM')",
        "{v}.startswith(tuple('abcdefghijklmABCDEFGHIJKLM'))",
    ),
    _test(
        "in_order",
        "whose characters are in ascending order once in lower case",
        "has its characters in ascending order once in lower case",
        "sorted({v}.lower()) == list({v}.lower())",
        "{v}.lower() == ''.join(sorted({v}.lower()))",
    ),
    _test(
        "before",
        "that come before {k} as Python compares texts",
        "comes before {k} as Python compares texts",
        "{v} < {k}",
        "min({v}, {k}) != {k}",
        k=("f", "kiwi", "mango", "olive"),
    ),
    _test(
        "same_ends",
        "that begin and end with the same character",
        "begins and ends with the same character",
        "{v}[:1] == {v}[-1:] != ''",
        "any({v}.endswith(char) for char in {v}[:1])",
        note="What is empty does not begin or end with anything.",
    ),
    _test(
        "doubled",
        "with the same character twice in a row",
        "has the same character twice in a row",
        "any(before == char for before, char in zip({v}, {v}[1:]))",
        "any({v}[at - 1] == {v}[at] for at in range(1, len({v})))",
    ),
    _test(
        "vowels_at_least",
        "with at least {k} vowels",
        "has at least {k} vowels",
        "sum(char in 'aeiouAEIOU' for char in {v}) >= {k}",
        "len([char for char in {v} if char.lower() in 'aeiou']) >= {k}",
        note=_VOWELS,
        k=(2,),
    ),
    _test(
        "letters_alone",
        "that consist of letters alone",
        "consists of letters alone",
        "{v}.isalpha()",
        "len({v}) > 0 == sum(not char.isalpha() for char in {v})",
        note="What is empty does not consist of letters.",
    ),
)

MEASURES = (
    _measure("length", "length", "len({v})", "sum(1 for _ in {v})"),
    _measure(
        "vowels",
        "number of vowels",
        "sum(char in 'aeiouAEIOU' for char in {v})",
        "sum(map({v}.count, 'aeiouAEIOU'))",
        note=_VOWELS,
    ),
    _measure("distinct", "number of different characters", "len(set({v}))", "len(dict.fromkeys({v}))"),
    _measure(
        "initial_rank",
        "initial rank",
        "sum(at % 26 + 1 for at, char in enumerate(ascii_letters) if char == {v}[:1])",
        "(ascii_letters.find({v}[:1]) % 26 + 1) * ({v}[:1] in [*ascii_letters])",
        note="The initial rank is the place of the first letter in the alphabet: 1 for a or A, 26 for z or Z, and 0 if"
        " there is no such letter at the beginning.",
        imports=("from string import ascii_letters",),
    ),
    _measure(
        "longest_run",
        "run length",
        "max((len(list(run)) for _, run in groupby({v})), default=0)",
        "max((sum(1 for _ in run) for _, run in groupby({v})), default=0)",
        note="The run length is how often, at most, one character stands there in a row, and 0 for nothing.",
        imports=("from itertools import groupby",),
    ),
    _measure(
        "capitals",
        "number of capital letters",
        "sum(char.isupper() for char in {v})",
        "len(list(filter(str.isupper, {v})))",
    ),
    _measure(
        "letter_sum",
        "letter sum",
        "sum(ascii_lowercase.find(char) + 1 for char in {v}.lower())",
        "sum(at * {v}.lower().count(char) for at, char in enumerate(ascii_lowercase, 1))",
        note="The letter sum adds up the places of the letters in the alphabet: 1 for a or A, 26 for z or Z, and 0 for"
        " every other character.",
        imports=("from string import ascii_lowercase",),
    ),
    _measure(
        "most_of_one",
        "repeat count",
        "max(map({v}.count, {v}), default=0)",
        "max([{v}.count(char) for char in dict.fromkeys({v})], default=0)",
        note="The repeat count is how often the most frequent character comes, and 0 for nothing.",
    ),
    _measure(
        "vowel_groups",
        "number of vowel groups",
        "len(re.findall('[aeiouAEIOU]+', {v}))",
        "len(re.sub('[^aeiouAEIOU]', ' ', {v}).split())",
        note=f"A vowel group is one vowel or several in a row. {_VOWELS}",
        imports=_REGEX,
    ),
)

CHANGES = (
    _change("reversal", "reversal", "reversals", "{v}[::-1]", "''.join(reversed({v}))"),
    _change("upper", "upper-case form", "upper-case forms", "{v}.upper()", "''.join(map(str.upper, {v}))"),
    _change("lower", "lower-case form", "lower-case forms", "{v}.lower()"),
    _change(
        "first",
        "first character",
        "first characters",
        "{v}[:1]",
        "next(iter({v}), '')",
        note="The first character of nothing is the empty text.",
    ),
    _change(
        "vowelless",
        "vowelless form",
        "vowelless forms",
        "''.join(char for char in {v} if char not in 'aeiouAEIOU')",
        "{v}.translate(dict.fromkeys(map(ord, 'aeiouAEIOU')))",
        note=f"The vowelless form is what is left without the vowels. {_VOWELS}",
    ),
    _change(
        "sorted",
        "sorted form",
        "sorted forms",
        "''.join(sorted({v}))",
        "''.join(char * {v}.count(char) for char in sorted(set({v})))",
        note="The sorted form has the same characters in ascending order, capital letters before small ones.",
    ),
    _change(
        "rotation",
        "rotation",
        "rotations",
        "{v}[1:] + {v}[:1]",
        "''.join({v}[at - len({v}) + 1] for at in range(len({v})))",
        note="The rotation has the first character moved to the end.",
    ),
    _change(
        "mirror",
        "mirror form",
        "mirror forms",
        "{v}.translate(str.maketrans(ascii_letters, ascii_letters[::-1].swapcase()))",
        note="The mirror form has z for a, y for b and so on to a for z, likewise for capital letters, and leaves every"
        " other character as it is.",
        imports=("from string import ascii_letters",),
    ),
    _change(
        "inner",
        "inner part",
        "inner parts",
        "{v}[1:-1]",
        "''.join({v}[at] for at in range(1, len({v}) - 1))",
        note="The inner part is what is left without the first and the last character, nothing if there are fewer"
        " than 3.",
    ),
    _change(
        "beginning",
        "beginning of {k} characters",
        "beginnings of {k} characters",
        "{v}[:{k}]",
        "''.join(char for at, char in enumerate({v}) if at < {k})",
        note="What has fewer than {k} characters is taken whole as its beginning.",
        k=(2, 3, 4),
    ),
    _change(
        "squeezed",
        "squeezed form",
        "squeezed forms",
        "''.join(char for before, char in zip(['', *{v}], {v}) if before != char)",
        "''.join(char for at, char in enumerate({v}) if {v}[:at][-1:] != char)",
        note="The squeezed form has one character for each run of equal characters.",
    ),
    _change(
        "pig_latin",
        "pig Latin form",
        "pig Latin forms",
        "re.sub(r'\\A([^aeiouAEIOU]*)(.*)\\Z', r'\\2\\1ay', {v}, flags=re.DOTALL)",
        "''.join(re.split('(?=[aeiouAEIOU])', {v}, maxsplit=1)[::-1]) + 'ay'",
        note=f"For the pig Latin form, move everything before the first vowel to the end, then put 'ay' behind it."
        f" {_VOWELS}",
        imports=_REGEX,
    ),
    _change(
        "capitalised",
        "capitalised form",
        "capitalised forms",
        "{v}[:1].upper() + {v}[1:]",
        "{v}.replace({v}[:1], {v}[:1].upper(), 1)",
        note="The capitalised form has its first character in upper case and the others as they are.",
    ),
    _change(
        "repeat_free",
        "repeat-free form",
        "repeat-free forms",
        "''.join(dict.fromkeys({v}))",
        "''.join(char for at, char in enumerate({v}) if char not in {v}[:at])",
        note="The repeat-free form has each character only where it comes for the first time.",
    ),
    _change(
        "thinned",
        "thinned form",
        "thinned forms",
        "{v}[::2]",
        "''.join(char for at, char in enumerate({v}) if at % 2 == 0)",
        note="The thinned form has the first, third, fifth character and so on.",
    ),
    _change(
        "vowel_pattern",
        "vowel pattern",
        "vowel patterns",
        "''.join('V' if char in 'aeiouAEIOU' else 'C' for char in {v})",
        "''.join('CV'[char in 'aeiouAEIOU'] for char in {v})",
        note=f"The vowel pattern has 'V' for each vowel and 'C' for every other character. {_VOWELS}",
    ),
)
PARTS = (*TESTS, *MEASURES, *CHANGES)
