"""The gate does not fail on noise, and fails where all layers are half a limit's width beyond it: 100 checks each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onnxinv import api, checking
from onnxinv.bounds import INTERIM_LEVEL
from onnxinv.check_config import Limit
from onnxinv.measures.jackknife import LEVEL
from tests.engine.networks import save_images, save_network
from tools import interval_coverage as coverage
from tools.gate_errors import HALF, KINDS, Bound, Layers, Simulation, check_draws, check_until_decided, looks

DRAWS, GROUPS, UNITS = 100, 10, 64
LAYERS = 17


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    """Yield what all digits do in the shipped model under four rotations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "TRANSFORM", "rotation:steps=4,degrees=360")
        yield Simulation.of_model("rotated", UNITS, 0)


@pytest.fixture(scope="module")
def drawn(simulation: Simulation) -> list[Layers]:
    """Return what is measured on 200 of the digits, again and again."""
    return simulation.draw_means(coverage.draws(DRAWS, 200, GROUPS, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_at_most_10_of_100_checks_fail_where_every_layer_is_at_its_limit(simulation, drawn, kind: Bound):
    checks = check_draws(simulation, drawn, kind, "mean", 0.0)
    assert len(checks) == 100
    assert sum(each.fails for each in checks) <= 10
    assert np.mean([each.uncertain for each in checks]) > 0.9, "or nothing could ever fail"


@pytest.mark.parametrize("kind", KINDS)
def test_at_least_99_of_100_checks_fail_where_every_layer_is_half_a_limit_beyond_it(simulation, drawn, kind: Bound):
    checks = check_draws(simulation, drawn, kind, "mean", HALF)
    assert len(checks) == 100
    assert sum(each.fails for each in checks) >= 99


@pytest.mark.parametrize("kind", ["max", "min", "max-regression"])
def test_no_check_fails_or_is_uncertain_where_every_layer_is_half_a_limit_on_its_right_side(
    simulation, drawn, kind: Bound
):
    checks = check_draws(simulation, drawn[:10], kind, "mean", -HALF)
    assert [(each.fails, each.held) for each in checks] == [(False, 1.0)] * 10


def test_every_layer_but_the_input_is_judged_in_units_of_its_true_value(simulation, drawn):
    found = simulation.check(drawn[0], Limit(max=1.0))
    assert len(found) == LAYERS
    assert {each.bound for each in found} == {1.0}
    assert [each.value for each in found] == pytest.approx([1.0] * LAYERS, rel=0.2)
    assert len({each.mean for each in simulation.truths}) > LAYERS // 2


def test_layers_are_measured_in_a_draw_as_the_measure_does_it(simulation):
    population = simulation.populations[-1]
    raw = population.centred[:, :-1].astype(np.float64) + population.column_means
    chosen = np.random.default_rng(5).integers(0, coverage.DIGITS, (4, 9))
    counts = np.stack([np.bincount(each, minlength=coverage.DIGITS) for each in chosen])[None].astype(np.float32)
    (found,) = simulation.draw(counts)
    (means,) = simulation.draw_means(counts)

    def value(samples: np.ndarray) -> float:
        some = raw[samples]
        return float((some.std(axis=1, ddof=1).mean(axis=0) / some.std(axis=0, ddof=1).mean(axis=0)).mean())

    left_out = [value(np.delete(chosen, group, axis=0).ravel()) for group in range(len(chosen))]
    assert found[-1].mean == pytest.approx(value(chosen.ravel()), rel=1e-4)
    assert found[-1].loo["mean"] == pytest.approx(left_out, rel=1e-4)
    for name in ("mean", "se", "bias"):
        assert getattr(means[-1], name) == pytest.approx(getattr(found[-1], name), rel=1e-9)
    assert means[-1].ci["mean"] == pytest.approx(found[-1].ci["mean"], rel=1e-9)


def test_looking_until_it_is_decided_fails_no_oftener(simulation):
    counts = coverage.draws(DRAWS, 10 * 20, 10, 1)
    ended = check_until_decided(simulation, counts, [-HALF, 0.0, HALF], asked=5)
    assert [len(checks) for checks in ended.values()] == [100] * 3
    assert sum(each.fails for each in ended[0.0]) <= 10
    assert sum(each.fails for each in ended[HALF]) >= 99
    assert not any(each.fails for each in ended[-HALF])
    groups = [np.mean([each.groups for each in checks]) for checks in ended.values()]
    assert groups[1] > 9, "what is at its limit is never decided"
    assert max(groups[0], groups[2]) < 5


@pytest.mark.parametrize(
    ("asked", "total", "expected"),
    [(10, 50, [4, 5, 7, 9, 10, 13, 17, 22, 28, 35, 44, 50]), (6, 20, [4, 5, 6, 8, 10, 13, 17, 20]), (3, 4, [3, 4])],
)
def test_the_simulated_looks_are_those_of_a_run_and_at_their_levels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked, total, expected
):
    seen: list[tuple[int, float]] = []
    find = checking.find

    def spy(run, covered, result, *rest, level, **options):
        seen.append((result.meta.options.groups, level))
        return find(run, covered, result, *rest, level=level, **options)

    monkeypatch.setattr(checking, "find", spy)
    data = save_images(tmp_path, 2 * total)
    model = save_network(tmp_path, "y = Relu(image)")
    # A maximum has no interval, so that it is never decided.
    limits = [{"of": "max", "max": 10.0}]
    options = {"samples": 2 * asked, "groups": asked, "until_decided": True, "device": "cpu", "threads": 1}
    api.check(model, data, "rotation:steps=2", limits, **options)
    assert looks(asked, total) == expected
    assert seen == [(groups, LEVEL if groups in (asked, total) else INTERIM_LEVEL) for groups in expected]
