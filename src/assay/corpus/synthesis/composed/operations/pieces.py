"""What graphs fall into: pieces, circles, the nodes that hold them together, and an order of all nodes.

Every algorithm has a second one beside it that works in another way: one search in depth and a trial without each node,
merged groups and a flood.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation
from assay.corpus.synthesis.composed.operations.graphs import LINKS

BOTH_WAYS = "Links may be followed in both directions here."
DIFFERENT = ("Nothing stands twice in the result.", "len(result) == len(set(result))")

OPERATIONS = (
    Operation(
        name="components",
        family="graphs",
        takes=("graph",),
        gives="bins",
        forms=(
            Form(
                expression="find_components({x})",
                helper='''
def find_components(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Merge the groups of linked nodes; a group is named after its first node."""
    leader = {{node: node for node in graph}}

    def find(node: str) -> str:
        while leader[node] != node:
            node = leader[node]
        return node

    for node, neighbours in graph.items():
        for neighbour in neighbours:
            first, second = sorted((find(node), find(neighbour)))
            leader[second] = first
    groups: dict[str, list[str]] = {{}}
    for node in sorted(graph):
        groups.setdefault(find(node), []).append(node)
    return groups
''',
            ),
            Form(
                expression="flood_components({x})",
                helper='''
def flood_components(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Starting at each node not yet seen, collect all that hang together with it."""
    near: dict[str, list[str]] = {{node: list(others) for node, others in graph.items()}}
    for node, others in graph.items():
        for other in others:
            near[other].append(node)
    groups: dict[str, list[str]] = {{}}
    seen: set[str] = set()
    for start in sorted(graph):
        if start not in seen:
            waiting = [start]
            found = {{start}}
            while waiting:
                for other in near[waiting.pop()]:
                    if other not in found:
                        found.add(other)
                        waiting.append(other)
            seen |= found
            groups[start] = sorted(found)
    return groups
''',
            ),
        ),
        noun=("the groups of {x.many} that hang together in {x}",),
        step=("divide the {x.many} into groups that hang together",),
        note=f"{BOTH_WAYS} Two {{x.many}} are in one group if there is a way from the one to the other. Each group is "
        "in alphabetical order and has the name of its first member; the names are in alphabetical order too.",
        names=("groups", "components", "pieces"),
        becomes=Noun("group", "groups", "group", "{x.one}"),
        ensures=(
            ("Each group has the name of its first member.", "all(many[0] == name for name, many in result.items())"),
            (
                "No group shares a member with another.",
                "len(set().union(*result.values())) == sum(map(len, result.values()))",
            ),
        ),
    ),
    Operation(
        name="round_trips",
        family="graphs",
        takes=("graph",),
        gives="bins",
        forms=(
            Form(
                expression="group_round_trips({x})",
                helper='''
def group_round_trips(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Groups of nodes with a way there and a way back, from what each node leads to."""
    leads: dict[str, set[str]] = {{}}
    for start in graph:
        leads[start] = {{start}}
        waiting = [start]
        while waiting:
            for neighbour in graph[waiting.pop()]:
                if neighbour not in leads[start]:
                    leads[start].add(neighbour)
                    waiting.append(neighbour)
    groups: dict[str, list[str]] = {{}}
    for node in sorted(graph):
        first = min(other for other in leads[node] if node in leads[other])
        groups.setdefault(first, []).append(node)
    return groups
''',
            ),
            Form(
                expression="strong_components({x})",
                helper='''
def strong_components(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Walk the links, then walk them backwards from the last node that was finished."""
    backwards: dict[str, list[str]] = {{node: [] for node in graph}}
    for node, neighbours in graph.items():
        for neighbour in neighbours:
            backwards[neighbour].append(node)

    def walk(node: str, links: dict[str, list[str]], seen: set[str], finished: list[str]) -> None:
        if node not in seen:
            seen.add(node)
            for neighbour in links[node]:
                walk(neighbour, links, seen, finished)
            finished.append(node)

    order: list[str] = []
    forwards: set[str] = set()
    for node in graph:
        walk(node, graph, forwards, order)
    parts: list[list[str]] = []
    seen: set[str] = set()
    for node in reversed(order):
        part: list[str] = []
        walk(node, backwards, seen, part)
        if part:
            parts.append(sorted(part))
    return {{part[0]: part for part in sorted(parts)}}
''',
                style="recursive",
            ),
        ),
        noun=("the groups of {x.many} of {x} within which there is a way from each to each other",),
        step=("divide the {x.many} into groups within which there is a way from each to each other",),
        note=f"{LINKS} Groups are as large as they can be; a {{x.one}} without a way there and back is a group by "
        f"itself. "
        "Each group is in alphabetical order and has the name of its first member; the names are in "
        "alphabetical order.",
        names=("circles", "strong_groups"),
        becomes=Noun("group", "groups", "group", "{x.one}"),
        ensures=(
            ("Each group has the name of its first member.", "all(many[0] == name for name, many in result.items())"),
        ),
        weight=0.7,
    ),
    Operation(
        name="topological_order",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                expression="order_by_links({x})",
                helper='''
def order_by_links(graph: dict[str, list[str]]) -> list[str]:
    """Take away free nodes, the alphabetically first of them first; empty for a cycle."""
    incoming = dict.fromkeys(graph, 0)
    for neighbours in graph.values():
        for neighbour in neighbours:
            incoming[neighbour] += 1
    free = sorted(node for node in graph if incoming[node] == 0)
    order = []
    while free:
        node = heapq.heappop(free)
        order.append(node)
        for neighbour in graph[node]:
            incoming[neighbour] -= 1
            if incoming[neighbour] == 0:
                heapq.heappush(free, neighbour)
    return order if len(order) == len(graph) else []
''',
                imports=("import heapq",),
                style="library",
            ),
            Form(
                block="""{out}: list[str] = []
while len({out}) < len({x}):
    {_left} = [{one} for {one} in sorted({x}) if {one} not in {out}]
    {_free} = [{one} for {one} in {_left} if not any({one} in {x}[{_before}] for {_before} in {_left})]
    if not {_free}:
        {out} = []
        break
    {out}.append({_free}[0])"""
            ),
        ),
        noun=("the {x.many} of {x} in an order in which every link leads forwards",),
        step=("put the {x.many} in an order in which every link leads forwards",),
        note=f"{LINKS} Wherever several may come next, take the alphabetically first. If the links go round in a "
        f"circle, "
        "the result is empty.",
        names=("order", "schedule", "sequence"),
        ensures=(DIFFERENT,),
    ),
    Operation(
        name="has_cycle",
        family="graphs",
        takes=("graph",),
        gives="flag",
        forms=(
            Form(
                expression="goes_round({x})",
                helper='''
def goes_round(graph: dict[str, list[str]]) -> bool:
    """Whether a walk along the links can come back to a node that it is still on."""
    done: set[str] = set()

    def closes(node: str, way: tuple[str, ...]) -> bool:
        if node in way:
            return True
        if node in done:
            return False
        found = any(closes(neighbour, (*way, node)) for neighbour in graph[node])
        done.add(node)
        return found

    return any(closes(node, ()) for node in graph)
''',
                style="recursive",
            ),
            Form(
                block="""{_left} = list({x})
{_before} = -1
while len({_left}) != {_before}:
    {_before} = len({_left})
    {_left} = [{one} for {one} in {_left} if any({_to} in {_left} for {_to} in {x}[{one}])]
{out} = bool({_left})"""
            ),
        ),
        noun=("whether one can go round in a circle along the links of {x}",),
        step=("tell whether one can go round in a circle along the links",),
        note=LINKS,
        names=("circular", "cyclic"),
        becomes=Noun("answer", "answers"),
    ),
    Operation(
        name="cut_nodes",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                expression="[{one} for {one} in sorted({x}) if count_pieces({x}, [{one}]) > count_pieces({x}, [])]",
                helper='''
def count_pieces(graph: dict[str, list[str]], without: list[str]) -> int:
    """Count the pieces into which a graph falls when some nodes are taken away."""
    left = set(graph) - set(without)
    pieces = 0
    while left:
        pieces += 1
        waiting = [min(left)]
        while waiting:
            node = waiting.pop()
            left.discard(node)
            for other in sorted(left):
                if other in graph[node] or node in graph[other]:
                    waiting.append(other)
    return pieces
''',
            ),
            Form(
                expression="find_cut_nodes({x})",
                helper='''
def find_cut_nodes(graph: dict[str, list[str]]) -> list[str]:
    """One search in depth: a node cuts if something below it does not come round it."""
    near = {{node: set(others) - {{node}} for node, others in graph.items()}}
    for node, others in graph.items():
        for other in others:
            near[other] |= {{node}} - {{other}}
    number: dict[str, int] = {{}}
    cutting: set[str] = set()

    def lowest(node: str, above: list[str]) -> int:
        number[node] = low = len(number)
        below = 0
        for other in sorted(near[node] - set(above)):
            if other in number:
                low = min(low, number[other])
                continue
            below += 1
            reached = lowest(other, [node])
            low = min(low, reached)
            if above and reached >= number[node]:
                cutting.add(node)
        if not above and below > 1:
            cutting.add(node)
        return low

    for node in sorted(graph):
        if node not in number:
            lowest(node, [])
    return sorted(cutting)
''',
                style="recursive",
            ),
        ),
        noun=("the {x.many} without which {x} falls into more pieces, in alphabetical order",),
        step=("list in alphabetical order the {x.many} without which {x} falls into more pieces",),
        note=f"{BOTH_WAYS} A piece is a group of {{x.many}} that hang together.",
        names=("critical", "bridges"),
        ensures=(DIFFERENT,),
        weight=0.6,
    ),
)
