"""The ids of a batch as a pure function: epochs are whole, shares are kept, nothing depends on what comes later."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.tokens.mixture import MILLION, Mix, Mixture, assign
from assay.tokens.shard import Shard, ShardWriter, read_shard
from assay.tokens.stream import Stream


def shard_of(lengths: list[int]) -> Shard:
    """Documents whose every token is a different number."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    labels = np.arange(len(lengths), dtype=np.int32) % 2
    return Shard(np.arange(offsets[-1], dtype=np.uint16), offsets, labels, (("code", "Python"), ("text", "English")))


shards = st.lists(st.integers(1, 40), min_size=1, max_size=20).map(shard_of)
mixes = st.lists(st.integers(1, 1000), min_size=1, max_size=6).map(
    lambda parts: tuple(
        (f"i{index}", share)
        for index, share in enumerate(
            [part * MILLION // sum(parts) for part in parts[:-1]]
            + [MILLION - sum(part * MILLION // sum(parts) for part in parts[:-1])]
        )
    )
)


def draws(mixes: list[tuple[Mix, int]], rows: int) -> list[tuple[str, int]]:
    """All rows of a path."""
    return list(Mixture(mixes, {}, rows).draws(0, sum(steps for _, steps in mixes)))


@given(mixes)
@settings(max_examples=60)
def test_no_ingredient_is_ever_off_by_a_whole_row(mix: Mix) -> None:
    counts: Counter[str] = Counter()
    for row, name in enumerate(itertools.islice(assign(mix), 500), start=1):
        counts[name] += 1
        for other, share in mix:
            assert abs(counts[other] - row * share / MILLION) < 1


@given(shards, st.integers(1, 25), st.integers(0, 9))
def test_every_token_of_an_epoch_comes_once_before_any_comes_again(shard: Shard, sequence: int, seed: int) -> None:
    stream = Stream(shard, "x", seed, sequence)
    rows = 2 * shard.tokens  # whole epochs of rows for any sequence: sequence epochs of tokens, twice
    inputs = np.sort(np.concatenate([stream.row(index)[:-1] for index in range(rows)]))
    assert (inputs == np.repeat(np.arange(shard.tokens), 2 * sequence)).all(), "no token is cut or favoured"


@given(shards, st.integers(1, 25))
def test_a_rows_last_target_is_the_next_token_of_the_joined_documents(shard: Shard, sequence: int) -> None:
    stream = Stream(shard, "x", 3, sequence)
    begins = set(shard.offsets[:-1].tolist())
    for index in range(20):
        row = stream.row(index)
        for here, after in itertools.pairwise(row.tolist()):
            assert after == here + 1 or after in begins


@given(shards, st.integers(2, 25), st.integers(0, 60))
def test_labels_count_exactly_the_rows_tokens(shard: Shard, sequence: int, index: int) -> None:
    stream = Stream(shard, "x", 1, sequence)
    document = np.searchsorted(shard.offsets, stream.row(index)[:-1], side="right") - 1
    oracle = Counter(shard.label_names[shard.labels[one]] for one in document)
    assert stream.labels(index) == dict(oracle)


def test_rows_of_one_document_do_not_stand_side_by_side() -> None:
    stream = Stream(shard_of([50_000]), "x", 0, 10)
    starts = [int(stream.row(index)[0]) for index in range(1000)]
    neighbours = sum(abs(one - other) == 10 for one, other in itertools.pairwise(starts))
    assert neighbours < 5


def test_seeds_and_names_give_different_orders_and_the_same_ones_the_same() -> None:
    shard = shard_of([7] * 300)
    first, again, seed, name = (Stream(shard, *key, 16) for key in (("x", 0), ("x", 0), ("x", 1), ("y", 0)))
    assert (first.row(5) == again.row(5)).all()
    assert any((first.row(index) != seed.row(index)).any() for index in range(3))
    assert any((first.row(index) != name.row(index)).any() for index in range(3))


TEXT: Mix = (("text", MILLION),)
HALF: Mix = (("code", MILLION // 2), ("text", MILLION // 2))


def test_all_arms_of_a_seed_meet_the_same_text_in_the_same_order() -> None:
    alone = [row for name, row in draws([(TEXT, 50)], 4) if name == "text"]
    mixed = [row for name, row in draws([(HALF, 30), (TEXT, 20)], 4) if name == "text"]
    assert mixed == alone[: len(mixed)]


@given(shards, st.integers(1, 25), st.integers(0, 40), st.integers(1, 3))
def test_a_further_draw_reads_what_is_left_of_each_epoch_in_another_order(
    shard: Shard, sequence: int, since: int, draw: int
) -> None:
    stream = Stream(shard, "x", 1, sequence)
    begins = [-(-epoch * shard.tokens // sequence) for epoch in range(since * sequence // shard.tokens + 4)]
    later = [begin for begin in begins if begin > since][:3]
    for begin, end in itertools.pairwise([since, *later]):
        again = [stream.redrawn(index, since, draw) for index in range(begin, end)]
        assert sorted(again) == list(range(begin, end)), "nothing comes before its time, nothing is left out"


def test_draws_differ_and_arms_that_have_other_rows_left_meet_the_common_ones_in_one_order() -> None:
    stream = Stream(shard_of([7] * 300), "x", 1, 10)
    one, two = ([stream.redrawn(index, 50, draw) for index in range(50, 210)] for draw in (1, 2))
    assert one != two
    assert one != list(range(50, 210))
    assert [stream.redrawn(index, 90, 1) for index in range(90, 210)] == [row for row in one if row >= 90]


def test_a_further_draw_shares_the_trunk_and_deals_as_the_first_does() -> None:
    streams = {name: Stream(shard_of([11] * 90), name, 2, 8) for name in ("text", "code")}
    path = [(TEXT, 6), (HALF, 9)]
    first, again = (list(Mixture(path, streams, 4, draw).draws(0, 15)) for draw in (0, 1))
    assert again[:24] == first[:24]
    assert again[24:] != first[24:]
    assert [name for name, _ in again] == [name for name, _ in first]
    text = [row for name, row in again[24:] if name == "text"]
    assert min(text) >= 24, "what the trunk has read of the epoch is not read again"


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4))
def test_a_stage_goes_on_where_the_earlier_ones_left_and_does_not_depend_on_its_length(
    first: int, second: int, rows: int
) -> None:
    path = draws([(HALF, first), (TEXT, second)], rows)
    assert path[: first * rows] == draws([(HALF, first + 7)], rows)[: first * rows]
    if first * rows % 2 == 0:
        assert draws([(HALF, first), (HALF, second)], rows) == draws([(HALF, first + second)], rows)
    for name in ("text", "code"):
        taken = [row for one, row in path if one == name]
        assert taken == list(range(len(taken))), "nothing is replayed, nothing skipped"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 60), st.integers(1, 3))
def test_looking_a_row_up_gives_what_dealing_them_out_one_by_one_gives(parts: list[int], steps: int, rows: int) -> None:
    hundredths = [*parts, 100 - sum(parts)]
    mix: Mix = tuple((f"i{place}", part * MILLION // 100) for place, part in enumerate(hundredths))
    taken: Counter[str] = Counter()
    dealt = []
    for stage in (mix, HALF, mix):
        for name in itertools.islice(assign(stage), steps * 5 * rows):
            dealt.append((name, taken[name]))
            taken[name] += 1
    assert draws([(mix, steps * 5), (HALF, steps * 5), (mix, steps * 5)], rows) == dealt


def test_the_last_row_of_a_very_long_path_is_found_without_dealing_all_of_them() -> None:
    mix: Mix = (("code", 300_000), ("text", 700_000))
    mixture = Mixture([(mix, 10**9)], {}, 2)
    (one, other) = mixture.draws(10**9 - 1, 10**9)
    assert {one, other} <= {("code", 6 * 10**8 - 1), ("text", 14 * 10**8 - 1), ("text", 14 * 10**8 - 2)}


@given(shards, st.integers(2, 25))
def test_documents_of_a_step_change_where_a_document_begins(shard: Shard, sequence: int) -> None:
    mixture = Mixture([((("x", MILLION),), 4)], {"x": Stream(shard, "x", 1, sequence)}, 3)
    begins = set(shard.offsets[:-1].tolist())
    for step in range(4):
        ids, documents = mixture.batch(step).ids[:, :-1], mixture.documents(step)
        assert documents.shape == ids.shape
        for row, places in zip(ids.tolist(), documents.tolist(), strict=True):
            starts = [place for place, token in enumerate(row) if place and token in begins]
            assert [place for place in range(1, sequence) if places[place] != places[place - 1]] == starts


def test_asking_for_a_step_alone_gives_the_batch_of_that_step() -> None:
    streams = {name: Stream(shard_of([11] * 50), name, 2, 8) for name in ("text", "code")}
    mixture = Mixture([(HALF, 10)], streams, 4)
    ids = [mixture.batch(step).ids for step in range(10)]
    fresh = Mixture([(HALF, 10)], streams, 4)
    assert (fresh.batch(7).ids == ids[7]).all()
    assert ids[0].shape == (4, 9)
    assert sum(mixture.seen(2, 6).values()) == 4 * 4 * 8


@pytest.mark.parametrize(("vocabulary", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_a_shard_is_read_as_it_was_written(tmp_path: Path, vocabulary: int, kind: type) -> None:
    with ShardWriter(tmp_path, vocabulary) as writer:
        writer.add(np.array([1, 2, 3, 0], np.uint32), np.array([4]), [("code", "C")], [9])
        writer.add(np.array([vocabulary - 1, 0], np.uint32), np.array([2]), [("text", "English")], [5])
    shard = read_shard(tmp_path)
    assert shard.ids.dtype == kind
    assert shard.ids.tolist() == [1, 2, 3, 0, vocabulary - 1, 0]
    assert shard.offsets.tolist() == [0, 4, 6]
    assert [shard.label_names[label] for label in shard.labels] == [("code", "C"), ("text", "English")]
