"""What is known of a layer comes back from arrays as it was, and works on as the original does."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest

from onnxinv import statistics
from onnxinv.statistics import ColumnMoments, Extent, State, Statistic
from onnxinv.statistics.faint_rows import FaintRows
from onnxinv.statistics.raw_columns import RawColumns
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.saving import arrays_of, state_of
from tests.statistics.grid import feed

TRANSFORMS, UNITS = 3, 8
CHANNEL = np.repeat(np.arange(2), 4)


def kinds() -> list[type[Statistic]]:
    """Return every kind of statistic that the package has."""
    for module in pkgutil.iter_modules(statistics.__path__, "onnxinv.statistics."):
        if "compiled" not in module.name:
            importlib.import_module(module.name)
    found, below = [], Statistic.__subclasses__()
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        if not inspect.isabstract(kind) and kind.__module__.startswith("onnxinv."):
            found.append(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def grid_of(samples: int, seed: int, dtype: type = np.float32) -> np.ndarray:
    """Return (samples, transforms, units) probabilities."""
    return np.random.default_rng(seed).random((samples, TRANSFORMS, UNITS)).astype(dtype)


def closed(kind: type[Statistic], seed: int = 0, *, samples: int = 19, single: bool = False) -> State:
    """Return the closed state of random activations; each is compared with its own first variant."""
    grid = grid_of(samples, seed, np.float32 if single else np.float64)
    alone = np.random.default_rng(9).random((40, 1, UNITS))
    before = {each: feed(each.empty(Extent(1, UNITS, CHANNEL, samples=40)), alone) for each in kind.untransformed}
    extent = Extent(TRANSFORMS, UNITS, CHANNEL, samples=40, untransformed=before, single=single)
    labels = np.arange(samples) % UNITS
    return feed(State.empty([kind], extent), grid, reference=grid[:, 0], labels=labels)


def parts(statistic: Statistic) -> dict[str, Any]:
    """Return everything that a closed statistic knows, in order of its names."""
    told: dict[str, Any] = {}
    derived = [name for name in ("mean", "deviations") if isinstance(getattr(type(statistic), name, None), property)]
    public = [name for name in vars(statistic) if not name.startswith("_")]
    for name in sorted({*derived, *public}):
        value = getattr(statistic, name)
        if isinstance(value, FaintRows):
            told |= {f"{name}.unit": value.unit, f"{name}.std": value.std, f"{name}.complete": value.complete}
        elif isinstance(value, tuple):
            told |= {f"{name}.{place}": each for place, each in enumerate(value)} | {f"{name}.count": len(value)}
        else:
            told[name] = value
    return told


def assert_equal(found: State, expected: State) -> None:
    """Make sure that two states of a single statistic hold the same numbers of the same types."""
    assert found.samples == expected.samples
    assert found.kinds == expected.kinds
    for kind in expected.kinds:
        one, other = parts(found[kind]), parts(expected[kind])
        assert one.keys() == other.keys()
        for name, value in other.items():
            np.testing.assert_array_equal(one[name], value, err_msg=f"{kind.__name__}.{name}")
            assert np.asarray(one[name]).dtype == np.asarray(value).dtype, f"{kind.__name__}.{name}"


KINDS = [pytest.param(kind, id=kind.__name__) for kind in kinds()]


def test_there_are_many_kinds() -> None:
    assert len(KINDS) > 20


@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_as_it_was(kind: type[Statistic], single: bool) -> None:
    state = closed(kind, single=single)
    assert_equal(state_of(arrays_of(state)), state)


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_back_merges_with_what_is_measured_next_as_the_original_does(kind: type[Statistic]) -> None:
    one, other = closed(kind, 0), closed(kind, 1, samples=21)
    expected = one.merge(other)
    assert_equal(state_of(arrays_of(one)).merge(closed(kind, 1, samples=21)), expected)
    assert_equal(other.merge(state_of(arrays_of(one))), other.merge(one))
    assert_equal(state_of(arrays_of(one)).absorb(state_of(arrays_of(other))), expected)
    assert_equal(state_of(arrays_of(expected)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_back_takes_units_as_the_original_does(kind: type[Statistic]) -> None:
    state, units = closed(kind), np.array([6, 1])
    assert_equal(state_of(arrays_of(state)).take(units), state.take(units))
    assert_equal(state_of(arrays_of(state.take(units))), state.take(units))


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_missing_is_refused(kind: type[Statistic]) -> None:
    arrays = arrays_of(closed(kind))
    for name in arrays:
        with pytest.raises(ValueError, match="lacks"):
            state_of({key: value for key, value in arrays.items() if key != name})


@pytest.mark.parametrize(
    "name", ["Nothing/count", "State/count", "other", "RowMoments/other", "RowMoments/count/3", "RowMoments/faint/size"]
)
def test_a_part_that_belongs_to_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"holds '{name.partition('/')[0]}"):
        state_of({**arrays_of(closed(RowMoments)), name: np.zeros(2)})


def test_two_kinds_are_kept_apart() -> None:
    extent = Extent.plain(TRANSFORMS, UNITS)
    state = feed(State.empty([RowMoments, ColumnMoments], extent), grid_of(5, 0))
    assert_equal(state_of(arrays_of(state)), state)


@pytest.mark.parametrize(
    "faint",
    [
        pytest.param(FaintRows.none(), id="none"),
        pytest.param(FaintRows(np.array([0, 0, 6]), np.array([1e-9, 2e-9, 1e-8])), id="some"),
        pytest.param(FaintRows.none(complete=False), id="too many"),
    ],
)
def test_rows_that_may_be_rounding_come_back(faint: FaintRows) -> None:
    sums = np.arange(5 * UNITS, dtype=np.float64).reshape(5, UNITS)
    state = State([RowMoments(4, *sums, faint)], 4)
    found = state_of(arrays_of(state))
    assert_equal(found, state)
    assert found[RowMoments].faint.complete is faint.complete
    assert_equal(found.merge(closed(RowMoments)), state.merge(closed(RowMoments)))
    assert_equal(found.take(slice(3, 8)), state.take(slice(3, 8)))


def test_sums_in_float32_that_nobody_has_asked_for_yet_are_settled() -> None:
    state = closed(ColumnMoments, single=True)
    assert state[ColumnMoments]._sums is not None
    arrays = arrays_of(state)
    assert arrays["ColumnMoments/mean"].dtype == np.float64
    grid = grid_of(19, 0).astype(np.float64)
    np.testing.assert_allclose(state_of(arrays)[ColumnMoments].mean, grid.mean(axis=0), rtol=1e-6)


def test_raw_activations_of_several_groups_stay_apart_and_in_their_type() -> None:
    groups = tuple(grid_of(size, size) for size in (2, 1, 12))
    state = State([RawColumns(groups)], 15)
    found = state_of(arrays_of(state))[RawColumns].groups
    assert [group.shape[0] for group in found] == [2, 1, 12]
    assert {group.dtype for group in found} == {np.dtype(np.float32)}
    assert_equal(state_of(arrays_of(state)), state)
