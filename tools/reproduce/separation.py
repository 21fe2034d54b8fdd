"""Decides whether conditions have different layer profiles, against the spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from tools.reproduce import figures
from tools.reproduce.experiment import Outcome, Picture, Status, Table, status_of
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Array, Found
from tools.reproduce.replicates import Apart, apart, holm

LEVEL = 0.05

RULE = (
    "For each pair the mean distance (root mean square over layers) of a profile of one from a profile of the other "
    "must be above the 95th percentile of the distances between seeds, and the permutation test of the energy "
    "distance must reject equality at 0.05 after Holm's correction. It does not hold if a pair meets neither."
)


def separation(names: Sequence[str], groups: Sequence[Array]) -> tuple[Status, str, Table]:
    """Compare every two of some sets of profiles.

    Args:
        names: of the sets.
        groups: (networks, layers) each.

    Returns:
        The verdict, a sentence with its numbers, and a table of all pairs.
    """
    every = list(combinations(range(len(groups)), 2))
    return _decided([f"{names[a]} / {names[b]}" for a, b in every], [apart(groups[a], groups[b]) for a, b in every])


def compared(
    found: Found, groups: Mapping[str, Sequence[Measurement]], *, title: str, picture: str, by: str
) -> Outcome:
    """Return the outcome of comparing every two of some groups of networks, on the layers that all have.

    Args:
        found: what was measured.
        groups: by what they are called.
        title: of the figure.
        picture: name of its file.
        by: what the groups differ in.
    """
    layers, profiles = found.common(list(groups.values()))
    status, sentence, table = separation(list(groups), profiles)
    lines = {name: (layers, each) for name, each in zip(groups, profiles, strict=True)}
    drawn = Picture(picture, f"Layer profiles by {by}: mean over seeds, and range", figures.profiles({title: lines}))
    return Outcome(status, sentence, (table,), (drawn,))


def separation_from(reference: Array, others: dict[str, Array]) -> tuple[Status, str, Table]:
    """Compare each of some sets of profiles with one and the same."""
    return _decided(list(others), [apart(reference, each) for each in others.values()])


def _decided(names: Sequence[str], found: Sequence[Apart]) -> tuple[Status, str, Table]:
    corrected = holm([each.pvalue for each in found])
    farther = [each.between > each.within for each in found]
    significant = [pvalue < LEVEL for pvalue in corrected]
    both = [a and b for a, b in zip(farther, significant, strict=True)]
    # A gap in a profile makes numbers nan, which are neither above a threshold nor below.
    neither = [each.between <= each.within and pvalue >= LEVEL for each, pvalue in zip(found, corrected, strict=True)]
    status = status_of(holds=all(both), fails=any(neither))
    closest = np.min([each.ratio for each in found])
    sentence = (
        f"{sum(both)} of {len(found)} pairs are apart: distances are at least {closest:.3g} times the 95th percentile "
        f"of those between seeds, the largest corrected p-value is {np.max(corrected):.2g}."
    )
    rows = [
        (name, f"{each.between:.3g}", f"{each.within:.3g}", f"{each.ratio:.3g}", f"{pvalue:.2g}")
        for name, each, pvalue in zip(names, found, corrected, strict=True)
    ]
    header = ("pair", "distance", "95th percentile between seeds", "ratio", "p (Holm)")
    return status, sentence, Table("Distances of layer profiles", header, rows)
