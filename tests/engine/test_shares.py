"""Time is charged to the measures that it was spent on, and divided between those that have it in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import reduce
from onnxinv.measures import Measure, measures
from onnxinv.measures import layer as layer_module
from onnxinv.measures.layer import measure_layer
from onnxinv.measures.measure import Values
from onnxinv.reduce import Part, Reducer
from onnxinv.spent import Spent
from onnxinv.statistics import ColumnMoments, RowMoments, State, state
from onnxinv.statistics.row_distances import RowDistances
from onnxinv.statistics.top_values import TopValues
from onnxinv.subjects import choose_subjects
from onnxinv.transforms import expand
from onnxinv.views import AlignedView, PlainView
from tests.engine.networks import measure, save_images, save_network
from tests.measures.grids import draw
from tests.measures.states import collected, per_unit, state_of
from tests.views.layers import layer_of

NV, TV, SV, SE, DISTANCE, SCORE = (
    measures.build(name)
    for name in (
        "normalized-variance",
        "transformational-variance",
        "sample-variance",
        "normalized-variance-se",
        "transformational-distance",
        "goodfellow",
    )
)
TURNS = expand(["rotation:steps=4"])


class Clock:
    """Stands in for the time of day; only what it is told of takes time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.now = 0.0
        for module in (reduce, state, layer_module):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)

    def takes(self, seconds: float, owner: Any, name: str) -> None:
        """Let every call of a function take some seconds."""
        original: Callable[..., Any] = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.now += seconds
            return original(*arguments, **options)

        self._monkeypatch.setattr(owner, name, call)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def spent_on(*asked: Measure, runs: int = 1) -> Spent[Measure]:
    """Reduce a layer with small maps, each measure in its view."""
    subjects = choose_subjects([layer_of((2, 6, 6), maps=True)], asked, TURNS, "channel", None, None).every
    raw = np.random.default_rng(0).random((3, 4, 2, 6, 6), dtype=np.float32)
    states = [State.empty(each.kinds, each.extent(4, 3)) for each in subjects]
    with Reducer(1) as reducer:
        for run in range(runs):
            reducer.reduce(subjects, [raw] * len(subjects), states, Part(slice(0, 4), None, run))
        return reducer.spent()


def test_measures_share_the_time_of_a_statistic_that_they_have_in_common(clock: Clock) -> None:
    clock.takes(4, RowMoments, "update")
    clock.takes(1, RowDistances, "update")
    assert spent_on(NV, DISTANCE) == {NV: 2, DISTANCE: 2 + 1}


def test_a_statistic_of_one_view_costs_the_measures_of_another_nothing(clock: Clock) -> None:
    clock.takes(4, RowMoments, "update")
    assert spent_on(TV, NV, SE) == {TV: 2, NV: 2, SE: 4}


def test_a_view_costs_the_measures_that_look_at_it(clock: Clock) -> None:
    clock.takes(8, PlainView, "look")
    clock.takes(64, AlignedView, "look")
    assert spent_on(TV, SV, SE) == {TV: 4, SV: 4, SE: 64}


def test_the_time_of_all_runs_adds_up(clock: Clock) -> None:
    clock.takes(8, PlainView, "look")
    clock.takes(4, RowMoments, "update")
    assert spent_on(TV, runs=3) == {TV: 3 * (8 + 4)}


def test_what_is_accumulated_beforehand_costs_the_measures_that_need_it(clock: Clock) -> None:
    clock.takes(8, PlainView, "look")
    clock.takes(2, TopValues, "update")
    clock.takes(1, ColumnMoments, "update")
    (subject,) = choose_subjects([layer_of((5,))], [NV, SCORE], TURNS, "unit", None, None).every
    known = State.empty(subject.untransformed, subject.extent(1, 3))
    raw = np.random.default_rng(0).random((3, 1, 5), dtype=np.float32)
    with Reducer(1) as reducer:
        reducer.reduce([subject], [raw], [known], Part(slice(0, 1), None, 0, beforehand=True))
        assert reducer.spent() == {SCORE: 8 + 2 + 1}


def test_merging_groups_is_charged_to_all_measures_alike(clock: Clock) -> None:
    clock.takes(6, layer_module, "merge_states")
    states = collected([state_of(part) for part in np.split(draw(12, 3, 4), 4)])
    spent: Spent[Measure] = Spent()
    clock.now = 0
    measure_layer([NV, TV, SV], states, per_unit(4), spent)
    assert spent == dict.fromkeys((NV, TV, SV), clock.now / 3)
    assert clock.now > 0


def test_finishing_a_measure_is_charged_to_it(clock: Clock) -> None:
    clock.takes(5, type(TV), "compute")
    spent: Spent[Measure] = Spent()
    found = measure_layer([NV, TV], collected([state_of(draw(12, 3, 4))]), per_unit(4), spent)
    assert isinstance(found[TV.result_keys()[0]][0], Values)
    assert spent == {NV: 0, TV: 5}


def test_a_result_tells_the_share_of_every_measure_by_name(tmp_path: Path) -> None:
    save_images(tmp_path)
    model = save_network(tmp_path, "y = Relu(image)")
    asked = ("normalized-variance", "normalized-variance:dispersion=var", "variance-shares", "equivariance-error")
    shares = measure(tmp_path, model, "rotation:steps=4", measures=asked).meta.timing.shares
    names = {"inference", "transforms", "normalized-variance", "variance-shares", "equivariance-error"}
    assert set(shares) == names
    assert sum(shares.values()) == pytest.approx(1, abs=len(names) * 5e-5)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
