"""Operations on graphs, grids, and those with a long history give what libraries and the literature say is right.

Graphs here have loops and repeated neighbours, which those drawn for problems have not.
"""

import itertools
import typing
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operations import OPERATIONS
from assay.corpus.synthesis.composed.program import Input, Node, Program
from assay.corpus.synthesis.composed.render import render

BY_NAME = {one.name: one for one in OPERATIONS}
Graph = dict[str, list[str]]
Grid = list[list[int]]


def forms(name: str, **literals: int | str) -> list[Callable[..., typing.Any]]:
    """Every form of an operation as a function."""
    operation = BY_NAME[name]
    assert set(literals) == set(operation.literals)
    inputs = tuple(
        Input(kind, Noun("thing", "things", "name", "number"), name, "a value", words=("red", "blue"))
        for kind, name in zip(operation.takes, ("alpha", "beta"), strict=False)
    )
    program = Program(inputs, (Node(operation, tuple(range(len(inputs))), {}, literals),))
    found = []
    for at in range(len(operation.forms)):
        names: dict[str, typing.Any] = {}
        exec(render(program, "answer", lambda _, at=at: at, Random(at)).source, names)  # type: ignore[misc]
        found.append(names["answer"])
    return found


def graphs() -> list[Graph]:
    made: list[Graph] = [{}]
    for number in range(150):
        random = Random(number)
        nodes = random.sample("abcdefgh", random.randint(1, 8))
        links = random.choice([0, 1, 2])
        made.append({node: random.choices(nodes, k=random.randint(0, links + 1)) for node in nodes})
    return made


def grids() -> list[Grid]:
    made: list[Grid] = [[]]
    for number in range(120):
        random = Random(number)
        width, height, top = random.randint(1, 6), random.randint(1, 6), random.choice([2, 20])
        made.append([[random.randint(-2, top) for _ in range(width)] for _ in range(height)])
    return made


def in_groups(found: typing.Iterable[set[str]]) -> dict[str, list[str]]:
    return {min(many): sorted(many) for many in sorted(found, key=min)}


def networkx_says() -> dict[str, Callable[[typing.Any], typing.Any]]:
    nx = pytest.importorskip("networkx")

    def topological(graph: typing.Any) -> list[str]:
        if not nx.is_directed_acyclic_graph(graph):
            return []
        return list(nx.lexicographical_topological_sort(graph))

    def shortest(graph: typing.Any) -> list[str]:
        if not graph or not nx.has_path(graph, min(graph), max(graph)):
            return []
        return min(nx.all_shortest_paths(graph, min(graph), max(graph)))

    def simple(graph: typing.Any) -> typing.Any:
        plain = graph.to_undirected()
        plain.remove_edges_from(list(nx.selfloop_edges(plain)))
        return plain

    def greedy(graph: typing.Any) -> dict[str, int]:
        return dict(nx.greedy_color(simple(graph), strategy=lambda plain, _: sorted(plain)))

    return {
        "components": lambda graph: in_groups(nx.weakly_connected_components(graph)),
        "round_trips": lambda graph: in_groups(nx.strongly_connected_components(graph)),
        "topological_order": topological,
        "has_cycle": lambda graph: not nx.is_directed_acyclic_graph(graph),
        "shortest_path": shortest,
        "link_distances": lambda graph: (
            dict(sorted(nx.single_source_shortest_path_length(graph, min(graph)).items())) if graph else {}
        ),
        "closure": lambda graph: {
            one: sorted(many) for one, many in nx.transitive_closure(graph, reflexive=False).adjacency()
        },
        "cut_nodes": lambda graph: sorted(nx.articulation_points(simple(graph))),
        "triangles": lambda graph: sum(nx.triangles(simple(graph)).values()) // 3,
        "two_colours": lambda graph: nx.is_bipartite(graph.to_undirected()),
        "greedy_colours": greedy,
    }


@pytest.mark.parametrize(
    "name",
    [
        "components",
        "round_trips",
        "topological_order",
        "has_cycle",
        "shortest_path",
        "link_distances",
        "closure",
        "cut_nodes",
        "triangles",
        "two_colours",
        "greedy_colours",
    ],
)
def test_graphs_are_what_networkx_says_of_them(name: str) -> None:
    nx = pytest.importorskip("networkx")
    says, functions = networkx_says()[name], forms(name)
    for graph in graphs():
        wanted = says(nx.DiGraph(graph))
        for function in functions:
            assert function(graph) == wanted, graph


def test_the_longest_way_is_that_of_networkx_and_none_where_links_go_round() -> None:
    nx = pytest.importorskip("networkx")
    for function, graph in itertools.product(forms("longest_path", d=-7), graphs()):
        other = nx.DiGraph(graph)
        wanted = nx.dag_longest_path_length(other) if nx.is_directed_acyclic_graph(other) else -7
        assert function(graph) == wanted, graph


def cells(grid: Grid) -> typing.Any:
    return np.array(grid, dtype=int).reshape(len(grid), len(grid[0]) if grid else 0)


def life(grid: Grid) -> Grid:
    alive = (cells(grid) > 0).astype(int)
    if not alive.size:
        return []
    near = scipy.signal.convolve2d(alive, np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]), mode="same")
    made: Grid = ((near == 3) | ((alive == 1) & (near == 2))).astype(int).tolist()
    return made


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("transpose", lambda grid: cells(grid).T.tolist()),
        ("quarter_turn", lambda grid: np.rot90(cells(grid), -1).tolist()),
        ("mirror", lambda grid: np.fliplr(cells(grid)).tolist()),
        ("main_diagonal", lambda grid: np.diagonal(cells(grid)).tolist()),
        ("running_sums", lambda grid: cells(grid).cumsum(axis=0).cumsum(axis=1).tolist()),
        (
            "diagonal_sums",
            lambda grid: [
                int(np.trace(np.fliplr(cells(grid)), offset))
                for offset in range(len(grid[0]) - 1 if grid else -1, -len(grid), -1)
            ],
        ),
        ("life_step", life),
    ],
)
def test_grids_are_what_numpy_and_scipy_make_of_them(name: str, says: Callable[[Grid], typing.Any]) -> None:
    for function, grid in itertools.product(forms(name), grids()):
        assert function(grid) == says(grid), grid


@pytest.mark.parametrize("level", [0, 2, 10])
def test_islands_are_the_labels_of_scipy(level: int) -> None:
    for grid in grids():
        labels, number = scipy.ndimage.label(cells(grid) > level) if grid else (np.zeros(0, int), 0)
        largest = np.bincount(labels.ravel())[1:].max(initial=0)
        assert {function(grid) for function in forms("islands", k=level)} == {number}, grid
        assert {function(grid) for function in forms("largest_island", k=level)} == {largest}, grid


@pytest.mark.parametrize(
    ("name", "literals", "given", "wanted"),
    [
        ("rain_water", {}, [0, 1, 0, 2, 1, 0, 1, 3, 2, 1, 2, 1], 6),
        ("largest_poster", {}, [2, 1, 5, 6, 2, 3], 10),
        ("cut_rod", {}, [1, 5, 8, 9, 10, 17, 17, 20], 22),
        ("cheapest_climb", {}, [1, 100, 1, 1, 1, 100, 1, 1, 100, 1], 6),
        ("fewest_jumps", {"d": -1}, [2, 3, 1, 1, 4], 2),
        ("egg_drops", {"k": 2}, 100, 14),
        ("longest_zigzag", {}, [1, 17, 5, 10, 13, 15, 10, 5, 16, 8], 7),
        ("longest_even_steps", {}, [9, 4, 7, 2, 10], 3),
        ("longest_palindrome_within", {}, [2, 2, 2, 1, 2], 4),
        ("trade_with_fee", {"k": 2}, [1, 3, 2, 8, 4, 9], 8),
        ("read_as_letters", {}, "226", 3),
        ("smash_stones", {"d": 0}, [2, 7, 4, 1, 8, 1], 1),
        ("merge_piles", {}, [1, 2, 3, 4], 19),
        ("nesting_score", {"d": -1}, "(()(()))", 6),
        ("thue_morse", {}, 16, "0110100110010110"),
        ("gray_codes", {"k": 4}, 3, ["000", "001", "011", "010", "110", "111", "101", "100"]),
        ("hanoi", {"k": 4}, 3, ["AC", "AB", "CB", "AC", "BA", "BC", "AC"]),
        ("tree_in_order", {}, [4, 2, 6, 1, 3, 5, 7], [1, 2, 3, 4, 5, 6, 7]),
        ("spiral", {}, [[1, 2, 3], [8, 9, 4], [7, 6, 5]], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("slide_left", {}, [[2, 2, 2, 2], [4, 0, 4, 8]], [[4, 4, 0, 0], [8, 8, 0, 0]]),
        ("cancel_moves", {}, "ULRDUU", "UU"),
        ("counting_out", {"k": 3}, ["a", "b", "c", "d", "e"], ["c", "a", "e", "b", "d"]),
    ],
)
def test_answers_known_from_the_literature(
    name: str, literals: dict[str, int | str], given: typing.Any, wanted: typing.Any
) -> None:
    for function in forms(name, **literals):
        assert function(given) == wanted


def test_sterns_sequence_and_sums_of_squares_are_as_listed() -> None:
    for function in forms("diatomic"):
        assert [function(place) for place in range(16)] == [0, 1, 1, 2, 1, 3, 2, 3, 1, 4, 3, 5, 2, 5, 3, 4]
    for function in forms("fewest_squares"):
        assert [function(total) for total in range(13)] == [0, 1, 2, 3, 1, 2, 3, 4, 2, 1, 2, 3, 3]
