"""Numerics as a confound: what differs between the machines or installations that the arms of a contrast came from.

Equal recipes give other bits under other numerics, and training amplifies them. So the difference is named like any
other thing that two arms do not share, in as few words as tell it. Seeds that were computed elsewhere in all arms alike
are named too, as they are not seeds of one experiment. Nothing is corrected for.
"""

import re
from collections.abc import Mapping, Sequence

FIELD = re.compile(r"\S+ thread|(?:torch|kernels) \S+|\S+")
"""The fields of a label as `assay.run.identity.numerics_label` writes it: a word, or a word with its name."""


def numerics_confound(labels: Sequence[Mapping[int, Sequence[str]]]) -> str | None:
    """The phrase for one contrast; None where all was computed alike.

    Args:
        labels: For every arm, in the contrast's order, the labels of its records by seed.

    Returns:
        Such as ``numerics: avx2 float32 against avx512_bf16 bfloat16``; where an arm holds several, each with its
        seeds.
    """
    names = sorted({name for arm in labels for found in arm.values() for name in found})
    if len(names) < 2:
        return None
    short = _shortened(names)
    sides = list(dict.fromkeys(_side(arm, short) for arm in labels if arm))
    if len(sides) == 1:
        return f"numerics, in all arms alike: {sides[0]}"
    return f"numerics: {' against '.join(sides)}"


def _side(arm: Mapping[int, Sequence[str]], short: Mapping[str, str]) -> str:
    """One arm's labels; with the seeds of each where there are several."""
    seeds: dict[str, list[int]] = {}
    for seed in sorted(arm):
        for name in arm[seed]:
            seeds.setdefault(name, []).append(seed)
    if len(seeds) == 1:
        return short[next(iter(seeds))]
    told = [
        f"{short[name]} (seed{'' if len(found) == 1 else 's'} {', '.join(map(str, found))})"
        for name, found in seeds.items()
    ]
    return " and ".join(told)


def _shortened(names: Sequence[str]) -> dict[str, str]:
    """Each label with only the fields in which they are not all equal; whole where their fields cannot be aligned."""
    fields = [FIELD.findall(name) for name in names]
    if len({len(found) for found in fields}) > 1:
        return {name: name for name in names}
    differing = [place for place, values in enumerate(zip(*fields, strict=True)) if len(set(values)) > 1]
    return {name: " ".join(found[place] for place in differing) for name, found in zip(names, fields, strict=True)}
