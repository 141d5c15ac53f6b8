"""Texts rewritten by a rule: ciphers, transpositions, case, and two texts or a text and words made into one.

A rule that can be undone says how. Letters are ``A`` to ``Z`` in ciphers, for only these have an order to be shifted
in; words of a text are what white space separates.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_SPLIT = "The words are what white space separates."
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_REGEX = ("import re",)

OPERATIONS = (
    Operation(
        name="change_text",
        family="strings",
        takes=("text",),
        gives="text",
        parts={"change": ("change", "word")},
        forms=expressions("{change(x)}"),
        noun=("{x} turned into {change}",),
        step=("replace {x} as a whole with {change}",),
        names=("rewritten", "changed"),
        becomes=_TEXT,
        weight=0.7,
    ),
    Operation(
        name="caesar",
        family="strings",
        takes=("text",),
        gives="text",
        literals={"k": (1, 2, 3, 5, 13)},
        forms=(
            Form(
                expression="shift_letters({x}, {k})",
                helper='''
def shift_letters(text: str, by: int) -> str:
    """Move each letter on in the alphabet, from z back to a."""
    shifted = []
    for letter in text:
        if "a" <= letter <= "z":
            shifted.append(chr((ord(letter) - ord("a") + by) % 26 + ord("a")))
        elif "A" <= letter <= "Z":
            shifted.append(chr((ord(letter) - ord("A") + by) % 26 + ord("A")))
        else:
            shifted.append(letter)
    return "".join(shifted)
''',
            ),
            Form(
                block="{_small} = ascii_lowercase[{k}:] + ascii_lowercase[:{k}]\n"
                "{_capital} = ascii_uppercase[{k}:] + ascii_uppercase[:{k}]\n"
                "{out} = {x}.translate(str.maketrans(ascii_letters, {_small} + {_capital}))",
                imports=("from string import ascii_letters, ascii_lowercase, ascii_uppercase",),
                style="library",
            ),
        ),
        noun=("{x} with its letters shifted by {k} in the alphabet",),
        step=("shift each letter of {x} by {k} in the alphabet",),
        note="The letters are A to Z and a to z; after the last comes the first again; other characters stay.",
        names=("shifted", "secret"),
        becomes=_TEXT,
        inverse="result.translate(str.maketrans("
        f"'{_LOWER}'[k:] + '{_LOWER}'[:k] + '{_LOWER.upper()}'[k:] + '{_LOWER.upper()}'[:k],"
        f" '{_LOWER}{_LOWER.upper()}'))",
    ),
    Operation(
        name="keyword_cipher",
        family="strings",
        takes=("text",),
        gives="text",
        literals={"k": ("key", "lemon", "fig", "zebra")},
        forms=(
            Form(
                block="{_used} = 0\n{out} = ''\nfor {_letter} in {x}.lower():\n    if 'a' <= {_letter} <= 'z':\n"
                "        {_by} = ord({k}[{_used} % len({k})]) - ord('a')\n"
                "        {out} += chr((ord({_letter}) - ord('a') + {_by}) % 26 + ord('a'))\n        {_used} += 1\n"
                "    else:\n        {out} += {_letter}"
            ),
            Form(
                block="{_shifts} = cycle(ascii_lowercase.index({_mark}) for {_mark} in {k})\n"
                "{_turned} = ascii_lowercase + ascii_lowercase\n{out} = ''.join(\n"
                "    {_turned}[{_turned}.index({_letter}) + next({_shifts})] if 'a' <= {_letter} <= 'z'"
                " else {_letter}\n    for {_letter} in {x}.lower()\n)",
                imports=("from itertools import cycle", "from string import ascii_lowercase"),
                style="library",
            ),
        ),
        noun=("{x} in lower case, enciphered with the keyword {k}",),
        step=("turn {x} into lower case and encipher it with the keyword {k}",),
        note="Each letter from a to z is shifted on in the alphabet, from z back to a, by the place of the next"
        " letter of"
        " the keyword (0 for a, 25 for z); after the keyword's last letter comes its first again. Other characters stay"
        " and use up no letter of the keyword.",
        names=("enciphered", "secret"),
        becomes=_TEXT,
        weight=0.6,
    ),
    Operation(
        name="columns",
        family="strings",
        takes=("text",),
        gives="text",
        literals={"k": (2, 3, 4, 5)},
        forms=(
            Form(
                block="{out} = ''\nfor {_column} in range({k}):\n    {out} += {x}[{_column}::{k}]",
            ),
            Form(
                block="{_columns} = [''] * {k}\nfor {_at}, {_letter} in enumerate({x}):\n"
                "    {_columns}[{_at} % {k}] += {_letter}\n{out} = ''.join({_columns})"
            ),
        ),
        noun=("{x} written in rows of {k} characters and read by columns",),
        step=("write {x} in rows of {k} characters and read it column by column",),
        note="The last row may be shorter than the others.",
        names=("transposed", "by_columns"),
        becomes=_TEXT,
        inverse="''.join(pair[1] for pair in sorted(zip(sorted(range(len(result)), key=lambda at: at % k), result)))",
    ),
    Operation(
        name="zigzag_cipher",
        family="strings",
        takes=("text",),
        gives="text",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="{_rails} = [''] * {k}\n{_rail}, {_step} = 0, 1\nfor {_letter} in {x}:\n"
                "    {_rails}[{_rail}] += {_letter}\n    if not 0 <= {_rail} + {_step} < {k}:\n"
                "        {_step} = -{_step}\n"
                "    {_rail} += {_step}\n{out} = ''.join({_rails})"
            ),
            Form(
                block="{_turn} = 2 * {k} - 2\n{_order} = sorted(range(len({x})),"
                " key=lambda {_at}: min({_at} % {_turn}, -{_at} % {_turn}))\n"
                "{out} = ''.join({x}[{_at}] for {_at} in {_order})"
            ),
        ),
        noun=("{x} written in a zigzag over {k} rows and read row by row",),
        step=("write {x} in a zigzag over {k} rows and read it row by row",),
        note="The zigzag begins in the top row, goes down by one row with each character to the bottom row, then up"
        " again"
        " to the top row, and so on.",
        names=("zigzag_text", "by_rows"),
        becomes=_TEXT,
        weight=0.6,
    ),
    Operation(
        name="reversed_word_order",
        family="strings",
        takes=("text",),
        gives="text",
        forms=(
            *expressions("' '.join({x}.split()[::-1])"),
            Form(
                block="{out} = ''\nfor {_word} in {x}.split():\n    {out} = {_word} + ' ' + {out}\n"
                "{out} = {out}.rstrip(' ')"
            ),
        ),
        noun=("the words of {x} in reverse order, with one space between them",),
        step=("put the words of {x} in reverse order, with one space between them",),
        note=_SPLIT,
        names=("backwards", "reordered"),
        becomes=_TEXT,
    ),
    Operation(
        name="sentence_case",
        family="strings",
        takes=("text",),
        gives="text",
        forms=(
            Form(
                block="{_begins} = True\n{out} = ''\nfor {_letter} in {x}:\n    if {_letter} in ascii_letters:\n"
                "        {out} += {_letter}.upper() if {_begins} else {_letter}.lower()\n        {_begins} = False\n"
                "    else:\n        {out} += {_letter}\n        {_begins} = {_begins} or {_letter} in '.!?'",
                imports=("from string import ascii_letters",),
            ),
            Form(
                expression="re.sub('[A-Za-z][^.!?]*', lower_all_but_first, {x})",
                helper='''
def lower_all_but_first(found: re.Match[str]) -> str:
    """Put the first letter of a piece in upper case, all others in lower case."""
    first, rest = found.group()[0], found.group()[1:]
    return first.upper() + re.sub("[A-Z]", lambda letter: letter.group().lower(), rest)
''',
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("{x} in sentence case",),
        step=("put {x} in sentence case",),
        note="In sentence case, the first letter and the first letter after each '.', '!' or '?' are capital and all"
        " others"
        " small; the letters are A to Z and a to z, and every other character stays.",
        names=("tidied", "in_sentence_case"),
        becomes=_TEXT,
        once=True,
    ),
    Operation(
        name="title_case",
        family="strings",
        takes=("text",),
        gives="text",
        forms=(
            Form(
                block="{out}, {_before} = '', ' '\nfor {_letter} in {x}:\n    if {_letter} in ascii_letters:\n"
                "        {_inside} = {_before} in ascii_letters\n"
                "        {out} += {_letter}.lower() if {_inside} else {_letter}.upper()\n"
                "    else:\n        {out} += {_letter}\n    {_before} = {_letter}",
                imports=("from string import ascii_letters",),
            ),
            Form(
                expression="re.sub('[A-Za-z]+', lambda {_run}: {_run}.group().capitalize(), {x})",
                imports=("import re",),
                style="library",
            ),
        ),
        noun=("{x} in title case",),
        step=("put {x} in title case",),
        note="In title case, the first letter of each run of letters is capital and the others are small; the"
        " letters are"
        " A to Z and a to z, and every other character stays.",
        names=("title", "in_title_case"),
        becomes=_TEXT,
        once=True,
    ),
    Operation(
        name="justified",
        family="strings",
        takes=("text",),
        gives="text",
        literals={"k": (16, 20, 30, 40)},
        forms=(
            Form(
                expression="spread_words({x}.split(), {k})",
                helper='''
def spread_words(words: list[str], width: int) -> str:
    """Share the spaces out: so many for each gap, and one more for the first gaps."""
    spaces, gaps = width - len("".join(words)), len(words) - 1
    if gaps < 1 or spaces < gaps:
        return " ".join(words)
    each, more = divmod(spaces, gaps)
    line = words[0]
    for at, word in enumerate(words[1:]):
        line += " " * (each + (at < more)) + word
    return line
''',
            ),
            Form(
                block="{_parts} = [{_word} + ' ' for {_word} in {x}.split()[:-1]]\n"
                "{_last} = ''.join({x}.split()[-1:])\n"
                "{_missing} = {k} - len(''.join({_parts}) + {_last})\n"
                "for {_space} in range({_missing} if {_parts} else 0):\n"
                "    {_parts}[{_space} % len({_parts})] += ' '\n{out} = ''.join({_parts}) + {_last}"
            ),
        ),
        noun=("the words of {x} spread over a line of {k} characters",),
        step=("spread the words of {x} over a line of {k} characters",),
        note="The words are what white space separates. The first begins and the last ends the line, and the numbers of"
        " spaces between words differ by 1 at most, the larger ones first. If there are fewer than two words, or"
        " they do"
        " not fit with a space between them, put a single space between them instead.",
        names=("justified", "line"),
        becomes=_TEXT,
        once=True,
    ),
    Operation(
        name="starred",
        family="strings",
        takes=("text", "words"),
        gives="text",
        forms=(
            *expressions("' '.join('*' * len({_word}) if {_word} in {y} else {_word} for {_word} in {x}.split())"),
            Form(
                block="{_hidden} = set({y})\n{_pieces} = []\nfor {_word} in {x}.split():\n"
                "    if {_word} in {_hidden}:\n        {_pieces}.append('*' * len({_word}))\n    else:\n"
                "        {_pieces}.append({_word})\n{out} = ' '.join({_pieces})"
            ),
        ),
        noun=("the words of {x} with those that occur in {y} replaced by stars",),
        step=("replace each word of {x} that occurs in {y} by as many stars as it has characters",),
        note=f"{_SPLIT} There are as many stars as the word has characters, and one space stands between two words.",
        names=("hidden", "censored"),
        becomes=_TEXT,
    ),
    Operation(
        name="alternated",
        family="strings",
        takes=("text", "text"),
        gives="text",
        forms=(
            Form(
                expression="''.join({_left} + {_right} for {_left}, {_right} in zip_longest({x}, {y}, fillvalue=''))",
                imports=("from itertools import zip_longest",),
                style="library",
            ),
            Form(
                block="{out} = ''\nfor {_at} in range(max(len({x}), len({y}))):\n"
                "    {out} += {x}[{_at} : {_at} + 1] + {y}[{_at} : {_at} + 1]"
            ),
        ),
        noun=("the characters of {x} and of {y} taken in turns",),
        step=("take one character from {x}, one from {y} and so on in turns",),
        note="When one text is used up, the rest of the other follows.",
        names=("merged", "alternated"),
        becomes=_TEXT,
        weight=0.7,
    ),
)
