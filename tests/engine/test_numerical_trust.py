"""Adversarial float32 activations: every way to sum them agrees with exact arithmetic, within stated bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from onnxinv import api, plan
from onnxinv.plan import Plan
from onnxinv.result import Result
from tests.engine.chosen import RESOLUTIONS, UNITS, Array, Draw, chosen_plan, layout_of
from tests.engine.exact import error_of, expected_of
from tests.engine.networks import layer_of, values_of

MOMENTS = (
    "normalized-variance",
    "normalized-variance:dispersion=var",
    "transformational-variance",
    "sample-variance",
    "variance-shares",
)
"""What may be summed in float32."""

DOUBLES = ("anova", "anova-repeated", "transformational-distance", "sample-distance", "normalized-distance")
"""What is summed in float64 whatever is asked for."""


@dataclass(frozen=True)
class Case:
    """Activations, and how far off what is made of them may be.

    Errors are relative; those of shares are in shares of the whole.

    Attributes:
        make: makes the activations.
        host: bound where sums are taken in float64.
        single: bound where they may be taken in float32.
        doubles: bound of distances and F statistics.
    """

    make: Callable[[Draw], Array]
    host: float = 1e-14
    single: float = 1e-6
    doubles: float = 1e-14


SAMPLE, TRANSFORM, FIRST = (7,), (slice(None), 3), (slice(None), 0)

CASES = {
    "plain": Case(Draw.plain),
    "noise_on_1e4": Case(lambda d: 1e4 + d.noise(), host=3e-12, doubles=1e-10),
    "plain_on_minus_1e4": Case(lambda d: d.plain() - 1e4, host=3e-12, doubles=1e-10),
    "noise_on_1e5": Case(lambda d: 1e5 + d.noise(), host=1e-11, doubles=1e-9),
    "noise_on_1e6": Case(lambda d: 1e6 + d.noise(), host=1e-10, doubles=1e-8),
    "signs_by_sample": Case(lambda d: d.signs(0) * (1e4 + d.plain()), doubles=1e-10),
    "signs_by_transform": Case(lambda d: d.signs(1) * (1e4 + d.plain()), host=1e-12, doubles=1e-10),
    "nv_1e_minus_3": Case(lambda d: d.by_sample() + 1e-3 * d.noise(), doubles=1e-11),
    "nv_1e_minus_2": Case(lambda d: d.by_sample() + 1e-2 * d.noise(), doubles=1e-11),
    "nv_1e2": Case(lambda d: d.by_transform() + 1e-2 * d.noise(), host=1e-12, doubles=1e-11),
    "nv_1e3": Case(lambda d: d.by_transform() + 1e-3 * d.noise(), host=1e-12, doubles=1e-11),
    "nv_1e_minus_3_on_100": Case(lambda d: 100 + d.by_sample() + 1e-3 * d.noise(), doubles=1e-9),
    "nv_1e3_on_100": Case(lambda d: 100 + d.by_transform() + 1e-3 * d.noise(), host=1e-11, doubles=1e-9),
    "sample_1e4_times": Case(lambda d: d.with_some(SAMPLE, times=1e4), single=3e-6),
    "sample_1e4_more": Case(lambda d: d.with_some(SAMPLE, plus=1e4), doubles=1e-11),
    "transform_1e4_times": Case(lambda d: d.with_some(TRANSFORM, times=1e4), single=4e-6),
    "first_transform_1e4_times": Case(lambda d: d.with_some(FIRST, times=1e4), single=3e-6, doubles=1e-12),
    "one_activation_1e4_times": Case(lambda d: d.with_some((7, 3), times=1e4), single=3e-6),
    "transform_1e8_times": Case(lambda d: d.with_some(TRANSFORM, times=1e8), single=3e-6),
    "first_transform_1e8_times": Case(lambda d: d.with_some(FIRST, times=1e8), host=3e-14, single=3e-6, doubles=3e-14),
    "around_1e20": Case(lambda d: 1e20 * d.plain()),
    "up_to_3e38": Case(lambda d: np.clip(1e38 * d.plain(), -3.4e38, 3.4e38)),
    "around_1e_minus_15": Case(lambda d: 1e-15 * d.plain()),
    "around_1e_minus_41": Case(lambda d: 1e-41 * d.plain()),
    "half_of_1e_minus_20": Case(lambda d: d.with_some((slice(0, None, 2),), times=1e-20), single=3e-6),
    "half_of_1e18": Case(lambda d: d.with_some((slice(0, None, 2),), times=1e18)),
    "zero_and_infinite": Case(lambda d: d.still(0)),
    "zero_and_infinite_on_1e4": Case(lambda d: d.still(1e4), host=3e-12, doubles=1e-10),
}

FAINT = {"noise_on_1e6": UNITS}
"""Units that are warned about, by layer."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A run over all cases, and what it should have found.

    Attributes:
        plan: what was done.
        result: what was found.
        expected: values of each unit by layer and measure.
    """

    plan: Plan
    result: Result
    expected: dict[str, list[Mapping[str, float]]]

    def error(self, layer: str, keys: list[str]) -> float:
        """Return the worst error of a layer; infinite where zero, infinity or nan is not where it should be."""
        found = {key: values_of(self.result, layer, key) for key in keys}
        return max(
            error_of(found[key][unit], values[key], relative="share" not in key)
            for unit, values in enumerate(self.expected[layer])
            for key in keys
        )


SHAPES = {"few transforms": (40, 8), "many transforms": (24, 20)}


@pytest.fixture(scope="module", params=list(SHAPES))
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Measured]:
    """Returns what a way to sum makes of all cases of one shape, measured once."""
    folder = tmp_path_factory.mktemp("chosen")
    draw = Draw(*SHAPES[request.param], np.random.default_rng(0))
    grids = {name: case.make(draw).astype(np.float32) for name, case in CASES.items()}
    expected: dict[str, list[Mapping[str, float]]] = {}
    done: dict[tuple[str, tuple[str, ...]], Measured] = {}

    def of(how: str, measures: tuple[str, ...]) -> Measured:
        if (how, measures) not in done:
            asked = "auto" if how == "compiled" else how
            with pytest.MonkeyPatch.context() as patch:
                if how == "compiled":
                    patch.setattr(plan, "_MANY_ACTIVATIONS", 1)
                # Some groups are of several blocks, so that sums of blocks are added up, too.
                decided = chosen_plan(folder, grids, measures=measures, reduce=asked, groups=2, batch=160)
                assert (decided.code is not None) == (how == "compiled")
                assert len(decided.pushed) == (len(grids) if how == "pushdown" else 0)
                result = api.run(decided)
            if not expected:
                layout = layout_of(decided, RESOLUTIONS["float32"])
                expected.update((name, expected_of(grid, layout)) for name, grid in grids.items())
            done[how, measures] = Measured(decided, result, expected)
        return done[how, measures]

    return of


@pytest.mark.parametrize("how", ["host", "auto", "compiled", "pushdown"])
@pytest.mark.parametrize("name", CASES)
def test_variances_and_shares(measured: Callable[..., Measured], name: str, how: str) -> None:
    found = measured(how, MOMENTS)
    keys = list(layer_of(found.result, name).measures)
    assert len(keys) == len(MOMENTS) + 2
    assert found.error(name, keys) <= (CASES[name].host if how == "host" else CASES[name].single)


@pytest.mark.parametrize("name", CASES)
def test_distances_and_f_are_summed_in_float64_whatever_is_asked_for(
    measured: Callable[..., Measured], name: str
) -> None:
    found = measured("auto", DOUBLES)
    keys = [key for key in layer_of(found.result, name).measures if key != "anova-variant"]
    assert len(keys) == len(DOUBLES) + 1
    assert found.error(name, keys) <= CASES[name].doubles


@pytest.mark.parametrize("how", ["host", "auto", "compiled", "pushdown"])
def test_only_units_at_the_limit_are_warned_about(measured: Callable[..., Measured], how: str) -> None:
    (warning,) = (each for each in measured(how, MOMENTS).result.meta.warnings if "number format" in each)
    assert warning.endswith(": " + ", ".join(f"{name} ({count})" for name, count in FAINT.items()) + ".")


@pytest.mark.parametrize("how", ["auto", "compiled", "pushdown"])
def test_float32_is_where_the_bounds_say_so(measured: Callable[..., Measured], how: str) -> None:
    """Bounds of float32 are no wider than what it takes: some case needs more than float64 would."""
    found = measured(how, MOMENTS)
    assert found.error("plain", ["normalized-variance"]) > CASES["plain"].host
    assert found.error("around_1e20", ["normalized-variance"]) <= CASES["around_1e20"].host


@pytest.mark.parametrize("size", [1e7, 2e7, 1e8])
@pytest.mark.parametrize("batch", [8, 400])
def test_an_outlier_may_hide_small_rows_and_may_not_hide_larger_ones(tmp_path: Path, size: float, batch: int) -> None:
    """What is rounding beside an outlier is known only once that has come; rows before it may then count or not."""
    draw = Draw(40, 8, np.random.default_rng(1))
    grid = draw.with_some(SAMPLE, plus=size).astype(np.float32)
    decided = chosen_plan(tmp_path, {"y": grid}, batch=batch, groups=2, reduce="host")
    found = values_of(api.run(decided), "y", "transformational-variance")
    hidden, seen = (
        [each["transformational-variance"] for each in expected_of(grid, layout_of(decided, resolution))]
        for resolution in (RESOLUTIONS["float32"], 0)
    )
    for value, low, high in zip(found, hidden, seen, strict=True):
        assert low * (1 - 1e-12) <= value <= high * (1 + 1e-12)
        assert high - low <= RESOLUTIONS["float32"] * size / math.sqrt(40) * 1.01
        assert low < high
