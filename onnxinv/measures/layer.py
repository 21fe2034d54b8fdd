"""From the group states of one layer to the values of every measure and their summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain
from time import perf_counter

import numpy as np
import numpy.typing as npt

from onnxinv.measures.jackknife import leave_one_out
from onnxinv.measures.measure import Measure, Values
from onnxinv.measures.position_error import Replicates, missed, remaining
from onnxinv.measures.summary import summarize
from onnxinv.measures.units import Units
from onnxinv.result import MeasureSummary
from onnxinv.spent import Spent
from onnxinv.statistics import State, merge_states

SLICE_UNITS = 1 << 13
"""Units finished at a time: what is made of them stays small whatever the layer's size."""

Evaluation = Sequence[State | None]
"""What a measure is evaluated on: the state of each class of samples, just one unless they are taken class by class."""


@dataclass(frozen=True)
class Collected:
    """The closed states of one layer.

    Attributes:
        full: for each class, the state of all samples, of all units.
        groups: for each group, for each class, the state of the kept units; None where it has no sample of the class.
        kept: indices of the units whose group states were kept; None for all.
        classes: names of the classes; none unless samples are taken class by class.
    """

    full: Sequence[State]
    groups: Sequence[Evaluation]
    kept: npt.NDArray[np.intp] | None = None
    classes: tuple[str, ...] = ()

    @property
    def kept_full(self) -> list[State]:
        """For each class, the state of all samples, of the kept units."""
        if self.kept is None:
            return list(self.full)
        return [merge_states(each for each in states if each) for states in zip(*self.groups, strict=True)]

    @property
    def samples(self) -> int:
        """How many samples were measured."""
        return sum(each.samples for each in self.full)


def measure_layer(
    measures: Sequence[Measure],
    collected: Collected,
    units: Units,
    spent: Spent[Measure] | None = None,
    also: Callable[[State, Units], None] = lambda state, units: None,
) -> dict[str, tuple[Values, MeasureSummary]]:
    """Compute every measure of one layer, with its summary.

    Args:
        measures: what to compute; their statistics must be in the states.
        collected: the states.
        units: how all units fall into channels.
        spent: is told how many seconds each measure took.
        also: is told of every slice of the units, with the state of all samples, after the measures of channels.

    Returns:
        Values and summary by key.
    """
    spent = Spent() if spent is None else spent
    compute = partial(_compute, spent=spent, stratified=bool(collected.classes))
    with np.errstate(all="ignore"):  # non-finite activations are an outcome: they end as nan and are counted
        values = compute(measures, [collected.full], units, also=also)[0]
        reference, kept_units = values, units
        if collected.kept is not None:
            kept_units = units.take(collected.kept)
            reference = compute(measures, [collected.kept_full], kept_units)[0]
        uncertain = [each for each in measures if each.interval]
        several = bool(uncertain) and len(collected.groups) > 1
        groups = list(collected.groups) if several else []
        replicates = compute(uncertain, groups, kept_units, leave_out=True)
        some_positions = [
            compute(uncertain, [[state.take(left) for state in collected.full]], units.take(left))[0]
            for left in (remaining(units) if several else [])
        ]
        found = {}
        for measure in measures:
            bounds = measure.bounds_by_key()
            for key, each in values[measure].items():
                summary = summarize(
                    each,
                    [one[measure][key].values for one in replicates if measure.interval],
                    reference[measure][key].values,
                    bounds[key],
                    interval=measure.interval,
                    trials=collected.samples if measure.proportion else None,
                    classes=collected.classes,
                    positions=_replicates([one[measure][key] for one in some_positions if measure.interval], units),
                )
                found[key] = (each, summary)
        return found


def _replicates(found: Sequence[Values], units: Units) -> Replicates | None:
    return Replicates(np.stack([each.values for each in found]), missed(units)) if found else None


Family = Mapping[str, Values]
Positions = npt.NDArray[np.intp] | slice


def _compute(
    measures: Sequence[Measure],
    evaluations: Sequence[Evaluation],
    units: Units,
    *,
    spent: Spent[Measure],
    stratified: bool,
    leave_out: bool = False,
    also: Callable[[State, Units], None] = lambda state, units: None,
) -> list[dict[Measure, Family]]:
    """Compute all measures of several evaluations (or of all but each of them).

    Measures of channels are computed slice by slice of whole channels, those of whole layers at once.

    Returns:
        For each evaluation, the values of each measure by key.
    """
    found: list[dict[Measure, list[Family]]] = [{each: [] for each in measures} for _ in evaluations]
    by_class = {each for each in measures if stratified and each.stratifies}
    by_channel = [each for each in measures if each.scope == "channel"]
    as_a_whole = [each for each in measures if each.scope != "channel"]
    parts: list[tuple[list[Measure], list[Evaluation], Units]] = []
    if as_a_whole:
        kinds = {kind for each in as_a_whole for kind in each.kinds()}
        some: list[Evaluation] = [[state and state.only(kinds) for state in evaluation] for evaluation in evaluations]
        parts.append((as_a_whole, some, units))
    for chosen, cut, cut_units in chain(parts, _sliced(by_channel, evaluations, units)):
        together = [each for each in chosen if each not in by_class]
        for families, evaluation in zip(found, _left_out(cut) if leave_out else cut, strict=True):
            start = perf_counter()
            present = [state for state in evaluation if state]
            merged = merge_states(present) if together and present else None
            spent.charge(perf_counter() - start, *together)
            for measure in chosen:
                start = perf_counter()
                family = _evaluate(measure, evaluation, merged, cut_units, by_class=measure in by_class)
                families[measure].append(family)
                spent.charge(perf_counter() - start, measure)
            if present and chosen is by_channel:
                also(merged or merge_states(present), cut_units)
    return [{measure: _join(pieces) for measure, pieces in families.items()} for families in found]


def _sliced(
    measures: list[Measure], evaluations: Sequence[Evaluation], units: Units
) -> Iterator[tuple[list[Measure], list[Evaluation], Units]]:
    if not measures:
        return
    for positions in _slices(units):
        cut: list[Evaluation] = [
            [state and state.take(positions) for state in evaluation] for evaluation in evaluations
        ]
        yield measures, cut, units.take(positions)


def _left_out(evaluations: Sequence[Evaluation]) -> Iterator[Evaluation]:
    """Yield, for each group, the states of all the others, class by class."""
    yield from zip(*(leave_one_out(column) for column in zip(*evaluations, strict=True)), strict=True)


def _evaluate(
    measure: Measure, evaluation: Evaluation, merged: State | None, units: Units, *, by_class: bool
) -> Family:
    enough = [state for state in evaluation if state and state.samples >= measure.samples_needed]
    if by_class and len(enough) == len(evaluation):
        return measure.compute_by_class(enough, units)
    if not by_class and merged is not None:
        return measure.compute(merged, units)
    # A class with too few samples left says nothing, and without it the mean over classes would be another one.
    size = units.count if measure.scope == "channel" else 1
    nothing = Values(np.full(size, np.nan), np.zeros(size, dtype=np.bool_))
    return dict.fromkeys(measure.result_keys(), nothing)


def _join(pieces: Sequence[Family]) -> Family:
    return {key: _joined([piece[key] for piece in pieces]) for key in pieces[0]} if len(pieces) > 1 else pieces[0]


def _joined(pieces: Sequence[Values]) -> Values:
    """Return the values of all slices; every array has them on its last axis."""
    arrays = {field.name: [getattr(piece, field.name) for piece in pieces] for field in fields(Values)}
    whole = {name: np.concatenate(parts, axis=-1) for name, parts in arrays.items() if parts[0] is not None}
    return Values(**whole)


def _slices(units: Units) -> Iterator[Positions]:
    """Cut the units into runs of whole channels, in the order of the channels."""
    order = _by_channel(units)
    ends = np.cumsum(np.bincount(units.channel, minlength=units.count))
    start = 0
    while start < units.channel.size:
        fitting = np.searchsorted(ends, start + SLICE_UNITS, side="right") - 1
        following = np.searchsorted(ends, start, side="right")
        end = int(ends[max(fitting, following)])
        # A slice makes views where an index array would copy every state.
        yield slice(start, end) if order is None else order[start:end]
        start = end


def _by_channel(units: Units) -> npt.NDArray[np.intp] | None:
    """Return the units channel by channel; None where they are in that order, as is usual, since sorting takes long."""
    if (np.diff(units.channel) >= 0).all():
        return None
    return np.argsort(units.channel, kind="stable").astype(np.intp)


def spread_subset(units: Units, size: int, seed: int) -> npt.NDArray[np.intp] | None:
    """Choose at most `size` units, spread evenly over channels and seeded; None where all units fit.

    They lie at the same places in every channel: another order of the channels, or of the axes, changes nothing.

    Args:
        units: all units of a layer.
        size: how many may be kept.
        seed: makes the choice reproducible.
    """
    if units.channel.size <= size:
        return None
    generator = np.random.default_rng(seed)
    by_channel = _by_channel(units)
    in_order = np.arange(units.channel.size) if by_channel is None else by_channel
    counts = np.bincount(units.channel, minlength=units.count)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.arange(in_order.size) - starts
    turn = generator.permutation(counts.max())[rank]
    if units.count <= size and counts.min() == counts.max():
        chosen = in_order[turn < size // units.count]
    else:
        by_turn = in_order[np.lexsort((turn, units.channel[in_order]))]
        # Of equal rank any channel may come first, else the first ones would be taken where there are more than places.
        order = generator.permutation(rank.size)
        chosen = by_turn[order[np.argsort(rank[order], kind="stable")[:size]]]
    return np.sort(chosen).astype(np.intp)
