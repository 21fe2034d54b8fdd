"""Every measure of layers on the shipped models, against formulas in float64 on activations made without onnxinv.

Normalized variance and variance shares have a file of their own, and so have feature maps with the transform undone and
the class output.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from onnxinv.api import plan, run
from onnxinv.result import LayerResult, Result
from tests.engine.raw import activations, rotations
from tests.measures.brute_force import channels_of, spatial, zeroed
from tests.networks import DIGITS, SHIPPED

SAMPLES, STEPS, GROUPS, BLOCK = 40, 8, 2, 16
MEASURES = (
    "transformational-distance", "sample-distance", "normalized-distance",
    "normalized-distance:distance=euclidean-squared,pairs=all", "normalized-variance:dispersion=var",
    "anova", "anova-repeated", "goodfellow", "goodfellow-top20", "firing-ratio",
    "transform-profile", "relative-invariance", "relative-invariance:distance=euclidean",
    "orbit-deviation", "orbit-deviation:distance=euclidean", "linear-cka",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case:
    """A result, and the float64 activations (samples, transforms, units) of its layers, group by group."""

    result: Result
    raw: dict[str, np.ndarray]
    groups: list[np.ndarray]

    def grid(self, layer: LayerResult) -> np.ndarray:
        return self.raw[layer.name].reshape(SAMPLES, STEPS, -1).astype(np.float64)

    def blocks(self, layer: LayerResult) -> list[np.ndarray]:
        """Return the grid in the blocks that pairs are taken in."""
        grid = self.grid(layer)
        return [grid[group[start : start + BLOCK]] for group in self.groups for start in range(0, len(group), BLOCK)]

    def by_channel(self, values: np.ndarray, layer: LayerResult) -> np.ndarray:
        return spatial(values, channels_of(tuple(layer.shape), layer.channel_axis))


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.stem.removeprefix("mnist_simpleconv_"))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    images = np.random.default_rng(5).permutation(np.load(DIGITS)["x"])[:SAMPLES]
    data = tmp_path_factory.mktemp("all") / "digits.npz"
    np.savez(data, x=images)
    decided = plan(
        request.param, data, f"rotation:steps={STEPS},degrees=360", measures=MEASURES, groups=GROUPS, batch=24,
        device="cpu", reduce="host",
    )  # fmt: skip
    model: Path = request.param
    raw = activations(model, np.stack([rotations(one, STEPS) for one in images]), 24)
    return Case(run(decided), raw, [group for (group,) in decided.groups])


def mean_pair_difference(values: np.ndarray, axis: int) -> tuple[np.ndarray, int]:
    """Return the sum over pairs along an axis of the absolute difference, and how many pairs there are."""
    moved = np.moveaxis(values, axis, 0)
    total = sum((np.abs(moved[low] - moved[low + 1 :]).sum(axis=0) for low in range(len(moved))), np.zeros(()))
    return np.asarray(total), len(moved) * (len(moved) - 1) // 2


def varies(grid: np.ndarray, axis: int) -> np.ndarray:
    """Return which units have a row (1) or column (0) that varies by more than rounding."""
    return zeroed(grid.std(axis=axis, ddof=1), grid, "float32").any(axis=0)


def test_distances_of_units(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        still_rows, still_columns = ~varies(grid, 1), ~varies(grid, 0)
        within, pairs = mean_pair_difference(grid, 1)
        td = np.where(still_rows, 0, within.mean(axis=0) / pairs)
        sums = [mean_pair_difference(block, 0) for block in case.blocks(layer)]
        sd = np.where(still_columns, 0, np.mean(sum(part for part, _ in sums), axis=0) / sum(n for _, n in sums))
        td, sd = case.by_channel(td, layer), case.by_channel(sd, layer)
        np.testing.assert_allclose(case.result.values("transformational-distance", layer), td, rtol=1e-9)
        np.testing.assert_allclose(case.result.values("sample-distance", layer), sd, rtol=1e-9)
        np.testing.assert_allclose(case.result.values("normalized-distance", layer), td / sd, rtol=1e-9)


def test_squared_distances_of_all_pairs_are_variances(case: Case) -> None:
    for layer in case.result.layers:
        found = case.result.values("normalized-distance:distance=euclidean-squared,pairs=all", layer)
        np.testing.assert_allclose(found, case.result.values("normalized-variance:dispersion=var", layer), rtol=1e-12)


def test_analysis_of_variance(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        units = grid.shape[2]
        alive = varies(grid, 0) & varies(grid, 1)
        f = np.zeros(units)
        f[alive] = stats.f_oneway(*np.moveaxis(grid[..., alive], 1, 0), axis=0).statistic
        found = case.result.values("anova-f", layer)
        np.testing.assert_allclose(found, case.by_channel(f, layer), rtol=1e-6, err_msg=layer.label)
        variant = f > stats.f.isf(0.01 / units, STEPS - 1, STEPS * (SAMPLES - 1))
        np.testing.assert_allclose(case.result.values("anova-variant", layer), case.by_channel(variant * 1.0, layer))


def test_repeated_measures(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        grand = grid.mean(axis=(0, 1))
        shift = SAMPLES * ((grid.mean(axis=0) - grand) ** 2).sum(axis=0)
        left = grid - grid.mean(axis=0) - grid.mean(axis=1)[:, None] + grand
        rest = (left**2).sum(axis=(0, 1))
        alive = varies(grid, 0) & varies(grid, 1)
        f, share = np.zeros(len(shift)), np.zeros(len(shift))
        f[alive] = shift[alive] / (rest[alive] / (SAMPLES - 1))
        share[alive] = shift[alive] / (shift[alive] + rest[alive])
        for part, expected in {"f": f, "eta2": share}.items():
            found = case.result.values(f"anova-repeated-{part}", layer)
            np.testing.assert_allclose(found, case.by_channel(expected, layer), rtol=1e-6, err_msg=layer.label)


def goodfellow(grid: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Return the score of every unit, k = 1 for 40 samples."""
    scores = []
    for sign in (1, -1):
        limit = np.sort(sign * upright, axis=0)[-2]
        fires, chosen = sign * grid > limit, sign * upright > limit
        count = chosen.sum(axis=0)
        with np.errstate(invalid="ignore"):
            local = (fires.mean(axis=1) * chosen).sum(axis=0) / count
            scores.append(local / (count / SAMPLES))
    return np.fmax(*scores)


def test_goodfellow(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        upright = grid[:, 0]
        still = ~zeroed(upright.std(axis=0, ddof=1), upright[:, None], "float32").astype(bool)
        scores = np.where(still, np.nan, goodfellow(grid, upright))
        channel = channels_of(tuple(layer.shape), layer.channel_axis)
        expected = [
            np.nanmean(scores[channel == each]) if not np.isnan(scores[channel == each]).all() else np.nan
            for each in range(layer.channels)
        ]
        np.testing.assert_allclose(case.result.values("goodfellow", layer), expected, rtol=1e-9, err_msg=layer.label)
        known = np.sort(scores[~np.isnan(scores)])[::-1]
        best = known[: -(-len(known) // 5)].mean()
        assert layer.measures["goodfellow-top20"].mean == pytest.approx(best, rel=1e-9)


def test_firing_ratio(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        upright = grid[:, 0]
        limit = upright.mean(axis=0) + stats.norm.ppf(0.99) * upright.std(axis=0, ddof=1)
        everywhere, before = (grid > limit).mean(axis=(0, 1)), (upright > limit).mean(axis=0)
        channel = channels_of(tuple(layer.shape), layer.channel_axis)
        found = case.result.values("firing-ratio", layer)
        for each in range(layer.channels):
            mine = channel == each
            known = mine & ((everywhere > 0) | (before > 0))
            if known.any() and (before[known] > 0).all():
                assert found[each] == pytest.approx((everywhere[known] / before[known]).mean(), rel=1e-9), layer.label
            elif known.any():
                assert found[each] == np.inf
            else:
                assert np.isnan(found[each])


def test_transform_profile(case: Case) -> None:
    for layer in case.result.layers:
        grid = case.grid(layer)
        size = np.sqrt((grid**2).mean(axis=(0, 1)))
        response = np.abs(grid - grid[:, :1]).mean(axis=0)
        response = np.where(response <= 4 * 2.0**-23 * size, 0, response)
        spread = case.by_channel(zeroed(grid.std(axis=0, ddof=1), grid, "float32").mean(axis=0), layer)
        curves = np.stack([case.by_channel(each, layer) for each in response]) / spread
        found = layer.measures["transform-profile"]
        np.testing.assert_allclose(case.result.values("transform-profile", layer), curves.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(found.profile, curves.mean(axis=1), rtol=1e-9, atol=1e-15)
        assert found.profile is not None
        assert found.profile[0] == 0


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return 1 - (one * other).sum(axis=-1) / lengths


def euclidean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one - other, axis=-1)


@pytest.mark.parametrize(("distance", "suffix"), [(cosine, ""), (euclidean, ":distance=euclidean")])
def test_distances_of_layer_vectors(case: Case, distance: object, suffix: str) -> None:
    assert callable(distance)
    for layer in case.result.layers:
        grid = case.grid(layer)
        own, other = [], []
        for group in case.groups:
            mine = grid[group]
            own.append(distance(mine[:, :1], mine))
            other.append(distance(mine[:, :1], np.roll(mine, -1, axis=0)))
        near, far = np.concatenate(own).mean(axis=0), np.concatenate(other).mean(axis=0)
        found = layer.measures[f"relative-invariance{suffix}"]
        assert found.mean == pytest.approx((far - near).mean() / far.mean(), rel=1e-7), layer.label
        np.testing.assert_allclose(found.profile, (far - near) / far, rtol=1e-7, atol=1e-7)
        orbit = distance(grid, grid.mean(axis=1, keepdims=True))
        found = layer.measures[f"orbit-deviation{suffix}"]
        assert found.mean == pytest.approx(orbit.mean(), rel=1e-7), layer.label
        np.testing.assert_allclose(found.profile, orbit.mean(axis=0), rtol=1e-7)


def hsic(one: np.ndarray, other: np.ndarray) -> float:
    """Return the unbiased estimator of two sets of vectors, (n, units) each."""
    count = len(one)
    k, l = one @ one.T, other @ other.T  # noqa: E741  # the letters of the formula
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    ones = np.ones(count)
    trace = np.trace(k @ l) + ones @ k @ ones * (ones @ l @ ones) / ((count - 1) * (count - 2))
    return float((trace - 2 / (count - 2) * (ones @ k @ l @ ones)) / (count * (count - 3)))


def test_linear_cka(case: Case) -> None:
    for layer in case.result.layers:
        blocks = [block - block.mean(axis=(0, 1)) for block in case.blocks(layer)]
        curve = []
        for column in range(STEPS):
            cross, alone, turned = (
                np.mean([hsic(block[:, one], block[:, other]) for block in blocks])
                for one, other in ((0, column), (0, 0), (column, column))
            )
            curve.append(cross / np.sqrt(alone * turned))
        found = layer.measures["linear-cka"]
        np.testing.assert_allclose(found.profile, curve, rtol=1e-6, err_msg=layer.label)
        assert found.mean == pytest.approx(np.mean(curve), rel=1e-6)
        assert curve[0] == pytest.approx(1)
