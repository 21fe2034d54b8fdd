"""Small networks that are measured and compared: branches, reordered channels, an inserted layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onnxinv import api
from onnxinv.activations import observe, samples_at_hand
from onnxinv.comparing import Observed, Terms, compare_results
from onnxinv.comparison import ModelComparison
from onnxinv.model.weights import ModelWeights
from onnxinv.result import Result
from tests.engine.networks import save_images, save_network
from tests.reports.results import NV

RNG = np.random.default_rng(0)


def compared(*results: Result, seen=(), **terms) -> ModelComparison:
    return compare_results(results, Terms(**terms), seen).comparisons[0]


LEFT = "a = Conv<kernel_shape = [3, 3]>(image, u) b = Relu(a)"
RIGHT = "c = Conv<kernel_shape = [3, 3]>(image, v) d = Tanh(c)"
KERNELS = {name: RNG.normal(size=(3, 1, 3, 3)) for name in ("u", "v")}


def measured(folder: Path, body: str, kernels: dict[str, np.ndarray]) -> tuple[Result, Observed]:
    folder.mkdir()
    path = save_network(folder, body, kernels)
    plan = api.plan(path, save_images(folder), "rotation:steps=2,degrees=180", threads=1, device="cpu")
    names, weights = [each.name for each in plan.layers], ModelWeights(plan.model)
    return api.run(plan), Observed(observe(plan, samples_at_hand([plan])), weights.upstream(names), weights.own(names))


def test_a_measured_network_is_the_same_with_its_branches_and_channels_in_another_order(tmp_path):
    one, seen_one = measured(tmp_path / "one", f"{LEFT} {RIGHT} y = Add(b, d)", KERNELS)
    turned = {name: kernel[[2, 0, 1]] for name, kernel in KERNELS.items()}
    other, seen_other = measured(tmp_path / "other", f"{RIGHT} {LEFT} y = Add(b, d)", turned)
    found = compared(one, other, seen=(seen_one, seen_other))
    assert {pair.a: pair.b for pair in found.pairs} == {name: name for name in ("image", *"abcdy")}
    assert all(pair.identical_weights and pair.max_relative_difference < 1e-5 for pair in found.pairs)
    assert [pair.a for pair in found.pairs if not pair.reordered] == ["image"]
    assert all(pair.measures[NV].max_relative_difference < 1e-5 for pair in found.pairs)
    assert (found.verdict, found.mismatches) == ("same", [])


def test_a_branch_of_a_measured_network_that_changed_shows_there_and_where_branches_meet(tmp_path):
    one, seen_one = measured(tmp_path / "one", f"{LEFT} {RIGHT} y = Add(b, d)", KERNELS)
    changed = KERNELS | {"u": RNG.normal(size=(3, 1, 3, 3))}
    other, seen_other = measured(tmp_path / "other", f"{RIGHT} {LEFT} y = Add(b, d)", changed)
    stated = {name: name for name in "abcdy"}
    found = compared(one, other, seen=(seen_one, seen_other), stated=stated)
    assert {pair.a for pair in found.pairs if pair.identical_weights} == {"image", "c", "d"}
    assert [text for text in found.mismatches if "weights differ" in text] == [
        "the weights differ in 3 of 6 pairs of layers, first in 'a'"
    ]


def test_layers_behind_an_inserted_one_are_not_computed_from_the_same_weights(tmp_path):
    one, seen_one = measured(tmp_path / "one", f"{LEFT} y = Sigmoid(b)", {"u": KERNELS["u"]})
    extra = {"u": KERNELS["u"], "s": np.array([0.5, 1.5, 2]).reshape(3, 1, 1)}
    body = "a = Conv<kernel_shape = [3, 3]>(image, u) m = Mul(a, s) b = Relu(m) y = Sigmoid(b)"
    other, seen_other = measured(tmp_path / "other", body, extra)
    found = compared(one, other, seen=(seen_one, seen_other))
    assert found.unmatched.b == ["m"]
    told = {pair.a: (pair.identical_weights, pair.max_relative_difference) for pair in found.pairs}
    assert told == {"image": (True, 0.0), "a": (True, 0.0), "b": (False, None), "y": (False, None)}
