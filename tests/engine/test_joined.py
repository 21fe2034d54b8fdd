"""All units of a layer may be summed over several groups together, beside some of them in each: it says the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onnxinv import api, plan
from onnxinv.demo import digits, model
from onnxinv.errors import UsageError
from onnxinv.plan import Plan
from onnxinv.result import Result
from onnxinv.schedule import SEGMENT, stretches
from tests.engine.agreement import alike

KEPT = 60


def planned(*, samples: int, groups: int, **options: object) -> Plan:
    return api.plan(model("rotated"), digits(), "rotation:steps=4", samples=samples, groups=groups, **options)


def measured(given: Plan, *, joined: bool) -> Result:
    return api.run(replace(given, layout=replace(given.layout, kept_units=KEPT, joined=joined)))


def assert_same_intervals(found: Result, expected: Result) -> None:
    for one, other in zip(found.layers, expected.layers, strict=True):
        for key, summary in other.measures.items():
            for name, loo in summary.loo.items():
                again = one.measures[key].loo[name]
                if loo is not None:
                    np.testing.assert_allclose(again, loo, rtol=1e-4, atol=1e-6, err_msg=f"{one.label} {key} {name}")


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
@pytest.mark.parametrize(
    ("samples", "groups", "count"),
    [
        pytest.param(40, 8, 1, id="all groups together"),
        pytest.param(100, 10, 2, id="some groups together"),
        pytest.param(150, 2, 4, id="groups in pieces"),
    ],
)
def test_values_and_intervals_are_the_same(samples, groups, count, aggregate):
    given = planned(samples=samples, groups=groups, aggregate=aggregate)
    assert len(stretches(given.groups, joined=True)) == count
    found, expected = measured(given, joined=True), measured(given, joined=False)
    alike(found, expected, atol=1e-7)  # shares of a whole, both of them from float32
    assert_same_intervals(found, expected)
    assert "several groups together" in found.meta.runtime.schedule
    assert found.meta.timing.inferences == expected.meta.timing.inferences


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch", [3, 16])
def test_neither_rows_in_parts_nor_threads_matter(threads, batch):
    given = planned(samples=100, groups=10, batch=batch, threads=threads)
    alike(measured(given, joined=True), measured(planned(samples=100, groups=10), joined=False))


def test_compiled_code_does_it_too(monkeypatch):
    expected = measured(planned(samples=60, groups=5), joined=False)
    monkeypatch.setattr(plan, "_MANY_ACTIVATIONS", 1)
    given = planned(samples=60, groups=5)
    assert given.code
    found = measured(given, joined=True)
    alike(found, expected)
    assert_same_intervals(found, expected)


def test_measures_of_other_statistics_are_not_joined_and_say_the_same():
    given = planned(samples=40, groups=4, measures=("normalized-variance", "normalized-distance", "goodfellow"))
    alike(measured(given, joined=True), measured(given, joined=False))


def test_it_is_chosen_where_memory_is_short(monkeypatch):
    monkeypatch.setattr("onnxinv.loads.KEPT_UNITS", 100)
    monkeypatch.setattr("onnxinv.memory.KEPT_UNITS", 100)
    assert not planned(samples=SEGMENT, groups=8).layout.joined
    short = planned(samples=SEGMENT, groups=8, memory="40MiB", threads=1)
    assert short.layout.joined
    assert short.layout.memory.peak <= 40 << 20


@pytest.mark.parametrize("option", [{"stratify": True}, {"precision": 0.5}, {"reduce": "host"}])
def test_it_is_not_chosen_where_groups_are_looked_at_or_sums_are_in_float64(monkeypatch, option):
    monkeypatch.setattr("onnxinv.loads.KEPT_UNITS", 100)
    monkeypatch.setattr("onnxinv.memory.KEPT_UNITS", 100)
    few = {"samples": SEGMENT, "groups": 8, "layers": ("conv1",), "memory": "6MiB", "threads": 1}
    assert planned(**few).layout.joined
    with pytest.raises(UsageError, match="needs about"):
        planned(**few, **option)
