"""Texts taken apart: into words, sentences, runs, numbers, counts of letters, and places of words.

Words of a text are what white space separates unless an operation says otherwise; every operation has a value for any
text, and each is written once by hand, character by character, and once with the library.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_WORDS = Noun("word", "words")
_SPLIT = "The words are what white space separates."
_COUNTER = ("from collections import Counter",)
_REGEX = ("import re",)

OPERATIONS = (
    Operation(
        name="split_words",
        family="strings",
        takes=("text",),
        gives="words",
        forms=(
            *expressions("{x}.split()"),
            Form(
                block="{out} = []\n{_piece} = ''\nfor {_letter} in {x} + ' ':\n    if not {_letter}.isspace():\n"
                "        {_piece} += {_letter}\n    elif {_piece}:\n        {out}.append({_piece})\n"
                "        {_piece} = ''"
            ),
        ),
        noun=("the words of {x}",),
        step=("split {x} into words",),
        note=_SPLIT,
        names=("words", "parts"),
        becomes=_WORDS,
        ensures=(("No word is empty.", "all(len(word) > 0 for word in result)"),),
        weight=1.5,
    ),
    Operation(
        name="letter_words",
        family="strings",
        takes=("text",),
        gives="words",
        forms=(
            Form(expression="re.findall('[a-z]+', {x}.lower())", imports=_REGEX, style="library"),
            Form(
                block="{_spaced} = ''.join({_letter} if 'a' <= {_letter} <= 'z' else ' ' for {_letter} in"
                " {x}.lower())\n"
                "{out} = {_spaced}.split()"
            ),
        ),
        noun=("the runs of letters in {x}, in lower case",),
        step=("turn {x} into lower case and take its runs of letters",),
        note="The letters are a to z; a run of letters is as long as can be.",
        names=("words", "letter_runs"),
        becomes=_WORDS,
        ensures=(("Each consists of small letters.", "all(word.isalpha() and word.islower() for word in result)"),),
    ),
    Operation(
        name="bare_words",
        family="strings",
        takes=("text",),
        gives="words",
        forms=(
            Form(
                block="{out} = []\nfor {_piece} in {x}.split():\n    {_bare} = {_piece}.strip('.,;:!?')\n"
                "    if {_bare}:\n"
                "        {out}.append({_bare})"
            ),
            Form(
                expression="re.findall(r'(?<!\\S)[.,;:!?]*([^\\s.,;:!?](?:\\S*[^\\s.,;:!?])?)', {x})",
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("the words of {x} without punctuation around them",),
        step=("split {x} into words and strip the punctuation around them",),
        note=f"{_SPLIT} Punctuation is any of '.,;:!?' at the beginning or end of a word; a word of nothing else is"
        f" left out.",
        names=("words", "bare_words"),
        becomes=_WORDS,
        ensures=(("No word ends in a full stop.", "all(not word.endswith('.') for word in result)"),),
    ),
    Operation(
        name="sentences",
        family="strings",
        takes=("text",),
        gives="words",
        forms=(
            Form(
                expression="[{_part}.strip() for {_part} in re.split('[.!?]', {x}) if {_part}.strip()]",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{out} = []\n{_begin} = 0\nfor {_at}, {_letter} in enumerate({x} + '.'):\n"
                "    if {_letter} in '.!?':\n        {_part} = {x}[{_begin}:{_at}].strip()\n        if {_part}:\n"
                "            {out}.append({_part})\n        {_begin} = {_at} + 1"
            ),
        ),
        noun=("the sentences of {x}",),
        step=("split {x} into sentences",),
        note="Each '.', '!' or '?' ends a sentence and is left out, as is white space around a sentence; empty ones are"
        " dropped.",
        names=("sentences", "statements"),
        becomes=Noun("sentence", "sentences"),
        ensures=(("No sentence is empty.", "all(len(sentence) > 0 for sentence in result)"),),
        weight=0.6,
    ),
    Operation(
        name="letter_counts",
        family="maps",
        takes=("text",),
        gives="counts",
        forms=(
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {_letter} in {x}.lower():\n    if {_letter}.isalpha():\n"
                "        {out}[{_letter}] = {out}.get({_letter}, 0) + 1"
            ),
            Form(
                expression="dict(Counter(filter(str.isalpha, {x}.lower())))",
                imports=_COUNTER,
                style="library",
            ),
        ),
        noun=("how often each letter occurs in {x}, in lower case",),
        step=("turn {x} into lower case and count how often each letter occurs",),
        note="The letters are in the order in which they first occur.",
        names=("letter_counts", "frequencies"),
        becomes=Noun("entry", "entries", "letter", "count"),
        ensures=(("Every count is at least 1.", "all(count >= 1 for count in result.values())"),),
    ),
    Operation(
        name="neighbour_counts",
        family="maps",
        takes=("text",),
        gives="counts",
        forms=(
            Form(
                expression="dict(Counter(map(''.join, zip({x}, {x}[1:]))))",
                imports=_COUNTER,
                style="library",
            ),
            Form(
                block="{out} = {{}}\nfor {_at} in range(len({x}) - 1):\n    {_two} = {x}[{_at} : {_at} + 2]\n"
                "    if {_two} not in {out}:\n        {out}[{_two}] = 1\n    else:\n        {out}[{_two}] += 1"
            ),
        ),
        noun=("how often each two characters stand next to each other in {x}",),
        step=("count how often each two characters stand next to each other in {x}",),
        note="The two characters, in their order, are one text of length 2; these are in the order in which they first"
        " occur.",
        names=("neighbours", "pair_counts"),
        becomes=Noun("entry", "entries", "pair of characters", "count"),
        ensures=(("Each key has two characters.", "all(len(two) == 2 for two in result)"),),
        weight=0.7,
    ),
    Operation(
        name="letter_graph",
        family="graphs",
        takes=("text",),
        gives="graph",
        forms=(
            Form(
                block="{out}: dict[str, list[str]] = {{}}\n{_before} = ''\nfor {_letter} in {x}.lower():\n"
                "    if 'a' <= {_letter} <= 'z':\n        {out}.setdefault({_letter}, [])\n"
                "        if {_before} and {_before} != {_letter} and {_letter} not in {out}[{_before}]:\n"
                "            {out}[{_before}].append({_letter})\n        {_before} = {_letter}\n"
                "    else:\n        {_before} = ''"
            ),
            Form(
                block="{_text} = {x}.lower()\n{_letters} = dict.fromkeys(re.findall('[a-z]', {_text}))\n{out} = {{\n"
                "    {_letter}: list(dict.fromkeys(re.findall({_letter} + '(?!' + {_letter} + ')([a-z])', {_text})))\n"
                "    for {_letter} in {_letters}\n}}",
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("the graph of which letter follows which in {x}, in lower case",),
        step=("turn {x} into lower case and build the graph of which letter follows which",),
        note="Each letter from a to z that occurs is a node; an edge leads to every other letter that stands"
        " directly after"
        " it somewhere. Nodes and edges are in the order in which they first occur.",
        names=("followers", "letter_graph"),
        becomes=Noun("letter", "letters"),
        weight=0.6,
    ),
    Operation(
        name="character_runs",
        family="strings",
        takes=("text",),
        gives="pairs",
        forms=(
            Form(
                expression="[({_mark}, len(list({_run}))) for {_mark}, {_run} in groupby({x})]",
                imports=("from itertools import groupby",),
                style="library",
            ),
            Form(
                block="{out}: list[tuple[str, int]] = []\nfor {_mark} in {x}:\n"
                "    if {out} and {out}[-1][0] == {_mark}:\n        {out}[-1] = ({_mark}, {out}[-1][1] + 1)\n"
                "    else:\n        {out}.append(({_mark}, 1))"
            ),
        ),
        noun=("the runs of equal characters in {x}, each as a character and a length",),
        step=("list the runs of equal characters in {x}, each as a pair of the character and the length of the run",),
        note="A run is as long as can be.",
        names=("stretches", "character_runs"),
        becomes=Noun("pair", "pairs", "character", "length"),
        inverse="''.join(mark * length for mark, length in result)",
        ensures=(
            ("Neighbouring runs differ in their character.", "all(a[0] != b[0] for a, b in zip(result, result[1:]))"),
            ("Every length is at least 1.", "all(length >= 1 for _, length in result)"),
        ),
    ),
    Operation(
        name="word_spans",
        family="parsing",
        takes=("text",),
        gives="spans",
        forms=(
            Form(
                expression="[{_found}.span() for {_found} in re.finditer(r'\\S+', {x})]",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{out} = []\n{_end} = 0\nfor {_piece} in {x}.split():\n"
                "    {_start} = {x}.index({_piece}, {_end})\n"
                "    {_end} = {_start} + len({_piece})\n    {out}.append(({_start}, {_end}))"
            ),
        ),
        noun=("the places of the words in {x}, each as a pair of start and end",),
        step=("find the places of the words in {x}, each as a pair of start and end",),
        note=f"{_SPLIT} The start is the position of the first character, counted from 0, and the end is the"
        f" position after"
        " the last.",
        names=("places", "word_spans"),
        becomes=Noun("place", "places"),
        ensures=(("Each start is before its end.", "all(start < end for start, end in result)"),),
        weight=0.7,
    ),
)
