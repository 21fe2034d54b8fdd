"""Two models next to each other: pairs, verdicts, profiles, and why one is no equivalent of the other."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from onnxinv.comparing import Terms, compare_results
from onnxinv.comparison import CompareDocument, ModelComparison, comparison_json
from onnxinv.errors import UsageError
from onnxinv.result import LayerResult, MeasureSummary, OutputValue, Result
from tests.compare.results import GROUPS, model, observed, spread
from tests.reports.results import NV, layer, summary

RNG = np.random.default_rng(0)
NAMES = ("x", "conv", "relu", "y")
OPS = ("Input", "Conv", "Relu", "Gemm")
SAME_WEIGHTS = {"conv": 1, "relu": 1, "y": 2}
GRIDS = [RNG.normal(size=(12, 4, 2, 2)) for _ in NAMES]


def network(means: tuple[float | None, ...] = (1.0, 0.8, 0.6, 0.4), *, seed: int = 0, **options) -> Result:
    summaries = [summary(None, half=None) if mean is None else spread(mean, seed) for mean in means]
    layers = [
        layer(place, *each) for place, each in enumerate(zip(NAMES, ({NV: one} for one in summaries), strict=True))
    ]
    named = [one.model_copy(update={"op": op}) for one, op in zip(layers, OPS, strict=True)]
    return model(named, **options)


def named(one: LayerResult, name: str, op: str) -> LayerResult:
    return one.model_copy(update={"name": name, "label": name, "op": op})


def compared(*results: Result, seen=(), **terms) -> ModelComparison:
    return compare_results(results, Terms(**terms), seen).comparisons[0]


def test_every_layer_of_the_same_network_is_paired_by_name_and_the_same():
    found = compared(network(), network(path="b.onnx"))
    assert [(pair.a, pair.b, pair.method, pair.verdict) for pair in found.pairs] == [
        (name, name, "name", "same") for name in NAMES
    ]
    assert (found.verdict, found.mismatches) == ("same", [])
    assert found.reason == "normalized-variance of 4 pairs of layers: 4 same"
    assert (found.unmatched.a, found.unmatched.b) == ([], [])


def test_a_difference_has_the_interval_of_the_paired_jackknife():
    first, second = network(), network((1.0, 0.5, 0.6, 0.4), seed=1)
    found = compared(first, second).pairs[1].measures[NV]
    loo = [np.array(result.layers[1].measures[NV].loo["mean"]) for result in (first, second)]
    apart = loo[1] - loo[0]
    half = stats.t.ppf(0.975, GROUPS - 1) * math.sqrt((GROUPS - 1) / GROUPS * ((apart - apart.mean()) ** 2).sum())
    assert (found.a, found.b, found.difference) == (0.8, 0.5, pytest.approx(-0.3))
    assert found.ci == pytest.approx((-0.3 - half, -0.3 + half), rel=1e-9)
    assert found.verdict == "better"


@pytest.mark.parametrize(
    ("means", "verdict", "layers"),
    [
        pytest.param((1.0, 0.5, 0.6, 0.4), "better", ["same", "better", "same", "same"], id="one lower"),
        pytest.param((1.0, 0.8, 0.6, 0.9), "worse", ["same", "same", "same", "worse"], id="one higher"),
        pytest.param((1.0, 0.5, 0.6, 0.9), "mixed", ["same", "better", "same", "worse"], id="lower and higher"),
    ],
)
def test_the_verdict_is_that_of_the_layers(means, verdict, layers):
    found = compared(network(), network(means))
    assert found.verdict == verdict
    assert [pair.verdict for pair in found.pairs] == layers


def test_what_the_groups_do_alike_hides_nothing_where_they_are_the_same():
    one, other = network(), network((1.0, 0.801, 0.6, 0.4))
    assert compared(one, other, margin=1e-6).pairs[1].verdict == "worse"
    meta = other.meta.model_copy(update={"data": other.meta.data.model_copy(update={"seed": 1})})
    unpaired = Result(other.document.model_copy(update={"meta": meta}), other.units)
    whole = compare_results([one, unpaired], Terms(margin=1e-6))
    assert not whole.document.meta.paired
    assert whole.comparisons[0].pairs[1].verdict == "uncertain"


def test_every_other_model_is_compared_with_the_first():
    results = [network(), network(path="v2/b.onnx"), network((1.0, 0.5, 0.6, 0.4), path="c.onnx")]
    found = compare_results(results, Terms())
    assert [(each.a, each.b, each.verdict) for each in found.comparisons] == [(0, 1, "same"), (0, 2, "better")]
    assert found.names == ("a", "b", "c")
    assert [each.path for each in found.document.meta.models] == ["a.onnx", "v2/b.onnx", "c.onnx"]


def test_layers_of_one_model_only_are_listed():
    other = network()
    extra = layer(4, "pool", {NV: spread(0.3)}).model_copy(update={"op": "MaxPool"})
    found = compared(network(), model([*other.layers[:1], *other.layers[2:], extra]))
    assert found.unmatched.a == ["conv"]
    assert found.unmatched.b == ["pool"]


def test_an_output_without_partner_is_a_mismatch():
    other = model(network().layers[:3], path="b.onnx", ends=("relu",))
    found = compared(network(), other)
    assert found.mismatches == ["the output 'y' of 'a.onnx' corresponds to nothing"]


def test_without_any_pair_nothing_is_certain():
    alone = model([layer(0, "other", {NV: spread(0.5)}).model_copy(update={"op": "LSTM"})], ends=())
    found = compared(network(), alone)
    assert (found.pairs, found.verdict) == ([], "uncertain")
    assert found.reason == "no layer of one corresponds to any other"


def test_a_verdict_rests_on_no_input():
    other = model([network().layers[0], *(named(each, f"{each.name}9", "Erf") for each in network().layers[1:])])
    found = compared(network(), other)
    assert [(pair.a, pair.verdict) for pair in found.pairs] == [("x", "same")]
    assert (found.verdict, found.reason) == ("uncertain", "nothing but inputs corresponds")


@pytest.mark.parametrize("noise", [pytest.param(1e-4, id="equal"), pytest.param(1e-2, id="not one by one")])
def test_activations_that_are_the_same_as_a_whole_but_not_one_by_one_leave_a_guess(noise):
    moved = [*GRIDS[:1], *(grid.copy() for grid in GRIDS[1:])]
    moved[1][0, 0, 0, 0] += noise
    first, second = observed(GRIDS, SAME_WEIGHTS), observed(moved, {"alpha": 7, "relu": 8, "y": 9})
    other = model([named(each, "alpha" if each.name == "conv" else each.name, each.op) for each in network().layers])
    found = compared(network(), other, seen=(first, second)).pairs[1]
    assert (found.b, found.method, found.guess) == ("alpha", "sequence", noise > 1e-3)
    if found.guess:
        with pytest.raises(UsageError, match="'conv' is paired with 'alpha' by sequence"):
            compared(network(), other, seen=(first, second), strict=True)


def test_the_profile_interpolates_over_depth():
    found = compared(network((1.0, 0.7, None, 0.1)), model(network().layers[:1])).profiles[NV]
    assert found.percent == list(range(0, 101, 5))
    assert found.a == pytest.approx(np.interp(found.percent, [0, 100 / 3, 100], [1.0, 0.7, 0.1]))
    assert found.b == [1.0] * 21


def test_a_profile_of_layers_without_values_is_empty():
    nothing = model([layer(0, "x", {NV: summary(None, half=None)})])
    assert compared(network(), nothing).profiles[NV].b == [None] * 21


def test_results_alone_say_nothing_of_weights_or_activations():
    for pair in compared(network(), network()).pairs:
        assert pair.identical_weights is False
        assert (pair.cka, pair.max_relative_difference, pair.reordered) == (None, None, False)
        assert pair.measures[NV].max_relative_difference is None


def test_a_value_that_differs_is_a_mismatch():
    found = compared(network(), network((1.0, 0.8, None, 0.4008)))
    assert found.mismatches == [
        "normalized-variance differs in 2 of 4 pairs of layers, first in 'relu': it is 0.6 and undefined in 'relu'"
    ]
    (sentence,) = compared(network(), network((1.0, 0.8, 0.601, 0.44))).mismatches
    assert sentence == (
        "normalized-variance differs in 2 of 4 pairs of layers, first in 'relu': it is 0.4 and 0.44 in 'y'"
    )
    assert compared(network(), network((1.0, 0.8, 0.6, 0.4008)), rtol=0.01).mismatches == []


def test_the_same_weights_and_activations_are_the_same_export():
    seen = observed(GRIDS, SAME_WEIGHTS), observed(GRIDS, SAME_WEIGHTS)
    found = compared(network(), network(), seen=seen)
    assert found.mismatches == []
    assert [(pair.identical_weights, pair.max_relative_difference) for pair in found.pairs] == [(True, 0.0)] * 4
    assert [pair.cka for pair in found.pairs] == pytest.approx([1.0] * 4)


def test_channels_in_another_order_are_resolved_in_activations_and_values():
    order = [2, 3, 1, 0]
    values = np.array([0.1, 0.5, 0.9, 0.3])
    grids = [GRIDS[0], GRIDS[1][:, order], *GRIDS[2:]]
    found = compared(
        network(values={(NV, "conv"): values}),
        network(values={(NV, "conv"): values[order]}),
        seen=(observed(GRIDS, SAME_WEIGHTS), observed(grids, SAME_WEIGHTS)),
    )
    assert [pair.reordered for pair in found.pairs] == [False, True, False, False]
    assert [pair.max_relative_difference for pair in found.pairs] == [0.0] * 4
    assert found.pairs[1].measures[NV].max_relative_difference == 0.0
    assert found.mismatches == []


def test_other_weights_are_a_mismatch_from_there_on():
    grids = [*GRIDS[:1], *(RNG.normal(size=(12, 4, 2, 2)) for _ in range(3))]
    seen = observed(GRIDS, SAME_WEIGHTS), observed(grids, {"conv": 5, "relu": 5, "y": 6})
    found = compared(network(), network(), seen=seen)
    assert [pair.identical_weights for pair in found.pairs] == [True, False, False, False]
    assert [pair.max_relative_difference for pair in found.pairs] == [0.0, None, None, None]
    assert found.mismatches == ["the weights differ in 3 of 4 pairs of layers, first in 'conv'"]


def test_the_same_weights_with_other_activations_are_a_mismatch():
    grids = [*GRIDS[:3], GRIDS[3].copy()]
    grids[3][0, 0, 0, 0] += 0.01 * np.sqrt((grids[3] ** 2).mean())
    seen = observed(GRIDS, SAME_WEIGHTS), observed(grids, SAME_WEIGHTS)
    assert compared(network(), network(), seen=seen).mismatches == [
        "activations differ in 1 of 4 pairs of layers, first in 'y', by up to 1.0e-02 of their root mean square in 'y'"
    ]
    assert compared(network(), network(), seen=seen, rtol=0.1).mismatches == []


def test_weights_that_were_folded_are_no_mismatch_where_the_activations_are_the_same():
    seen = observed(GRIDS, SAME_WEIGHTS), observed(GRIDS, {"conv": 5, "relu": 5, "y": 6})
    found = compared(network(), network(), seen=seen)
    assert [pair.identical_weights for pair in found.pairs] == [True, False, False, False]
    assert [pair.max_relative_difference for pair in found.pairs] == [0.0] * 4
    assert found.mismatches == []


def test_activations_that_are_not_finite_in_one_model_only_cannot_be_compared():
    grids = [*GRIDS[:3], np.where(GRIDS[3] > 2, np.inf, GRIDS[3])]
    seen = observed(GRIDS, SAME_WEIGHTS), observed(grids, SAME_WEIGHTS)
    found = compared(network(), network(), seen=seen)
    assert found.mismatches == ["the activations cannot be compared in 1 of 4 pairs of layers, first in 'y'"]
    assert found.pairs[3].max_relative_difference is None


def branches(first: str, second: str) -> Result:
    """Return a network of two branches in this order."""
    names = ("x", first, second, "y")
    return model([layer(place, name, {NV: spread(0.5)}) for place, name in enumerate(names)])


def test_a_branch_that_changed_says_nothing_of_the_other_whichever_comes_first():
    changed = RNG.normal(size=(12, 4, 2, 2))
    left, right, end = GRIDS[1:]
    one = observed([GRIDS[0], left, right, end], {"left": 1, "right": 2, "y": 3})
    other = observed([GRIDS[0], right, changed, changed + 1], {"left": 7, "right": 2, "y": 9})
    found = compared(branches("left", "right"), branches("right", "left"), seen=(one, other))
    assert {pair.a: pair.identical_weights for pair in found.pairs} == {
        "x": True, "left": False, "right": True, "y": False,
    }  # fmt: skip
    assert {pair.a: pair.max_relative_difference for pair in found.pairs}["right"] == 0.0


def test_strict_alignment_refuses_a_guess_and_says_which():
    names = {"x": "x", "conv": "alpha", "relu": "beta", "y": "y"}
    other = model(
        [each.model_copy(update={"name": names[each.name], "label": names[each.name]}) for each in network().layers]
    )
    assert [pair.method for pair in compared(network(), other).pairs] == ["name", "sequence", "sequence", "name"]
    with pytest.raises(UsageError, match="'conv' is paired with 'alpha' by sequence") as caught:
        compared(network(), other, strict=True)
    assert "map.toml" in caught.value.hint
    stated = {"conv": "alpha", "relu": "beta"}
    assert [pair.method for pair in compared(network(), other, strict=True, stated=stated).pairs][1:3] == ["map", "map"]


def several(*keys: str) -> Result:
    layers: list[LayerResult] = [layer(0, "x", {key: spread(0.5) for key in keys})]
    return model(layers, ends=("x",))


@pytest.mark.parametrize(
    ("first", "second", "main"),
    [
        pytest.param(["sample-variance", NV], ["sample-variance", NV], NV, id="the first with a direction"),
        pytest.param(["linear-cka", NV], [NV, "linear-cka"], "linear-cka", id="in the order of the first"),
        pytest.param(["linear-cka", "anova-f", NV], ["anova-f", NV], "anova-f", id="the first that both have"),
        pytest.param([f"{NV}:dispersion=var"], [f"{NV}:dispersion=var"], f"{NV}:dispersion=var", id="with parameters"),
    ],
)  # fmt: skip
def test_verdicts_are_about_the_first_common_measure_with_a_direction(first, second, main):
    found = compare_results([several(*first), several(*second)], Terms())
    assert found.document.meta.measure == main
    assert list(found.comparisons[0].pairs[0].measures) == [key for key in first if key in second]


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        pytest.param(NV, "worse", id="lower is more invariant"),
        pytest.param("linear-cka", "better", id="higher is more invariant"),
        pytest.param("variance-share-sample", "better", id="part of a family, against its others"),
        pytest.param("variance-share-transform", "worse", id="part of a family"),
        pytest.param("sample-variance", None, id="neither"),
    ],
)
def test_a_higher_value_is_judged_by_the_direction_of_its_measure(key, verdict):
    def with_value(value: float) -> Result:
        return model([layer(0, "x", {NV: spread(0.5), key: spread(value)})], ends=("x",))

    assert compared(with_value(0.5), with_value(0.7)).pairs[0].measures[key].verdict == verdict


def test_results_without_a_common_measure_are_refused():
    with pytest.raises(UsageError, match="no measure of layers, common to all"):
        compare_results([several(NV), several("linear-cka")], Terms())


def test_a_measure_that_is_no_longer_installed_has_no_verdict():
    found = compared(several("gone", NV), several("gone", NV)).pairs[0].measures
    assert (found["gone"].verdict, found[NV].verdict) == (None, "same")


def test_class_outputs_are_compared_by_their_direction():
    def output(value: float) -> dict[str, OutputValue]:
        loo = [value + 0.001 * step for step in (-2, -1, 0, 1, 2)]
        return {"top1-consistency": OutputValue(value=value, se=0.01, bias=0.0, ci=(0, 1), loo=loo, profile=None)}

    found = compared(network(outputs=output(0.5)), network(outputs=output(0.9))).outputs["top1-consistency"]
    assert (found.a, found.b, found.difference) == (0.5, 0.9, pytest.approx(0.4))
    assert found.verdict == "better"
    assert compared(network(outputs=output(0.5)), network()).outputs == {}


def test_shares_that_are_the_same_in_every_group_have_no_interval():
    def output(value: float) -> dict[str, OutputValue]:
        found = OutputValue(value=value, se=0.0, bias=0.0, ci=(0, 1), loo=[value] * 5, profile=None)
        return {"worst-case-accuracy": found}

    found = compared(network(outputs=output(0.0)), network(outputs=output(1.0))).outputs["worst-case-accuracy"]
    assert (found.difference, found.ci, found.verdict) == (1.0, None, "uncertain")


def test_values_near_0_are_held_against_the_mean_of_the_layers():
    def flat(value: float) -> Result:
        return network((1.0, 0.8, 0.6, value))

    near, other = (compared(flat(1e-6), flat(second)) for second in (2e-5, 2e-3))
    assert (near.pairs[3].verdict, near.mismatches) == ("same", [])
    assert (other.pairs[3].verdict, len(other.mismatches)) == ("worse", 1)


def odd(values: list[float]) -> Result:
    finite = [each for each in values if math.isfinite(each)]
    told: MeasureSummary = spread(float(np.mean(finite))) if finite else summary(None, half=None)
    return model([layer(0, "y", {NV: told})], values={(NV, "y"): values})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([1, np.inf, 2, 3], [1, np.inf, 2, 4], id="inf in both"),
        pytest.param([1, np.inf, 2, 3], [1, 5, np.nan, 3], id="in other channels"),
        pytest.param([np.nan] * 4, [np.inf] * 4, id="nothing finite"),
        pytest.param([0, 0, 0, 0], [1, 0, 0, 0], id="zeros"),
    ],
)
@pytest.mark.parametrize("at_hand", [True, False])
def test_what_is_not_finite_is_written_as_null(a, b, at_hand, tmp_path):
    broken = [np.where(grid > 1, value, grid) for grid, value in ((GRIDS[1], np.inf), (GRIDS[1], np.nan))]
    seen = [observed([each], {}) for each in broken] if at_hand else []
    found = compare_results([odd(a), odd(b)], Terms(), seen)
    found.save(tmp_path / "out")
    text = (tmp_path / "out" / "compare.json").read_text()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(text, parse_constant=refuse)
    assert CompareDocument.model_validate(content) == found.document
    finite = [each for each in a if math.isfinite(each)]
    told = content["comparisons"][0]["pairs"][0]["measures"][NV]
    assert told["quantiles"]["a"] == (pytest.approx(np.quantile(finite, [0.05, 0.5, 0.95])) if finite else [None] * 3)


def test_a_comparison_is_read_back_as_it_was_written():
    seen = observed(GRIDS, SAME_WEIGHTS), observed(GRIDS, SAME_WEIGHTS)
    found = compare_results([network(), network((1.0, 0.5, None, 0.4))], Terms(stated={"conv": "conv"}), seen)
    content = json.loads(comparison_json(found))
    assert CompareDocument.model_validate(content) == found.document
    assert content["meta"]["format"] == 1
    assert content["meta"]["align"] == "map"
    assert set(content["comparisons"][0]["pairs"][0]) >= {
        "a", "b", "method", "cost", "cka", "identical_weights", "max_relative_difference", "verdict", "measures",
    }  # fmt: skip


def test_warnings_say_which_model_they_are_about():
    one, other = network(), network(path="b.onnx")
    meta = other.meta.model_copy(update={"warnings": ["Beware."]})
    found = compare_results([one, Result(other.document.model_copy(update={"meta": meta}), other.units)], Terms())
    assert found.document.meta.warnings == ["b: Beware."]
