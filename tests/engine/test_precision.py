"""A run ends after the first group, from the fourth on, with which every interval is narrow enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.api import analyze, plan
from onnxinv.api import run as carry_out
from onnxinv.errors import DataError, UsageError
from onnxinv.plan import Plan
from onnxinv.result import Result
from tests.engine.networks import NV, save_network
from tests.engine.raw import activations
from tests.measures import brute_force
from tests.measures.brute_force import Rule
from tests.networks import DIGITS, SHIPPED

SAMPLES, GROUPS = 53, 10
VAR = f"{NV}:dispersion=var"
PLAIN = Rule()


@dataclass(frozen=True, eq=False)
class Images:
    """A network, images, and the activations of all quarter turns of them."""

    model: Path
    data: Path
    raw: dict[str, np.ndarray]

    def plan(self, **options: Any) -> Plan:
        """Plan quarter turns."""
        defaults: dict[str, Any] = {"groups": GROUPS, "device": "cpu", "threads": 1, "seed": 2}
        return plan(self.model, self.data, "rotation:steps=4", **{**defaults, **options})

    def half_width(self, layer: str, groups: list[np.ndarray], rule: Rule = PLAIN) -> float:
        """Return half the width of the interval of a layer's mean over channels, by force, before it is cut."""
        raw = self.raw[layer]
        channels = brute_force.channels_of(raw.shape[2:], 0)
        flat = raw.reshape(SAMPLES, 4, -1).astype(np.float64)

        def value(samples: np.ndarray) -> float:
            return float(brute_force.normalized_variance(flat[samples], channels, rule).mean())

        left_out = [
            value(np.concatenate([*groups[:position], *groups[position + 1 :]])) for position in range(len(groups))
        ]
        interval = brute_force.jackknife(value(np.concatenate(groups)), 0.0, left_out, (-np.inf, np.inf))
        return (interval.high - interval.low) / 2

    def widest(self, decided: Plan, count: int, rule: Rule = PLAIN) -> float:
        """Return the largest half-width of all layers after some groups."""
        groups = [part for (part,) in decided.groups[:count]]
        return max(self.half_width(layer.name, groups, rule) for layer in decided.layers)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    stored = generator.random((SAMPLES, 1, 6, 6), dtype=np.float32)
    stored *= np.float32(generator.random((SAMPLES, 1, 1, 1)) ** 2)
    data = folder / "images.npz"
    np.savez(data, x=stored)
    weights = {"k": generator.standard_normal((3, 1, 3, 3)), "w": generator.standard_normal((4, 3, 1, 1))}
    model = save_network(folder, "c = Conv(image, k) g = GlobalMaxPool(c) y = Conv(g, w)", weights)
    turned = np.stack([np.rot90(stored, turn, axes=(2, 3)) for turn in range(4)], axis=1)
    return Images(model, data, activations(model, turned, 64))


def groups_taken(found: Result) -> int:
    return found.meta.options.groups


@pytest.fixture(scope="module")
def widest(images: Images) -> dict[int, float]:
    decided = images.plan()
    return {count: images.widest(decided, count) for count in range(4, GROUPS + 1)}


@pytest.mark.parametrize("goal", range(4, GROUPS + 1))
def test_it_ends_with_the_first_group_that_is_enough(images: Images, widest: dict[int, float], goal: int) -> None:
    precision = widest[goal] * (1 + 1e-4)
    expected = next(count for count, width in widest.items() if width <= precision)
    found = carry_out(images.plan(precision=precision))
    assert groups_taken(found) == expected
    assert found.meta.options.precision == precision


def test_some_precision_takes_more_groups_than_another(widest: dict[int, float]) -> None:
    ends = {next(count for count, width in widest.items() if width <= goal) for goal in widest.values()}
    assert len(ends) >= 3, "the data does not tell the precisions apart"


def test_the_result_is_that_of_the_samples_that_were_measured(images: Images, widest: dict[int, float]) -> None:
    decided = images.plan(precision=widest[6] * (1 + 1e-4))
    found = carry_out(decided)
    count = groups_taken(found)
    assert 4 < count < GROUPS
    groups = decided.groups[:count]
    samples = np.sort(np.concatenate([part for (part,) in groups]))
    plain = replace(decided, groups=groups, samples=samples, decisive=None)
    expected = carry_out(replace(plain, config=decided.config.model_copy(update={"precision": None})))
    assert found.units.keys() == expected.units.keys()
    for key, values in expected.units.items():
        np.testing.assert_array_equal(found.units[key], values, err_msg=key)
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert one == other
    assert found.document.summary == expected.document.summary


def test_what_was_measured_is_told(images: Images, widest: dict[int, float], tmp_path: Path) -> None:
    decided = images.plan(precision=widest[6] * (1 + 1e-4))
    told: list[int] = []
    found = carry_out(decided, told.append)
    samples = np.sort(np.concatenate([part for (part,) in decided.groups[: groups_taken(found)]]))
    assert found.meta.data.samples == len(samples) < SAMPLES
    assert found.meta.timing.inferences == sum(told) == 4 * len(samples)
    assert len(found.layers[0].measures[NV].loo["mean"] or ()) == groups_taken(found)
    few = tmp_path / "few.npz"
    np.savez(few, x=np.load(images.data)["x"][samples])
    assert found.meta.data.digest == carry_out(replace(images, data=few).plan()).meta.data.digest


def test_a_large_one_ends_after_four_groups(images: Images) -> None:
    assert groups_taken(carry_out(images.plan(precision=1e6))) == 4


def test_a_small_one_takes_all_samples(images: Images) -> None:
    found, plain = (carry_out(images.plan(precision=precision)) for precision in (1e-9, None))
    assert groups_taken(found) == GROUPS
    assert found.meta.data == plain.meta.data
    assert found.layers == plain.layers


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_few_groups_are_all_taken(images: Images, groups: int) -> None:
    found = carry_out(images.plan(precision=1e6, groups=groups))
    assert groups_taken(found) == groups
    assert found.meta.data.samples == SAMPLES


def test_normalized_variance_decides_wherever_it_is_named(images: Images, widest: dict[int, float]) -> None:
    measures = ("sample-variance", "transform-profile", NV, "normalized-variance-se")
    precision = widest[6] * (1 + 1e-4)
    expected = groups_taken(carry_out(images.plan(precision=precision)))
    assert groups_taken(carry_out(images.plan(precision=precision, measures=measures))) == expected


def test_the_parameters_of_normalized_variance_are_heeded(images: Images) -> None:
    decided = images.plan(measures=(VAR,))
    rule = Rule(dispersion="var")
    widths = {count: images.widest(decided, count, rule) for count in range(4, GROUPS + 1)}
    precision = sorted(widths.values())[1] * (1 + 1e-4)
    expected = next(count for count, width in widths.items() if width <= precision)
    assert groups_taken(carry_out(images.plan(measures=(VAR,), precision=precision))) == expected


def test_without_normalized_variance_the_first_measure_decides(images: Images) -> None:
    decided = images.plan(measures=("sample-variance", "transformational-variance"))
    full = carry_out(decided)
    widths = [layer.measures["sample-variance"].se for layer in full.layers]
    assert all(widths)
    decisive = images.plan(measures=("sample-variance", "transformational-variance"), precision=1).decisive
    assert decisive is not None
    assert decisive.result_keys() == ["sample-variance"]


def test_layers_without_an_interval_are_not_waited_for(images: Images, tmp_path: Path) -> None:
    """A layer that no sample changes is infinite everywhere, so that nothing can be said of its precision."""
    (tmp_path / "turns.py").write_text(
        "import numpy as np\n\n\ndef f():\n    return [lambda image, k=k: np.full_like(image, k) for k in range(3)]\n"
    )
    found = analyze(
        images.model, images.data, f"{tmp_path / 'turns.py'}:f", precision=1e-9, device="cpu", threads=1, groups=8
    )
    assert all(layer.measures[NV].inf == layer.channels for layer in found.layers)
    assert groups_taken(found) == 4


def test_several_chunks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"takes them in \d+ chunks") as told:
        plan(SHIPPED[0], DIGITS, "rotation:steps=3", device="cpu", threads=1, samples=23, memory="40MiB", precision=0.1)
    assert "--memory" in told.value.hint
    assert "--layers" in told.value.hint


@pytest.mark.parametrize("measure", ["anova", "anova-repeated"])
def test_a_measure_without_an_interval_decides_nothing(images: Images, measure: str) -> None:
    with pytest.raises(UsageError, match=f"'{measure}-f' has none") as told:
        images.plan(measures=(measure, "sample-variance"), precision=0.1)
    assert NV in told.value.hint


def test_measures_of_the_class_output_alone_decide_nothing(images: Images) -> None:
    with pytest.raises(UsageError):
        images.plan(measures=("top1-consistency",), precision=0.1)


@pytest.mark.parametrize("measure", ["goodfellow", "goodfellow-top20", "firing-ratio"])
def test_measures_of_all_samples_are_refused_by_name_and_dropped_from_all(images: Images, measure: str) -> None:
    with pytest.raises(DataError, match="--precision may leave some out") as told:
        images.plan(measures=(measure,), precision=0.1)
    assert "without --precision" in told.value.hint
    decided = images.plan(measures=("all",), precision=0.1)
    assert {each.name: each.reason for each in decided.dropped}[measure].endswith("--precision may leave some out")
    assert not decided.first_pass


def test_by_class_it_ends_as_without(images: Images, tmp_path: Path) -> None:
    """Every class is in every group, so each has an interval from the fourth group on."""
    data = tmp_path / "labelled.npz"
    np.savez(data, x=np.load(images.data)["x"], y=np.arange(SAMPLES) % 2)
    labelled = replace(images, data=data)
    for precision, expected in ((1e6, 4), (1e-9, GROUPS)):
        found = carry_out(labelled.plan(stratify=True, precision=precision))
        assert groups_taken(found) == expected
        assert found.layers[0].measures[NV].se is not None


@pytest.mark.parametrize(
    ("before", "rare"),
    [
        pytest.param(24, 3, id="a class of which the first four groups have nothing"),
        pytest.param(23, 3, id="a class of which they have one sample"),
        pytest.param(22, 2, id="a class whose two samples they have"),
        pytest.param(22, 3, id="a class of which they have two"),
    ],
)
def test_a_rare_class_is_waited_for(images: Images, tmp_path: Path, before: int, rare: int) -> None:
    """Classes are dealt to groups one after the other, so what comes before decides where a class begins."""
    data = tmp_path / "rare.npz"
    labels = np.repeat([0, 1, 2], [before, rare, SAMPLES - before - rare])
    np.savez(data, x=np.load(images.data)["x"], y=labels)
    found = carry_out(replace(images, data=data).plan(stratify=True, precision=1e6))
    for layer in found.layers:
        assert layer.measures[NV].mean is not None
        assert layer.measures[NV].se is not None or groups_taken(found) == GROUPS
