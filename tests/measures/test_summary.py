"""Counts, location and spread of a layer's values against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from onnxinv.measures import Values
from onnxinv.measures.summary import summarize
from onnxinv.result import MeasureSummary

VALUES = np.array([1.0, 0.5, math.inf, 0.25, math.nan, 3.0, 1.0, 2.0, math.inf, 1.0])
DEAD = np.array([1, 0, 0, 0, 0, 0, 1, 0, 0, 0], dtype=bool)
FINITE = VALUES[[0, 1, 3, 5, 6, 7, 9]]


def summary(values: np.ndarray, dead: np.ndarray | None = None, *, interval: bool = True) -> MeasureSummary:
    marked = np.zeros(len(values), dtype=bool) if dead is None else dead
    return summarize(Values(values, marked), [values, values, values], values, (0, math.inf), interval=interval)


def test_counts_finite_infinite_nan_and_dead_values() -> None:
    found = summary(VALUES, DEAD)
    assert (found.finite, found.inf, found.nan, found.dead) == (7, 2, 1, 2)


def test_location_and_spread_are_those_of_the_finite_values() -> None:
    found = summary(VALUES, DEAD)
    assert found.mean == pytest.approx(FINITE.mean(), rel=1e-15)
    assert found.std == pytest.approx(FINITE.std(ddof=1), rel=1e-15)
    assert found.median == np.median(FINITE)
    assert found.p05 == pytest.approx(np.percentile(FINITE, 5), rel=1e-15)
    assert found.p95 == pytest.approx(np.percentile(FINITE, 95), rel=1e-15)
    assert (found.min, found.max) == (0.25, 3.0)


def test_dead_values_count_in_the_mean_but_not_in_that_of_the_living() -> None:
    found = summary(VALUES, DEAD)
    assert found.mean == pytest.approx((1 + 0.5 + 0.25 + 3 + 1 + 2 + 1) / 7, rel=1e-15)
    assert found.mean_alive == pytest.approx((0.5 + 0.25 + 3 + 2 + 1) / 5, rel=1e-15)


def test_dead_values_that_are_nan_by_definition_are_not_counted_as_nan() -> None:
    found = summary(np.array([math.nan, 0.5, math.nan]), np.array([True, False, False]))
    assert (found.finite, found.nan, found.dead) == (1, 1, 1)


def test_without_a_finite_value_there_are_counts_only() -> None:
    found = summary(np.array([math.inf, math.nan]))
    assert (found.finite, found.inf, found.nan) == (0, 1, 1)
    for name in ("mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "se", "bias"):
        assert getattr(found, name) is None, name


def test_where_all_are_dead_there_is_a_mean_but_none_of_the_living() -> None:
    found = summary(np.ones(3), np.ones(3, dtype=bool))
    assert (found.mean, found.mean_alive, found.dead, found.finite) == (1, None, 3, 3)


def test_one_value_has_no_spread() -> None:
    found = summary(np.array([0.5]))
    assert (found.mean, found.median, found.p95, found.std) == (0.5, 0.5, 0.5, None)


def test_a_measure_without_intervals_gets_none() -> None:
    found = summary(VALUES, DEAD, interval=False)
    assert found.mean is not None
    assert (found.se, found.bias) == (None, None)
    assert found.ci == found.loo == {"mean": None, "median": None, "p95": None}


@pytest.mark.parametrize("name", ["mean", "median", "p95"])
def test_an_interval_is_about_the_location_of_values_that_are_corrected_one_by_one(name: str) -> None:
    generator = np.random.default_rng(0)
    whole = generator.random(9)
    parts = whole + generator.standard_normal((10, 9)) / 20
    location = {"mean": np.mean, "median": np.median, "p95": lambda values: np.percentile(values, 95)}[name]
    found = summarize(Values(whole, np.zeros(9, dtype=bool)), list(parts), whole, (-math.inf, math.inf), interval=True)
    interval = found.ci[name]
    assert interval is not None
    corrected = whole - 9 * (parts.mean(axis=0) - whole)
    assert sum(interval) / 2 == pytest.approx(location(corrected), rel=1e-12)
    left_out = np.array([location(part) for part in parts])
    assert found.loo[name] == pytest.approx(left_out, rel=1e-14)
    half = stats.t.ppf(0.975, 9) * np.sqrt(0.9 * ((left_out - left_out.mean()) ** 2).sum())
    assert interval[1] - interval[0] == pytest.approx(2 * half, rel=1e-10)
    plain = location(whole) - 9 * (left_out.mean() - location(whole))
    assert (abs(plain - location(corrected)) < 1e-12) == (name == "mean")


def test_where_only_the_kept_units_have_finite_values_there_is_no_interval() -> None:
    full = Values(np.array([math.nan, math.inf]), np.zeros(2, dtype=bool))
    finite = np.array([0.5, 1.0])
    found = summarize(full, [finite, finite, finite], finite, (0, math.inf), interval=True)
    assert (found.finite, found.se) == (0, None)
    assert found.ci == dict.fromkeys(("mean", "median", "p95"))
