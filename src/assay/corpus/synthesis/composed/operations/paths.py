"""Ways through directed graphs: what can be reached, how far it is, and which way is the shortest or the longest.

Searches that need a start begin at the alphabetically first node. Every algorithm has a second one beside it that works
in another way, such as a queue and a relaxation.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation
from assay.corpus.synthesis.composed.operations.graphs import CLOSED, LINKS, SORTED

EMPTY = "Of an empty graph the result is empty."
DIFFERENT = ("Nothing stands twice in the result.", "len(result) == len(set(result))")

OPERATIONS = (
    Operation(
        name="reachable",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                expression="reach_by_breadth({x})",
                helper='''
def reach_by_breadth(graph: dict[str, list[str]]) -> list[str]:
    """Nodes that the alphabetically first leads to, itself among them, in alphabetical order."""
    seen = set(sorted(graph)[:1])
    queue = deque(sorted(seen))
    while queue:
        for neighbour in graph[queue.popleft()]:
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)
    return sorted(seen)
''',
                imports=("from collections import deque",),
            ),
            Form(
                expression="reach_by_depth({x})",
                helper='''
def reach_by_depth(graph: dict[str, list[str]]) -> list[str]:
    """Visit what the alphabetically first node leads to, one way to its end before the next."""
    seen: list[str] = []

    def visit(node: str) -> None:
        if node not in seen:
            seen.append(node)
            for neighbour in graph[node]:
                visit(neighbour)

    if graph:
        visit(min(graph))
    return sorted(seen)
''',
                style="recursive",
            ),
            Form(
                block="""{out} = sorted({x})[:1]
{_before} = 0
while len({out}) > {_before}:
    {_before} = len({out})
    {out} = sorted(set({out}).union(*({x}[{one}] for {one} in {out})))"""
            ),
        ),
        noun=("the {x.many} that can be reached in {x} from the alphabetically first {x.one}, in alphabetical order",),
        step=("list in alphabetical order the {x.many} that can be reached from the alphabetically first {x.one}",),
        note=f"{LINKS} The first {{x.one}} itself counts as reached. {EMPTY}",
        names=("reachable", "reached"),
        ensures=(DIFFERENT, ("The result is in alphabetical order.", "result == sorted(result)")),
    ),
    Operation(
        name="link_distances",
        family="graphs",
        takes=("graph",),
        gives="counts",
        forms=(
            Form(
                expression="measure_distances({x})",
                helper='''
def measure_distances(graph: dict[str, list[str]]) -> dict[str, int]:
    """Fewest links from the alphabetically first node to each that it leads to."""
    distance = {{start: 0 for start in sorted(graph)[:1]}}
    queue = deque(distance)
    while queue:
        node = queue.popleft()
        for neighbour in graph[node]:
            if neighbour not in distance:
                distance[neighbour] = distance[node] + 1
                queue.append(neighbour)
    return dict(sorted(distance.items()))
''',
                imports=("from collections import deque",),
            ),
            Form(
                expression="relax_distances({x})",
                helper='''
def relax_distances(graph: dict[str, list[str]]) -> dict[str, int]:
    """Shorten the distances from the first node, link by link, until nothing changes."""
    far = len(graph)
    distance = dict.fromkeys(sorted(graph), far)
    if graph:
        distance[min(graph)] = 0
    changed = True
    while changed:
        changed = False
        for node, neighbours in graph.items():
            for neighbour in neighbours:
                if distance[node] + 1 < distance[neighbour]:
                    distance[neighbour] = distance[node] + 1
                    changed = True
    return {{node: steps for node, steps in distance.items() if steps < far}}
''',
            ),
        ),
        noun=("the distance from the alphabetically first {x.one} of {x} to each {x.one} that it leads to",),
        step=("measure how far each {x.one} is from the alphabetically first one",),
        note=f"{LINKS} A distance is the smallest number of links to be followed, 0 for the first {{x.one}} itself. "
        f"What cannot be reached is left out, and the keys are in alphabetical order. {EMPTY}",
        names=("distances", "steps_away"),
        becomes=Noun("{x.one}", "{x.many}", "{x.one}", "distance"),
        ensures=(
            ("At most one distance is 0.", "list(result.values()).count(0) <= 1"),
            (
                "The distances are 0, 1 and so on, none left out.",
                "set(result.values()) == set(range(len(set(result.values()))))",
            ),
        ),
    ),
    Operation(
        name="longest_path",
        family="graphs",
        takes=("graph",),
        gives="number",
        literals={"d": (-1, -2, 99)},
        forms=(
            Form(
                expression="measure_ways({x}, {d})",
                helper='''
def measure_ways(graph: dict[str, list[str]], circular: int) -> int:
    """Number of links of the longest way, found from the end of each way backwards."""
    lengths: dict[str, int] = {{}}
    left = list(graph)
    while left:
        ready = [node for node in left if all(other in lengths for other in graph[node])]
        if not ready:
            return circular
        for node in ready:
            lengths[node] = max((lengths[other] + 1 for other in graph[node]), default=0)
        left = [node for node in left if node not in lengths]
    return max(lengths.values(), default=0)
''',
            ),
            Form(
                expression="count_rounds({x}, {d})",
                helper='''
def count_rounds(graph: dict[str, list[str]], circular: int) -> int:
    """Follow all ways at once, a link in each round, until none goes on."""
    ends = sorted(graph)
    rounds = 0
    while True:
        ends = sorted({{neighbour for node in ends for neighbour in graph[node]}})
        if not ends:
            return rounds
        rounds += 1
        if rounds >= len(graph):
            return circular
''',
            ),
        ),
        noun=("the number of links of the longest way through {x}",),
        step=("count the links of the longest way through {x}",),
        note=f"{LINKS} If one can go round in a circle along the links, take {{d}}; without any links it is 0.",
        names=("longest_way", "length"),
        becomes=Noun("length", "lengths"),
    ),
    Operation(
        name="shortest_path",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                expression="find_route({x})",
                helper='''
def find_route(graph: dict[str, list[str]]) -> list[str]:
    """Spread out from the first node, remembering for each how it was come to."""
    if not graph:
        return []
    start, goal = min(graph), max(graph)
    previous = {{start: ""}}
    queue = deque([start])
    while queue and goal not in previous:
        node = queue.popleft()
        for neighbour in sorted(graph[node]):
            if neighbour not in previous:
                previous[neighbour] = node
                queue.append(neighbour)
    if goal not in previous:
        return []
    route = [goal]
    while route[0] != start:
        route.insert(0, previous[route[0]])
    return route
''',
                imports=("from collections import deque",),
            ),
            Form(
                expression="walk_to_goal({x})",
                helper='''
def walk_to_goal(graph: dict[str, list[str]]) -> list[str]:
    """Measure how far each node is from the goal, then walk where it becomes less."""
    if not graph:
        return []
    here, goal = min(graph), max(graph)
    left = {{goal: 0}}
    for steps in range(1, len(graph)):
        for node in graph:
            if node not in left and any(left.get(other) == steps - 1 for other in graph[node]):
                left[node] = steps
    if here not in left:
        return []
    route = [here]
    while here != goal:
        here = min(other for other in graph[here] if left.get(other) == left[here] - 1)
        route.append(here)
    return route
''',
            ),
        ),
        noun=("the shortest way through {x} from the alphabetically first {x.one} to the alphabetically last",),
        step=("find the shortest way from the alphabetically first {x.one} to the alphabetically last",),
        note=f"{LINKS} The result lists the {{x.many}} on the way, both ends among them; of several shortest ways "
        f"take the "
        "one that is alphabetically first at the first place where they differ. Without a way the result is "
        "empty.",
        names=("route", "way", "shortest"),
        ensures=(DIFFERENT,),
    ),
    Operation(
        name="closure",
        family="graphs",
        takes=("graph",),
        gives="graph",
        forms=(
            Form(
                expression="close_links({x})",
                helper='''
def close_links(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Link each node to all that it leads to, allowing one more node in between each time."""
    leads = {{node: set(neighbours) for node, neighbours in graph.items()}}
    for middle in graph:
        for node in graph:
            if middle in leads[node]:
                leads[node] |= leads[middle]
    return {{node: sorted(reached) for node, reached in leads.items()}}
''',
            ),
            Form(
                expression="search_all_links({x})",
                helper='''
def search_all_links(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """Search from the neighbours of each node for everything behind them."""
    links: dict[str, list[str]] = {{}}
    for node, neighbours in graph.items():
        found: set[str] = set()
        waiting = list(neighbours)
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting.extend(graph[here])
        links[node] = sorted(found)
    return links
''',
            ),
        ),
        noun=("the map of each {x.one} of {x} to all {x.many} that it leads to over one or more links",),
        step=("link each {x.one} to all {x.many} that it leads to over one or more links",),
        note=f"{LINKS} Each list is in alphabetical order, without repeats; a {{x.one}} is in its own list only if "
        f"one can "
        "go round in a circle from it.",
        names=("leads_to", "all_links"),
        once=True,
        ensures=(CLOSED, SORTED),
    ),
    Operation(
        name="greedy_walk",
        family="graphs",
        takes=("graph",),
        gives="words",
        forms=(
            Form(
                block="""{out} = sorted({x})[:1]
{_next} = {out}
while {_next}:
    {_next} = sorted({_to} for {_to} in {x}[{out}[-1]] if {_to} not in {out})[:1]
    {out} = {out} + {_next}"""
            ),
            Form(
                expression="walk_on({x}, [min({x})]) if {x} else []",
                helper='''
def walk_on(graph: dict[str, list[str]], walked: list[str]) -> list[str]:
    """Go on from the last node to the alphabetically first neighbour that is new."""
    new = [neighbour for neighbour in graph[walked[-1]] if neighbour not in walked]
    return walk_on(graph, [*walked, min(new)]) if new else walked
''',
                style="recursive",
            ),
        ),
        noun=("the walk through {x} that always goes on to the alphabetically first neighbour not visited yet",),
        step=(
            "walk from the alphabetically first {x.one}, always on to the alphabetically first neighbour not "
            "visited yet",
        ),
        note="The walk starts at the alphabetically first {x.one} and ends where no neighbour is new; the result "
        "lists the "
        f"{{x.many}} in the order in which they are visited. {EMPTY}",
        names=("walk", "visited"),
        ensures=(DIFFERENT,),
    ),
)
