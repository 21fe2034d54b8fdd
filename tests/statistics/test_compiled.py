"""Compiled code says what numpy says, and where it is not to be had, why."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.statistics import ColumnMoments
from onnxinv.statistics import compiled as module
from onnxinv.statistics.column_summary import mean_std_above, summarize_columns
from onnxinv.statistics.compiled import Compiled, compiled

CODE = compiled()
assert isinstance(CODE, Compiled), CODE
SIZES = [(1, 1), (1, 30), (2, 7), (16, 1), (49, 100), (3, 2000)]


def moments(transforms: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return means and squared deviations, some of them equal, zero or nan."""
    generator = np.random.default_rng(seed)
    mean, deviations = 100 + generator.standard_normal((2, transforms, units))
    deviations = np.square(deviations - 100)
    mean[:, ::5] = 1 / 3
    deviations[:, 1::5] = 0
    mean[:, 4::10] = np.nan
    deviations[:, 4::10] = np.nan
    return mean, deviations


@pytest.mark.parametrize(("transforms", "units"), SIZES)
def test_a_summary_is_the_same_with_and_without_it(transforms, units):
    mean, deviations = moments(transforms, units)
    found, expected = (summarize_columns(mean, deviations, code) for code in (CODE, None))
    for name in ("within", "size", "between"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-12, err_msg=name)
    whole = np.isfinite(mean).all(axis=0)
    np.testing.assert_array_equal(found.largest[whole], expected.largest[whole])


@pytest.mark.parametrize("code", [CODE, None], ids=["compiled", "numpy"])
def test_a_summary_is_what_its_words_say(code):
    mean, deviations = moments(6, 20, seed=1)
    found, whole = summarize_columns(mean, deviations, code), np.isfinite(mean).all(axis=0)
    for unit in np.flatnonzero(whole):
        assert found.within[unit] == pytest.approx(sum(deviations[:, unit]), rel=1e-12)
        assert found.size[unit] == pytest.approx(sum(value**2 for value in mean[:, unit]), rel=1e-12)
        assert found.largest[unit] == max(deviations[:, unit])
        assert found.between[unit] == pytest.approx(6 * np.var(mean[:, unit]), rel=1e-9, abs=1e-25)
    assert np.isnan(found.within[~whole]).all()
    assert not found.between[whole & (np.arange(20) % 5 == 0)].any(), "equal means give exactly zero"


@pytest.mark.parametrize("code", [CODE, None], ids=["compiled", "numpy"])
@pytest.mark.parametrize("samples", [1, 2, 30])
def test_standard_deviations_up_to_a_limit_count_as_zero(code, samples):
    _, deviations = moments(6, 20, seed=2)
    limit = np.full(20, 0.2)
    found = mean_std_above(limit, deviations, samples, code)
    for unit in range(20):
        each = [(value / max(samples - 1, 1)) ** 0.5 for value in deviations[:, unit]]
        expected = np.mean([0.0 if std <= 0.2 else std for std in each])
        assert found[unit] == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(("transforms", "units"), SIZES)
def test_moments_are_merged_alike(transforms, units):
    one, other = moments(transforms, units), moments(transforms, units, seed=3)
    found, expected = (ColumnMoments(5, *one, code).merge(ColumnMoments(8, *other, code)) for code in (CODE, None))
    assert found.count == expected.count == 13
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-14)
    np.testing.assert_allclose(found.deviations, expected.deviations, rtol=1e-12)
    assert found.code is CODE, "what is merged of it is merged by it"


def test_units_that_are_taken_keep_it():
    state = ColumnMoments(5, *moments(6, 20), CODE)
    for units in (slice(3, 9), np.array([0, 7, 19])):
        taken = state.take(units)
        assert taken.code is CODE
        np.testing.assert_array_equal(taken.mean, state.mean[:, units])
        np.testing.assert_array_equal(taken.summary().within, state.summary().within[units])


def test_without_a_compiler_it_says_how_to_get_one(monkeypatch):
    compiled.cache_clear()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert compiled() == "numba is not installed (pip install onnxinv[fast])"
    compiled.cache_clear()


def test_a_compiler_that_does_not_work_is_no_error_and_says_why(monkeypatch):
    compiled.cache_clear()

    def broken(*arguments: object) -> None:
        raise SystemError("this processor is unknown")

    monkeypatch.setattr(CODE.sums, "reduce_units", broken)
    assert compiled() == "numba does not work here: SystemError: this processor is unknown"
    compiled.cache_clear()
