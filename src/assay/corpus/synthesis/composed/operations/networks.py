"""Graphs as wholes: two put together, one made smaller, triangles in it, colours for its nodes.

Where links count in both directions the words say so; ties are decided by the alphabet.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

CLOSED = ("Every neighbour is a key.", "set().union(*result.values()) <= set(result)")
SORTED = ("Every list of neighbours is in alphabetical order.", "all(many == sorted(many) for many in result.values())")

OPERATIONS = (
    Operation(
        name="without_busiest",
        family="graphs",
        takes=("graph",),
        gives="graph",
        forms=(
            Form(
                expression="remove_busiest({x})",
                helper='''
def remove_busiest(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Take away the node with the most links to and from it."""
    if not graph:
        return {{}}
    links = {{node: len(neighbours) for node, neighbours in graph.items()}}
    for neighbours in graph.values():
        for neighbour in neighbours:
            links[neighbour] += 1
    busiest = min(graph, key=lambda node: (-links[node], node))
    return {{
        node: [other for other in neighbours if other != busiest]
        for node, neighbours in graph.items()
        if node != busiest
    }}
''',
            ),
            Form(
                block="""{_ends} = [{_near} for {one} in {x} for {_near} in [{one}] * len({x}[{one}]) + {x}[{one}]]
{_busiest} = max(sorted({x}), key={_ends}.count, default="")
{out} = {{}}
for {one} in {x}:
    if {one} != {_busiest}:
        {out}[{one}] = [{_to} for {_to} in {x}[{one}] if {_to} != {_busiest}]"""
            ),
        ),
        noun=("{x} without its busiest {x.one}",),
        step=("remove the busiest {x.one}, as a key and as a neighbour",),
        note="The busiest {x.one} is the one with the most links to and from it together; of several, the "
        "alphabetically first.",
        names=("quieter", "remaining"),
        ensures=(CLOSED,),
    ),
    Operation(
        name="common_links",
        family="graphs",
        takes=("graph", "graph"),
        gives="graph",
        forms=(
            Form(
                block="""{out} = {{
    {one}: sorted(set({x}[{one}]) & set({y}[{one}]))
    for {one} in sorted({x})
    if {one} in {y}
}}"""
            ),
            Form(
                block="""{out}: dict[str, list[str]] = {{}}
for {one} in sorted({x}):
    if {one} in {y}:
        {out}[{one}] = []
        for {_neighbour} in sorted(set({x}[{one}])):
            if {_neighbour} in {y}[{one}]:
                {out}[{one}].append({_neighbour})"""
            ),
        ),
        noun=("the links that {x} and {y} have in common",),
        step=("keep the links that are in both {x} and {y}",),
        note="The keys are those of both graphs; keys and neighbours are in alphabetical order.",
        names=("shared", "in_both"),
        commutes=True,
        ensures=(CLOSED, SORTED),
    ),
    Operation(
        name="union_links",
        family="graphs",
        takes=("graph", "graph"),
        gives="graph",
        forms=(
            Form(
                block="""{out} = {{}}
for {one} in sorted(set({x}) | set({y})):
    {out}[{one}] = sorted(set({x}.get({one}, []) + {y}.get({one}, [])))"""
            ),
            Form(
                block="""{_joined}: dict[str, set[str]] = {{}}
for {_graph} in ({x}, {y}):
    for {one}, {_neighbours} in {_graph}.items():
        {_joined}.setdefault({one}, set()).update({_neighbours})
{out} = {{{one}: sorted({_near}) for {one}, {_near} in sorted({_joined}.items())}}"""
            ),
        ),
        noun=("{x} and {y} put together into one graph",),
        step=("put {x} and {y} together into one graph with the links of both",),
        note="Keys and neighbours are in alphabetical order, without repeats.",
        names=("combined", "united"),
        commutes=True,
        ensures=(CLOSED, SORTED),
    ),
    Operation(
        name="triangles",
        family="graphs",
        takes=("graph",),
        gives="count",
        forms=(
            Form(
                expression="count_triangles({x})",
                helper='''
def count_triangles(graph: dict[str, list[str]]) -> int:
    """Count the sets of three nodes of which every two are linked, in whichever direction."""
    linked = {{(node, other) for node, others in graph.items() for other in others}}
    linked |= {{(other, node) for node, others in graph.items() for other in others}}
    return sum(
        (a, b) in linked and (b, c) in linked and (a, c) in linked
        for a, b, c in combinations(graph, 3)
    )
''',
                imports=("from itertools import combinations",),
                style="library",
            ),
            Form(
                expression="number_of_triangles({x})",
                helper='''
def number_of_triangles(graph: dict[str, list[str]]) -> int:
    """Count the neighbours that linked nodes share; each triangle is met three times."""
    near: dict[str, set[str]] = {{node: set() for node in graph}}
    for node, others in graph.items():
        for other in others:
            if other != node:
                near[node].add(other)
                near[other].add(node)
    met = 0
    for node in graph:
        for other in sorted(near[node]):
            if node < other:
                met += len(near[node] & near[other])
    return met // 3
''',
            ),
        ),
        noun=("the number of triangles in {x}",),
        step=("count the triangles in {x}",),
        note="A triangle is a set of three {x.many} of which every two are linked, in whichever direction.",
        names=("triangles", "triangle_count"),
        becomes=Noun("number of triangles", "numbers of triangles"),
        ensures=(("The result is not negative.", "result >= 0"),),
    ),
    Operation(
        name="greedy_colours",
        family="graphs",
        takes=("graph",),
        gives="counts",
        forms=(
            Form(
                expression="colour_greedily({x})",
                helper='''
def colour_greedily(graph: dict[str, list[str]]) -> dict[str, int]:
    """Give each node, in alphabetical order, the smallest colour that no linked node has."""
    colours: dict[str, int] = {{}}
    for node in sorted(graph):
        used = {{colours[other] for other in colours if other in graph[node] or node in graph[other]}}
        colour = 0
        while colour in used:
            colour += 1
        colours[node] = colour
    return colours
''',
            ),
            Form(
                expression="colour_by_colour({x})",
                helper='''
def colour_by_colour(graph: dict[str, list[str]]) -> dict[str, int]:
    """Hand out colour 0 as often as possible, then colour 1, and so on."""
    near: dict[str, set[str]] = {{node: set(others) for node, others in graph.items()}}
    for node, others in graph.items():
        for other in others:
            near[other].add(node)
    colours: dict[str, int] = {{}}
    colour = 0
    while len(colours) < len(graph):
        chosen: set[str] = set()
        for node in sorted(graph):
            if node not in colours and not chosen & (near[node] - {{node}}):
                chosen.add(node)
                colours[node] = colour
        colour += 1
    return {{node: colours[node] for node in sorted(graph)}}
''',
            ),
        ),
        noun=("the colour numbers that a greedy colouring gives the {x.many} of {x}",),
        step=("colour the {x.many} greedily",),
        note="In alphabetical order each {x.one} gets the smallest number, from 0 on, that no {x.one} linked with "
        "it in either direction has yet; the result maps the {x.many}, in that order, to their numbers.",
        names=("colours", "colouring"),
        becomes=Noun("{x.one}", "{x.many}", "{x.one}", "colour number"),
        ensures=(
            (
                "The numbers in use are 0, 1, 2 and so on.",
                "sorted(set(result.values())) == list(range(len(set(result.values()))))",
            ),
        ),
    ),
    Operation(
        name="two_colours",
        family="graphs",
        takes=("graph",),
        gives="flag",
        forms=(
            Form(
                expression="can_be_two_coloured({x})",
                helper='''
def can_be_two_coloured(graph: dict[str, list[str]]) -> bool:
    """Whether two colours are enough for no link to join nodes of one colour."""
    near = {{node: list(others) for node, others in graph.items()}}
    for node, others in graph.items():
        for other in others:
            near[other].append(node)
    side: dict[str, int] = {{}}
    for start in graph:
        if start in side:
            continue
        side[start] = 0
        waiting = [start]
        while waiting:
            node = waiting.pop()
            for other in near[node]:
                if other not in side:
                    side[other] = 1 - side[node]
                    waiting.append(other)
                elif side[other] == side[node]:
                    return False
    return True
''',
            ),
            Form(
                expression="has_two_sides({x})",
                helper='''
def has_two_sides(graph: dict[str, list[str]]) -> bool:
    """Join each node's one side with the other side of its neighbours; no node may meet itself."""
    parent = {{(node, side): (node, side) for node in graph for side in (0, 1)}}

    def root(place: tuple[str, int]) -> tuple[str, int]:
        while parent[place] != place:
            place = parent[place]
        return place

    for node, others in graph.items():
        for other in others:
            parent[root((node, 0))] = root((other, 1))
            parent[root((node, 1))] = root((other, 0))
    return all(root((node, 0)) != root((node, 1)) for node in graph)
''',
            ),
        ),
        noun=("whether the {x.many} of {x} can be given two colours so that no link joins two of the same colour",),
        step=("tell whether the {x.many} can be given two colours so that no link joins two of the same colour",),
        names=("two_sided", "bipartite"),
        becomes=Noun("answer", "answers"),
    ),
)
