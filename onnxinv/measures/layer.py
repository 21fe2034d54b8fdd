"""From the group states of one layer to the values of every measure and their summaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from onnxinv.measures.jackknife import leave_one_out
from onnxinv.measures.measure import Measure, Values
from onnxinv.measures.summary import summarize
from onnxinv.measures.units import Units
from onnxinv.result import MeasureSummary
from onnxinv.statistics import State, merge_states

SLICE_UNITS = 1 << 12
"""Units finished at a time: their leave-one-out states stay small whatever the layer's size."""


def measure_layer(
    measures: Sequence[Measure], full: State, units: Units, groups: Sequence[State], kept: npt.NDArray[np.intp] | None
) -> dict[str, tuple[Values, MeasureSummary]]:
    """Compute every measure of one layer, with its summary.

    Args:
        measures: what to compute; their statistics must be in the states.
        full: the state of all samples, of all units.
        units: how all units fall into channels.
        groups: the state of each group, of the kept units.
        kept: indices of the units whose group states were kept; None for all.

    Returns:
        Values and summary by key.
    """
    with np.errstate(all="ignore"):  # non-finite activations are an outcome: they end as nan and are counted
        values = _compute(measures, [full], units)[0]
        if kept is None:
            reference, kept_units = values, units
        else:
            kept_units = units.take(kept)
            reference = _compute(measures, [merge_states(groups)], kept_units)[0]
        place = {measure: position for position, measure in enumerate(each for each in measures if each.interval)}
        replicates = _compute(list(place), groups, kept_units, leave_out=True) if place and len(groups) > 1 else []
        return {
            key: (
                found,
                summarize(
                    found,
                    [one[place[measure]][key].values for one in replicates if measure.interval],
                    reference[position][key].values,
                    measure.bounds,
                    interval=measure.interval,
                ),
            )
            for position, measure in enumerate(measures)
            for key, found in values[position].items()
        }


Family = dict[str, Values]
Positions = npt.NDArray[np.intp] | slice


def _compute(
    measures: Sequence[Measure], states: Sequence[State], units: Units, *, leave_out: bool = False
) -> list[list[Family]]:
    """Compute all measures of several states (or of all but each state), slice of channels by slice.

    Returns:
        For each state, for each measure, its values by key.
    """
    found: list[list[list[Family]]] = [[[] for _ in measures] for _ in states]
    for positions in _slices(units):
        cut = units.take(positions)
        taken = [state.take(positions) for state in states]
        for pieces, state in zip(found, leave_one_out(taken) if leave_out else taken, strict=True):
            for measure, family in zip(measures, pieces, strict=True):
                family.append(dict(measure.compute(state, cut)))
    return [[_join(family) for family in pieces] for pieces in found]


def _join(pieces: Sequence[Family]) -> Family:
    return {
        key: Values(
            np.concatenate([piece[key].values for piece in pieces]),
            np.concatenate([piece[key].dead for piece in pieces]),
        )
        for key in pieces[0]
    }


def _slices(units: Units) -> Iterator[Positions]:
    """Cut the units into runs of whole channels, in the order of the channels."""
    ordered = bool((np.diff(units.channel) >= 0).all())
    order = np.argsort(units.channel, kind="stable")
    ends = np.cumsum(np.bincount(units.channel, minlength=units.count))
    start = 0
    while start < order.size:
        fitting = np.searchsorted(ends, start + SLICE_UNITS, side="right") - 1
        following = np.searchsorted(ends, start, side="right")
        end = int(ends[max(fitting, following)])
        # A slice makes views where an index array would copy every state.
        yield slice(start, end) if ordered else order[start:end].astype(np.intp)
        start = end


def spread_subset(units: Units, size: int, seed: int) -> npt.NDArray[np.intp] | None:
    """Choose at most `size` units, spread evenly over channels and seeded; None where all units fit.

    Args:
        units: all units of a layer.
        size: how many may be kept.
        seed: makes the choice reproducible.
    """
    if units.channel.size <= size:
        return None
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(units.channel.size)
    by_channel = shuffled[np.argsort(units.channel[shuffled], kind="stable")]
    counts = np.bincount(units.channel, minlength=units.count)
    rank = np.arange(by_channel.size) - np.repeat(np.cumsum(counts) - counts, counts)
    # Of equal rank any channel may come first, else the first channels would be taken where there are more than places.
    order = generator.permutation(rank.size)
    chosen = by_channel[order[np.argsort(rank[order], kind="stable")[:size]]]
    return np.sort(chosen).astype(np.intp)
