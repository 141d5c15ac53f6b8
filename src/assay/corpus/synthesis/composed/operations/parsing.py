"""Settings, runs and tokens read out of texts, and maps, pairs and codes written into them.

Each is read by hand in one form and with a pattern in the other. What a notation cannot hold is left out or written in
pieces, and the words say so.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_SETTINGS = Noun("setting", "settings", "name", "number")
_REGEX = ("import re",)

_ENTRIES = (
    Operation(
        name="settings_last",
        family="parsing",
        takes=("settings",),
        gives="counts",
        forms=(
            Form(
                block="{out} = {{}}\nfor {_entry} in {x}.split(';'):\n    if {_entry}:\n"
                "        {_name}, {_number} = {_entry}.split('=')\n        {out}[{_name}] = int({_number})"
            ),
            Form(
                expression="{{{_name}: int({_number}) for {_name}, {_number} in"
                " re.findall('([A-Za-z]+)=(-?[0-9]+)', {x})}}",
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("the settings in {x}, where a later one of a name replaces an earlier one",),
        step=("read the settings in {x}, where a later one of a name replaces an earlier one",),
        note="The settings have the form name=number and are separated by ';'. The names are in the order in which"
        " they first"
        " occur.",
        names=("settings", "values_by_name"),
        becomes=_SETTINGS,
    ),
    Operation(
        name="settings_first",
        family="parsing",
        takes=("settings",),
        gives="counts",
        forms=(
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {_entry} in filter(None, {x}.split(';')):\n"
                "    {_name}, _, {_number} = {_entry}.partition('=')\n    {out}.setdefault({_name}, int({_number}))"
            ),
            Form(
                block="{out} = {{}}\nfor {_name}, {_number} in re.findall('([A-Za-z]+)=(-?[0-9]+)', {x}):\n"
                "    if {_name} not in {out}:\n        {out}[{_name}] = int({_number})",
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("the settings in {x}, where only the first one of each name holds",),
        step=("read the settings in {x}, where only the first one of each name holds",),
        note="The settings have the form name=number and are separated by ';'. The names are in the order in which"
        " they first"
        " occur.",
        names=("settings", "values_by_name"),
        becomes=_SETTINGS,
        weight=0.7,
    ),
    Operation(
        name="settings_sums",
        family="parsing",
        takes=("settings",),
        gives="counts",
        forms=(
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {_entry} in {x}.split(';'):\n    if '=' in {_entry}:\n"
                "        {_name}, {_number} = {_entry}.split('=')\n"
                "        {out}[{_name}] = {out}.get({_name}, 0) + int({_number})"
            ),
            Form(
                block="{_read} = re.findall('([A-Za-z]+)=(-?[0-9]+)', {x})\n{out} = {{\n"
                "    {_name}: sum(int({_number}) for {_other}, {_number} in {_read} if {_other} == {_name})\n"
                "    for {_name} in dict.fromkeys({_first} for {_first}, _ in {_read})\n}}",
                imports=_REGEX,
                style="library",
            ),
        ),
        noun=("the settings in {x}, where those of the same name are added up",),
        step=("read the settings in {x} and add up those of the same name",),
        note="The settings have the form name=number and are separated by ';'. The names are in the order in which"
        " they first"
        " occur.",
        names=("settings", "sums_by_name"),
        becomes=_SETTINGS,
    ),
    Operation(
        name="settings_pairs",
        family="parsing",
        takes=("settings",),
        gives="pairs",
        forms=(
            Form(
                expression="[({_name}, int({_number})) for {_name}, {_number} in re.findall('([A-Za-z]+)=([-0-9]+)',"
                " {x})]",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{out} = []\nfor {_entry} in {x}.split(';') if {x} else []:\n"
                "    {_equals} = {_entry}.index('=')\n"
                "    {out}.append(({_entry}[:{_equals}], int({_entry}[{_equals} + 1 :])))"
            ),
        ),
        noun=("the settings in {x}, each as a pair of name and number",),
        step=("read the settings in {x}, each as a pair of name and number",),
        note="The settings have the form name=number and are separated by ';'.",
        names=("entries", "setting_pairs"),
        becomes=_SETTINGS,
        inverse="';'.join(name + '=' + str(number) for name, number in result)",
        weight=1.2,
    ),
    Operation(
        name="counts_as_settings",
        family="parsing",
        takes=("counts",),
        gives="settings",
        forms=(
            Form(
                block="{_entries} = []\nfor {key}, {value} in {x}.items():\n"
                "    if {key}.isascii() and {key}.isalpha():\n"
                "        {_entries}.append({key} + '=' + str({value}))\n{out} = ';'.join({_entries})"
            ),
            Form(
                block="{_fitting} = [{key} for {key} in {x} if re.fullmatch('[A-Za-z]+', {key})]\n"
                "{out} = ';'.join({key} + '=' + str({x}[{key}]) for {key} in {_fitting})",
                imports=_REGEX,
            ),
        ),
        noun=("{x} written as one text of the form 'a=1;b=2'",),
        step=("write {x} as one text of the form 'a=1;b=2'",),
        note="What does not consist of letters from A to Z or a to z alone is left out, together with what belongs"
        " to it.",
        names=("written", "as_settings"),
        becomes=_TEXT,
        weight=0.7,
    ),
    Operation(
        name="pair_lines",
        family="parsing",
        takes=("pairs",),
        gives="words",
        literals={"k": (": ", " = ", " -> ")},
        forms=(
            *expressions("[{key} + {k} + str({value}) for {key}, {value} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({one}[0] + {k} + str({one}[1]))"),
        ),
        noun=("{x}, each written as one text: the {x.key}, {k} and the {x.value}",),
        step=("write each of {x} as one text: the {x.key}, {k} and the {x.value}",),
        names=("lines", "report"),
        becomes=Noun("line", "lines"),
        order="keeps",
        joins="joins",
        weight=0.6,
    ),
    Operation(
        name="filled_in",
        family="parsing",
        takes=("text", "counts"),
        gives="text",
        forms=(
            *expressions("' '.join(str({y}[{_word}]) if {_word} in {y} else {_word} for {_word} in {x}.split())"),
            Form(
                block="{_pieces} = []\nfor {_word} in {x}.split():\n"
                "    {_pieces}.append(str({y}.get({_word}, {_word})))\n{out} = ' '.join({_pieces})"
            ),
        ),
        noun=("the words of {x} with each {y.key} that has a {y.value} in {y} replaced by that {y.value}",),
        step=("in {x}, replace each word that is a {y.key} in {y} by the {y.value} it has there",),
        note="The words are what white space separates; in the result they are separated by one space.",
        names=("filled_in", "completed"),
        becomes=_TEXT,
    ),
    Operation(
        name="tokens",
        family="parsing",
        takes=("text",),
        gives="words",
        forms=(
            Form(expression="re.findall(r'[A-Za-z]+|[0-9]+|\\S', {x})", imports=_REGEX, style="library"),
            Form(
                block="{out}: list[str] = []\n{_sort} = ''\nfor {_mark} in {x}:\n    {_before} = {_sort}\n"
                "    if {_mark}.isascii() and {_mark}.isalpha():\n        {_sort} = 'letter'\n"
                "    elif {_mark}.isascii() and {_mark}.isdigit():\n        {_sort} = 'digit'\n    else:\n"
                "        {_sort} = ''\n    if {_sort} and {_sort} == {_before}:\n        {out}[-1] += {_mark}\n"
                "    elif not {_mark}.isspace():\n        {out}.append({_mark})"
            ),
        ),
        noun=("the tokens of {x}",),
        step=("split {x} into tokens",),
        note="A token is a run of letters from A to Z or a to z, a run of digits from 0 to 9, each as long as can"
        " be, or any"
        " other single character that is not white space.",
        names=("tokens", "symbols"),
        becomes=Noun("token", "tokens"),
        ensures=(("No token is empty.", "all(len(token) > 0 for token in result)"),),
        weight=0.8,
    ),
)

_RUNS = (
    Operation(
        name="encode_runs",
        family="parsing",
        takes=("text",),
        gives="runs",
        forms=(
            Form(
                block="{out} = ''\nfor {_run} in re.finditer(r'([a-z])\\1{{0,19}}', re.sub('[^a-z]', '',"
                " {x}.lower())):\n"
                "    {out} += {_run}.group(1) + str(len({_run}.group()))",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{_runs}: list[tuple[str, int]] = []\nfor {_letter} in {x}.lower():\n"
                "    if not 'a' <= {_letter} <= 'z':\n        continue\n"
                "    if {_runs} and {_runs}[-1][0] == {_letter} and {_runs}[-1][1] < 20:\n"
                "        {_runs}[-1] = ({_letter}, {_runs}[-1][1] + 1)\n    else:\n"
                "        {_runs}.append(({_letter}, 1))\n"
                "{out} = ''.join({_mark} + str({_length}) for {_mark}, {_length} in {_runs})"
            ),
        ),
        noun=("the run-length code of the letters of {x}, in lower case",),
        step=("turn {x} into lower case and write the run-length code of its letters",),
        note="Everything but the letters from a to z is left out first. The code has, for each run of equal letters,"
        " the"
        " letter and the length of the run: 'aaab' becomes 'a3b1'. A run of more than 20 letters is coded in pieces"
        " of 20"
        " and a rest.",
        names=("code", "coded"),
        becomes=Noun("code", "codes"),
        weight=0.6,
    ),
    Operation(
        name="decode_runs",
        family="parsing",
        takes=("runs",),
        gives="text",
        forms=(
            Form(
                expression="''.join({_mark} * int({_length}) for {_mark}, {_length} in re.findall('([a-z])([0-9]+)',"
                " {x}))",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{_at} = 0\n{out} = ''\nwhile {_at} < len({x}):\n    {_mark}, {_length} = {x}[{_at}], 0\n"
                "    {_at} += 1\n    while {_at} < len({x}) and {x}[{_at}].isdigit():\n"
                "        {_length} = 10 * {_length} + int({x}[{_at}])\n        {_at} += 1\n"
                "    {out} += {_mark} * {_length}"
            ),
        ),
        noun=("the text that {x} stands for, with each letter repeated as often as the number behind it says",),
        step=("write out {x}: repeat each letter as often as the number behind it says",),
        names=("decoded", "written_out"),
        becomes=_TEXT,
        weight=1.3,
    ),
    Operation(
        name="run_totals",
        family="parsing",
        takes=("runs",),
        gives="counts",
        forms=(
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {_mark}, {_length} in re.findall('([a-z])([0-9]+)', {x}):\n"
                "    {out}[{_mark}] = {out}.get({_mark}, 0) + int({_length})",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{_letters} = ''.join({_mark} for {_mark} in {x} if {_mark}.isalpha())\n"
                "{_lengths} = ''.join(' ' if {_mark}.isalpha() else {_mark} for {_mark} in {x}).split()\n"
                "{out} = dict.fromkeys({_letters}, 0)\nfor {_at}, {_length} in enumerate({_lengths}):\n"
                "    {out}[{_letters}[{_at}]] += int({_length})"
            ),
        ),
        noun=("the total of the numbers behind each letter in {x}",),
        step=("add up for each letter the numbers that stand behind it in {x}",),
        note="The letters are in the order in which they first occur.",
        names=("totals", "letter_totals"),
        becomes=Noun("entry", "entries", "letter", "total"),
    ),
    Operation(
        name="run_pairs",
        family="parsing",
        takes=("runs",),
        gives="pairs",
        forms=(
            Form(
                expression="[({_run}[0], int({_run}[1:])) for {_run} in re.findall('[a-z][0-9]+', {x})]",
                imports=_REGEX,
                style="library",
            ),
            Form(
                block="{_starts} = [{_at} for {_at}, {_mark} in enumerate({x}) if {_mark}.isalpha()]\n"
                "{_ends} = [*{_starts}[1:], len({x})]\n"
                "{out} = [({x}[{_at}], int({x}[{_at} + 1 : {_end}])) for {_at}, {_end} in zip({_starts}, {_ends})]"
            ),
        ),
        noun=("the letters in {x}, each in a pair with the number behind it",),
        step=("read {x} as a list of pairs, each of a letter and the number behind it",),
        names=("stretches", "letter_runs"),
        becomes=Noun("pair", "pairs", "letter", "length"),
        inverse="''.join(letter + str(length) for letter, length in result)",
    ),
)
OPERATIONS = (*_ENTRIES, *_RUNS)
