"""How much memory it takes to measure a layer in all the ways that its measures ask for."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.memory import KEPT_UNITS, OPEN_STATE, Joined, Load
from onnxinv.model.layers import Layer
from onnxinv.schedule import SEGMENT
from onnxinv.statistics import ColumnMoments, RowMoments, Statistic
from onnxinv.statistics.column_sums import ColumnSums
from onnxinv.subjects import Subject, Subjects

_OPEN_ROWS = 40
"""Bytes of a unit for the row that is being summed, and for pivots of row means."""


def load_of(
    layer: Layer,
    subjects: Subjects,
    *,
    transforms: int,
    columns: int,
    samples: int,
    groups: int,
    classes: int,
    single: bool = False,
    lands: bool = False,
) -> Load:
    """Return what a layer takes, with the floors that belong to the size of its maps.

    Layers of one size share these; each counts them, for which layers are measured together is not known here.

    Args:
        layer: the layer.
        subjects: all subjects of the run.
        transforms: m.
        columns: variants of each sample.
        samples: n.
        groups: number of groups.
        classes: number of classes that samples are taken by, 1 where they are not.
        single: whether sums may be taken in float32.
        lands: whether the activations of each block are written over those of the last.
    """
    mine = subjects.of([layer], with_output=False)
    largest, share = -(-samples // groups), -(-samples // (groups * classes))
    group = sum(classes * _state(each, transforms, share) * each.view.channel.size for each in mine)
    kept = sum(classes * _state(each, transforms, share) * min(each.view.channel.size, KEPT_UNITS) for each in mine)
    full = sum(classes * _state(each, transforms, -(-samples // classes)) * each.view.channel.size for each in mine)
    # Leave-one-out states are of kept units; of all others there is one state at a time, in slices hardly wider.
    widths = [min(each.view.channel.size, max(KEPT_UNITS, layer.units // layer.channels)) for each in mine]
    # Classes may be of any size, and one may fill the largest group.
    at_once = min(largest, SEGMENT)
    opened = sum(_opened(each, transforms, at_once, single=single) * each.view.channel.size for each in mine)
    whole = sum(_opened(each, transforms, SEGMENT, single=single) * each.view.channel.size for each in mine)
    some = sum(
        _opened(each, transforms, at_once, single=single) * min(each.view.channel.size, KEPT_UNITS) for each in mine
    )
    finishing = [classes * _state(each, transforms, samples) * width for each, width in zip(mine, widths, strict=True)]
    return Load(
        layer=layer,
        group=group,
        kept=kept,
        full=full,
        open=opened,
        copies=1 if lands else 2,
        joined=_joined(whole, some, full, samples) if single and _are_joinable(mine) else None,
        finishing=max(finishing, default=0),
        buffers=_buffers(layer, mine, columns, largest)
        + sum(_first(each, samples) * each.view.channel.size for each in mine),
    )


def _are_joinable(mine: Sequence[Subject]) -> bool:
    return all(each.is_joinable for each in mine) and any(each.view.channel.size > KEPT_UNITS for each in mine)


def _joined(whole: int, some: int, full: int, samples: int) -> Joined:
    """Return what a layer takes where all units are summed over several groups together.

    Args:
        whole: open states of all units.
        some: open states of the kept ones.
        full: closed states of all samples.
        samples: n.
    """
    # What is summed in one go stays as it is, and nothing is merged.
    return Joined(whole, some) if samples <= SEGMENT else Joined(full, whole + some)


def _state(subject: Subject, transforms: int, samples: int) -> int:
    return sum(kind.bytes_per_unit(transforms, samples) for kind in subject.kinds)


def _opened(subject: Subject, transforms: int, samples: int, *, single: bool) -> int:
    known: dict[type[Statistic], int] = {}
    if single and subject.is_single:
        known[ColumnMoments] = ColumnSums.bytes_per_unit(transforms)
        known[RowMoments] = RowMoments.bytes_per_unit(transforms, samples) + _OPEN_ROWS
    return sum(
        known.get(kind, OPEN_STATE * kind.bytes_per_unit(transforms, samples)) + kind.open_bytes_per_unit(transforms)
        for kind in subject.kinds
    )


def _first(subject: Subject, samples: int) -> int:
    return sum(kind.bytes_per_unit(1, samples) for kind in subject.untransformed)


def _buffers(layer: Layer, mine: Sequence[Subject], columns: int, largest: int) -> int:
    """Return the size of a window of activations, as they are and as views show them.

    Args:
        layer: the layer.
        mine: its subjects.
        columns: variants of each sample.
        largest: samples of the largest group.
    """
    window = min(max((each.window for each in mine), default=0), largest)
    raw = window * columns * layer.units * layer.number_bytes
    return raw + sum(max(min(each.window, largest), 1) * columns * each.view.bytes_per_variant() for each in mine)
