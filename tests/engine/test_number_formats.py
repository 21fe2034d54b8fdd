"""The ends of number formats: what they still tell is measured, what they do not is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import api, plan
from onnxinv.result import Result
from tests.engine.chosen import RESOLUTIONS, Array, Draw, chosen_plan, layout_of
from tests.engine.exact import Layout, error_of, expected_of
from tests.engine.networks import layer_of, values_of

MEASURES = ("normalized-variance", "transformational-variance", "sample-variance", "variance-shares")
TV, SV, NV = "transformational-variance", "sample-variance", "normalized-variance"
WAYS = pytest.mark.parametrize("how", ["host", "auto", "compiled", "pushdown"])


@dataclass(frozen=True, eq=False)
class Found:
    """A run, and the exact values of its activations.

    Attributes:
        result: what was found.
        expected: values of each unit by layer and measure.
    """

    result: Result
    expected: Mapping[str, Sequence[Mapping[str, float]]]

    def error(self, layer: str) -> float:
        """Return the worst error of a layer: relative, of shares in shares of the whole."""
        return max(
            error_of(found, exact[key], relative="share" not in key)
            for key in layer_of(self.result, layer).measures
            for found, exact in zip(values_of(self.result, layer, key), self.expected[layer], strict=True)
        )

    def warning(self, word: str) -> str:
        """Return the one warning that has the word."""
        (warning,) = (each for each in self.result.meta.warnings if word in each)
        return warning


def draw(seed: int = 0, samples: int = 24, transforms: int = 6) -> Draw:
    return Draw(samples, transforms, np.random.default_rng(seed))


def run(
    folder: Path,
    grids: Mapping[str, Array],
    how: str = "host",
    times: float | None = None,
    known: Mapping[str, Sequence[Mapping[str, float]]] | None = None,
    **options: Any,
) -> Found:
    """Measure what is chosen, or `times` as much, multiplied by the network in the type that the activations have."""
    with pytest.MonkeyPatch.context() as patch:
        if how == "compiled":
            patch.setattr(plan, "_MANY_ACTIVATIONS", 1)
        options = {"measures": MEASURES, "reduce": "auto" if how == "compiled" else how, "groups": 2, **options}
        decided = chosen_plan(folder, grids, times=times, **options)
        result = api.run(decided)
    with np.errstate(all="ignore"):
        made = {name: grid * grid.dtype.type(1 if times is None else times) for name, grid in grids.items()}
    layouts = {name: layout_of(decided, RESOLUTIONS[grid.dtype.name]) for name, grid in grids.items()}
    known = known or {name: expected_of(grid, layouts[name]) for name, grid in made.items()}
    return Found(result, known)


@WAYS
def test_float16(tmp_path: Path, how: str) -> None:
    made = draw()
    grids = {
        "plain": made.plain(),
        "at_100": 100 + made.plain(),
        "up_to_65504": np.clip(60000 + 2000 * made.plain(), -65504, 65504),
        "subnormal": 4e-7 * made.plain(),
        "alternating": made.signs(0) * (100 + made.plain()),
    }
    found = run(tmp_path, {name: grid.astype(np.float16) for name, grid in grids.items()}, how)
    for name in grids:
        assert found.error(name) <= (1e-13 if how == "host" else 1e-6), name
    assert not found.result.meta.warnings


@WAYS
@pytest.mark.parametrize(("dtype", "size"), [("float16", 2e4), ("float32", 1e38)])
def test_a_unit_that_overflows_is_nan_counted_and_said(tmp_path: Path, dtype: str, size: float, how: str) -> None:
    """Two units stay finite, one overflows in one activation, one under one transform, and one everywhere."""
    grid = np.concatenate([draw(seed).plain() for seed in range(3)], axis=2)[:, :, :5] / 8
    grid[5, 2, 2], grid[:, 4, 3], grid[:, :, 4] = 4, -4, 4
    found = run(tmp_path, {"safe": grid[:, :, :2].astype(dtype), "y": grid.astype(dtype)}, how, times=size)
    assert found.error("safe") <= 1e-6
    assert found.error("y") <= 1e-6, "nan is where it should be, and units beside it lose nothing"
    for key, summary in layer_of(found.result, "y").measures.items():
        assert (summary.nan, summary.finite) == (3, 2)
        assert summary.mean == pytest.approx(np.mean(values_of(found.result, "y", key)[:2]))
    assert found.warning("not finite").endswith(": y (3).")


@WAYS
def test_subnormal_numbers_that_the_network_makes_are_not_lost(tmp_path: Path, how: str) -> None:
    grid = draw().plain().astype(np.float32)
    found = run(tmp_path, {"y": grid}, how, times=1e-41)
    tv = values_of(found.result, "y", TV)
    assert all(0 < value < np.finfo(np.float32).smallest_normal for value in tv)
    assert found.error("y") <= 1e-14, "sums of what is so small are taken in float64"
    assert not found.result.meta.warnings


@WAYS
def test_a_mean_of_a_million_deviations_is_warned_about_and_off_by_what_float32_rounds(
    tmp_path: Path, how: str
) -> None:
    exact = draw(samples=60).plain() + 1e6
    found = run(tmp_path, {"y": exact.astype(np.float32)}, how)
    assert found.error("y") <= 1e-6
    assert found.warning("number format").endswith(": y (2).")
    for key, bound in ((SV, 3e-3), (TV, 0.2), (NV, 0.2)):
        of_float64 = [each[key] for each in expected_of(exact, Layout(0, [np.arange(2)]))]
        errors = [error_of(*each) for each in zip(values_of(found.result, "y", key), of_float64, strict=True)]
        assert 1e-6 < max(errors) <= bound, key


@WAYS
def test_beyond_that_float32_tells_nothing_and_the_unit_is_dead(tmp_path: Path, how: str) -> None:
    found = run(tmp_path, {"y": (draw().plain() + 4e6).astype(np.float32)}, how)
    assert values_of(found.result, "y", NV) == [1.0, 1.0]
    assert layer_of(found.result, "y").measures[NV].dead == 2
    assert found.error("y") == 0
    assert not found.result.meta.warnings


def test_many_samples_that_differ_by_an_ulp_are_dead_and_those_that_differ_by_more_are_not(tmp_path: Path) -> None:
    """Neither the rounding of ten thousand sums nor that of a runtime is taken for variation."""
    ulps = np.random.default_rng(0).integers(0, 2, (10_000, 2, 1))
    far = np.arange(10_000)[:, None, None] + 64 * ulps
    grids = {name: (1 + steps * 2.0**-23).astype(np.float32) for name, steps in {"jitter": ulps, "drift": far}.items()}
    known = None
    for how in ("host", "compiled"):
        found = run(tmp_path, grids, how, known=known)
        known = found.expected
        assert values_of(found.result, "jitter", NV) == [1.0]
        assert layer_of(found.result, "jitter").measures[NV].dead == 1
        assert found.error("jitter") == 0
        assert found.error("drift") <= (1e-9 if how == "host" else 1e-6), how


@pytest.mark.parametrize(("mean", "bound"), [(0, 1e-14), (1e4, 1e-11), (1e6, 1e-9), (1e10, 1e-5)])
def test_float64_loses_digits_as_the_mean_grows(tmp_path: Path, mean: float, bound: float) -> None:
    """Means are kept in float64 themselves."""
    found = run(tmp_path, {"y": draw().plain() + mean}, "auto")
    assert found.error("y") <= bound
    assert not found.result.meta.warnings


@pytest.mark.parametrize("size", [1e140, 1e-140])
def test_float64_far_from_one(tmp_path: Path, size: float) -> None:
    assert run(tmp_path, {"y": draw().plain() * size}, "auto").error("y") <= 1e-14


def test_float64_whose_squares_overflow_is_nan_and_said_and_whose_squares_vanish_is_dead(tmp_path: Path) -> None:
    grid = draw().plain()
    found = run(tmp_path, {"y": grid * 1e160, "little": grid * 1e-170, "fair": grid}, "auto")
    assert layer_of(found.result, "y").measures[NV].nan == 2
    assert layer_of(found.result, "little").measures[NV].dead == 2
    assert found.warning("not finite").endswith(": y (2).")
    assert found.error("fair") <= 1e-14
