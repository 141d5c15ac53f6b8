"""Directed graphs: their links, degrees and neighbourhoods, and graphs made of words.

A graph maps every node to the nodes that it has links to. Results are in the order of the keys or in alphabetical
order, never in that of a set. What is made of whole graphs is in `networks`, ways through them are in `paths`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

LINKS = "A link leads from each {x.one} to each of its neighbours."
CLOSED = ("Every neighbour is a key.", "set().union(*result.values()) <= set(result)")
SORTED = ("Every list of neighbours is in alphabetical order.", "all(many == sorted(many) for many in result.values())")

OPERATIONS = (
    Operation(
        name="count_links",
        family="graphs",
        takes=("graph",),
        gives="count",
        forms=(
            *expressions("sum(len({_neighbours}) for {_neighbours} in {x}.values())", "sum(map(len, {x}.values()))"),
            Form(
                block="{out} = 0\nfor {_neighbours} in {x}.values():\n    for _ in {_neighbours}:\n        {out} += 1"
            ),
        ),
        noun=("the number of links in {x}",),
        step=("count the links in {x}",),
        note=LINKS,
        names=("links", "link_count"),
        becomes=Noun("number of links", "numbers of links"),
        ensures=(("The result is not negative.", "result >= 0"),),
    ),
    Operation(
        name="in_degrees",
        family="graphs",
        takes=("graph",),
        gives="counts",
        forms=(
            Form(
                block="""{out} = dict.fromkeys({x}, 0)
for {_neighbours} in {x}.values():
    for {_neighbour} in {_neighbours}:
        {out}[{_neighbour}] += 1"""
            ),
            Form(
                block="""{out} = {{
    {one}: sum({_near}.count({one}) for {_near} in {x}.values())
    for {one} in {x}
}}"""
            ),
            Form(
                block="""{_ends} = Counter(chain.from_iterable({x}.values()))
{out} = {{
    {one}: {_ends}[{one}]
    for {one} in {x}
}}""",
                imports=("from collections import Counter", "from itertools import chain"),
                style="library",
            ),
        ),
        noun=("the number of links that lead to each {x.one} of {x}",),
        step=("count for each {x.one} how many links lead to it",),
        note=f"{LINKS} The result has the {{x.many}} in the order of the keys.",
        names=("incoming", "arrivals"),
        becomes=Noun("{x.one}", "{x.many}", "{x.one}", "number of links"),
        ensures=(("No count is negative.", "min(result.values(), default=0) >= 0"),),
    ),
    Operation(
        name="out_degrees",
        family="graphs",
        takes=("graph",),
        gives="counts",
        forms=(
            *expressions("{{{one}: len({_neighbours}) for {one}, {_neighbours} in {x}.items()}}"),
            *expressions("dict(zip({x}, map(len, {x}.values())))"),
            Form(
                block="{out} = {{}}\nfor {one} in {x}:\n    {out}[{one}] = len({x}[{one}])",
            ),
        ),
        noun=("the number of neighbours of each {x.one} of {x}",),
        step=("count the neighbours of each {x.one}",),
        names=("outgoing", "degrees"),
        becomes=Noun("{x.one}", "{x.many}", "{x.one}", "number of neighbours"),
        ensures=(("No count is negative.", "min(result.values(), default=0) >= 0"),),
    ),
    Operation(
        name="reverse_links",
        family="graphs",
        takes=("graph",),
        gives="graph",
        forms=(
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {one} in {x}:
    {out}[{one}] = []
for {one}, {_neighbours} in {x}.items():
    for {_neighbour} in dict.fromkeys({_neighbours}):
        {out}[{_neighbour}].append({one})"""
            ),
            Form(
                block="""{out} = {{
    {one}: [{_other} for {_other} in {x} if {one} in {x}[{_other}]]
    for {one} in {x}
}}"""
            ),
        ),
        noun=("{x} with every link turned round",),
        step=("turn every link round",),
        note=f"{LINKS} Neighbours are listed in the order of the keys, each once.",
        names=("reversed_links", "backwards"),
        ensures=(CLOSED,),
    ),
    Operation(
        name="undirected",
        family="graphs",
        takes=("graph",),
        gives="graph",
        forms=(
            Form(
                block="""{_both} = {{{one}: set({_near}) for {one}, {_near} in {x}.items()}}
for {one}, {_neighbours} in {x}.items():
    for {_neighbour} in {_neighbours}:
        {_both}[{_neighbour}].add({one})
{out} = {{{one}: sorted({_near}) for {one}, {_near} in {_both}.items()}}"""
            ),
            Form(
                expression="link_both_ways({x})",
                helper='''
def link_both_ways(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Make each link lead both ways; neighbours in alphabetical order."""
    nodes = sorted(graph)
    return {{
        node: [other for other in nodes if other in graph[node] or node in graph[other]]
        for node in graph
    }}
''',
            ),
        ),
        noun=("{x} with every link made to lead both ways",),
        step=("make every link lead both ways",),
        note=f"{LINKS} Each list of neighbours is in alphabetical order, without repeats.",
        names=("two_way", "undirected"),
        once=True,
        ensures=(
            CLOSED,
            SORTED,
            (
                "Whoever has a neighbour is a neighbour of it.",
                "sorted((a, b) for a, many in result.items() for b in many)"
                " == sorted((b, a) for a, many in result.items() for b in many)",
            ),
        ),
    ),
    Operation(
        name="sources",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                block="""{_reached} = set().union(*{x}.values())
{out} = [{one} for {one} in {x} if {one} not in {_reached}]"""
            ),
            Form(
                block="""{out} = list({x})
for {_neighbours} in {x}.values():
    for {_neighbour} in {_neighbours}:
        if {_neighbour} in {out}:
            {out}.remove({_neighbour})"""
            ),
            *expressions(
                "[{one} for {one} in {x} if all({one} not in {_near} for {_near} in {x}.values())]",
            ),
        ),
        noun=("the {x.many} of {x} to which no link leads",),
        step=("list the {x.many} to which no link leads",),
        note=f"{LINKS} They are listed in the order of the keys.",
        names=("sources", "starting_points"),
        ensures=(("Nothing stands twice in the result.", "len(result) == len(set(result))"),),
    ),
    Operation(
        name="sinks",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=expressions(
            "[{one} for {one} in {x} if not {x}[{one}]]",
            "[{one} for {one}, {_neighbours} in {x}.items() if len({_neighbours}) == 0]",
            "list(filter(lambda {_node}: not {x}[{_node}], {x}))",
        ),
        noun=("the {x.many} of {x} that have no neighbours",),
        step=("list the {x.many} that have no neighbours",),
        note="They are listed in the order of the keys.",
        names=("dead_ends", "sinks"),
        ensures=(("Nothing stands twice in the result.", "len(result) == len(set(result))"),),
        weight=0.8,
    ),
    Operation(
        name="keep_nodes",
        family="graphs",
        takes=("graph",),
        gives="graph",
        parts={"test": ("test", "word")},
        forms=(
            Form(
                block="""{_kept} = [{one} for {one} in {x} if {test(one)}]
{out} = {{
    {one}: [{_to} for {_to} in {x}[{one}] if {_to} in {_kept}]
    for {one} in {_kept}
}}"""
            ),
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {one}, {_neighbours} in {x}.items():
    if {test(one)}:
        {out}[{one}] = [{_to} for {_to} in {_neighbours} if {test(_to)}]"""
            ),
        ),
        noun=("the part of {x} that has only the {x.many} {test}",),
        step=("keep only the {x.many} {test}, both as keys and as neighbours",),
        names=("kept", "smaller_graph", "part"),
        once=True,
        ensures=(CLOSED,),
    ),
    Operation(
        name="two_steps",
        family="graphs",
        takes=("graph",),
        gives="graph",
        forms=(
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {one}, {_neighbours} in {x}.items():
    {_found} = set()
    for {_neighbour} in {_neighbours}:
        {_found}.update({x}[{_neighbour}])
    {out}[{one}] = sorted({_found})"""
            ),
            Form(
                block="""{out} = {{
    {one}: sorted(set(chain.from_iterable({x}[{_near}] for {_near} in {x}[{one}])))
    for {one} in {x}
}}""",
                imports=("from itertools import chain",),
                style="library",
            ),
            Form(
                expression="neighbours_of_neighbours({x})",
                helper='''
def neighbours_of_neighbours(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Link each node to the nodes exactly two links away, in alphabetical order."""
    nodes = sorted(graph)
    return {{
        node: [end for end in nodes if any(end in graph[middle] for middle in graph[node])]
        for node in graph
    }}
''',
            ),
        ),
        noun=("the map of each {x.one} of {x} to the neighbours of its neighbours",),
        step=("replace the neighbours of each {x.one} with the neighbours of its neighbours",),
        note="Each list is in alphabetical order, without repeats, and may hold the {x.one} itself.",
        names=("two_away", "second_neighbours"),
        ensures=(CLOSED, SORTED),
    ),
    Operation(
        name="mutual_pairs",
        family="graphs",
        takes=("graph",),
        gives="count",
        forms=(
            Form(
                block="""{out} = 0
for {one}, {_neighbours} in {x}.items():
    for {_neighbour} in dict.fromkeys({_neighbours}):
        if {one} < {_neighbour} and {one} in {x}[{_neighbour}]:
            {out} += 1"""
            ),
            Form(
                block="""{out} = 0
for {_first}, {_second} in combinations({x}, 2):
    if {_second} in {x}[{_first}] and {_first} in {x}[{_second}]:
        {out} += 1""",
                imports=("from itertools import combinations",),
                style="library",
            ),
        ),
        noun=("the number of pairs of {x.many} in {x} that are neighbours of each other",),
        step=("count the pairs of different {x.many} that are neighbours of each other",),
        note="A pair is two different {x.many}, whichever comes first.",
        names=("mutual", "friendships"),
        becomes=Noun("number of pairs", "numbers of pairs"),
        ensures=(("The result is not negative.", "result >= 0"),),
    ),
    Operation(
        name="succession_graph",
        family="graphs",
        takes=("words",),
        gives="graph",
        forms=(
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {one} in {x}:
    {out}[{one}] = []
for {_before}, {_after} in zip({x}, {x}[1:]):
    if {_after} not in {out}[{_before}]:
        {out}[{_before}].append({_after})"""
            ),
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {_at}, {one} in enumerate({x}):
    {_behind} = {out}.setdefault({one}, [])
    for {_next} in {x}[{_at} + 1 : {_at} + 2]:
        if {_next} not in {_behind}:
            {_behind}.append({_next})"""
            ),
        ),
        noun=("the graph that links each of {x} to those that come directly behind it",),
        step=("link each {x.one} to every {x.one} that comes directly behind it somewhere",),
        note="Keys and neighbours are in the order in which they first occur, each once.",
        names=("followers", "successions"),
        becomes=Noun("{x.one}", "{x.many}"),
        ensures=(CLOSED,),
    ),
)
