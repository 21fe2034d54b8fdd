"""Limits and a baseline against results: what is held, broken or uncertain, and what is said of it."""

from __future__ import annotations

import itertools

import pytest
from scipy import stats

from onnxinv.counterparts import match
from onnxinv.covering import Covered
from onnxinv.gate import find, is_settled
from onnxinv.measures.parts import measure_part
from onnxinv.result import OutputValue
from tests.check.groups import error_of, limit, mean_of, measured, share_of
from tests.check.judging import CONSISTENCY, HALF, SPREAD, infinite, judged, recorded, shifted
from tests.reports.results import NV, summary


@pytest.mark.parametrize(
    ("bound", "status"),
    [
        pytest.param({"max": 0.5 + HALF + 1e-5}, "held", id="the interval lies below a maximum"),
        pytest.param({"max": 0.5 + HALF - 1e-5}, "uncertain", id="it reaches above it"),
        pytest.param({"max": 0.5 - HALF + 1e-5}, "uncertain", id="it begins below it"),
        pytest.param({"max": 0.5 - HALF - 1e-5}, "broken", id="it lies above it"),
        pytest.param({"min": 0.5 - HALF - 1e-5}, "held", id="the interval lies above a minimum"),
        pytest.param({"min": 0.5 - HALF + 1e-5}, "uncertain", id="it reaches below it"),
        pytest.param({"min": 0.5 + HALF + 1e-5}, "broken", id="it lies below it"),
    ],
)
@pytest.mark.parametrize("of", ["mean", "median", "p95"])
def test_a_value_is_judged_by_its_interval_wherever_it_lies_over_the_channels(of, bound, status):
    found = judged(mean_of(SPREAD), of=of, **bound)
    assert (found.status, found.fails) == (status, status == "broken")
    assert found.ci == pytest.approx((0.5 - HALF, 0.5 + HALF))
    assert found.value == pytest.approx(0.5)


def test_the_value_is_corrected_for_its_bias_and_stays_in_its_range():
    assert judged(mean_of(SPREAD, bias=0.125), max=1).value == pytest.approx(0.375)
    assert judged(mean_of(SPREAD, bias=0.75), max=1).value == 0.0


def test_a_limit_over_several_layers_breaks_only_where_the_stricter_interval_does():
    numbers = shifted(0.0)
    once = 0.5 - HALF - 1e-4
    assert judged(mean_of(numbers), max=once).status == "broken"
    result = measured({name: mean_of(numbers) for name in "abc"})
    found = find("r", [limit("a", "b", "c", max=once)], result, None)
    assert [each.status for each in found] == ["uncertain"] * 3
    thrice = 0.5 - stats.t.ppf(1 - 0.025 / 3, 9) * error_of(numbers) - 1e-5
    found = find("r", [limit("a", "b", "c", max=thrice)], result, None)
    assert [each.status for each in found] == ["broken"] * 3


def test_a_layer_without_the_measure_makes_a_family_no_larger():
    lacking = summary(None, half=None).model_copy(update={"finite": 0, "reason": "it has one unit"})
    result = measured({"a": lacking, "b": mean_of(SPREAD)})
    found = find("r", [limit("a", "b", max=0.5 - HALF - 1e-4)], result, None)
    assert [(each.status, each.reason) for each in found] == [("not-applicable", "it has one unit"), ("broken", "")]


def test_findings_come_limit_by_limit_bound_by_bound_and_layer_by_layer():
    result = measured({"a": mean_of(SPREAD), "b": mean_of(SPREAD)})
    covered = [limit("a", "b", max=1, min=0), Covered(1, limit("b", max=0.1).limit, measure_part(NV), ("b",))]
    found = find("run", covered, result, None, lines=(7, 9))
    assert [(each.limit, each.line, each.kind, each.layer) for each in found] == [
        (0, 7, "max", "a"), (0, 7, "max", "b"), (0, 7, "min", "a"), (0, 7, "min", "b"), (1, 9, "max", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "strict", "fails"),
    [("error", False, True), ("warn", False, False), ("warn", True, True), ("error", True, True)],
)
def test_what_is_broken_fails_by_its_level(level, strict, fails):
    result = measured({"y": mean_of(SPREAD)})
    found = find("r", [limit("y", max=0.1, level=level)], result, None, strict=strict)[0]
    assert (found.status, found.fails) == ("broken", fails)


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_uncertain_fails_only_where_that_is_asked_for(strict):
    result = measured({"y": mean_of(SPREAD)})
    found = find("r", [limit("y", max=0.5)], result, None, strict=strict)[0]
    assert (found.status, found.fails) == ("uncertain", strict)


def test_a_maximum_over_channels_is_taken_as_it_is():
    top = mean_of(SPREAD, max=0.75)
    assert judged(top, of="max", max=0.75).status == "held"
    broken = judged(top, of="max", max=0.7499)
    assert (broken.status, broken.ci, broken.value) == ("broken", None, 0.75)


def test_a_measure_without_intervals_is_taken_as_it_is():
    name = "anova-f"
    assert not measure_part(name).interval
    bare = summary(3.0, half=None)
    result = measured({"y": bare}, key=name)
    for bound, status in ((3.0, "held"), (2.99, "broken")):
        assert find("r", [limit("y", measure=name, max=bound)], result, None)[0].status == status


@pytest.mark.parametrize("against", [{"max": 0.9}, {"max": 0.1}, {"max_regression": "5%"}])
def test_too_few_groups_leave_it_undecided_and_say_so(against):
    bare = mean_of(SPREAD, se=None, bias=None, ci=dict.fromkeys(("mean", "median", "p95")))
    bare = bare.model_copy(update={"loo": {of: [0.5, 0.5] for of in ("mean", "median", "p95")}})
    found = judged(bare, measured({"y": bare}, groups=2), groups=2, **against)
    assert (found.status, found.reason) == ("uncertain", "there are too few groups of samples for an interval")


@pytest.mark.parametrize("against", [{"min": 0.5}, {"max_regression": 0}])
def test_equal_shares_of_two_groups_decide_nothing(against):
    bare = OutputValue(value=1.0, se=None, bias=None, ci=None, loo=[1.0, 1.0], profile=None)
    found = judged(bare, measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: bare}, groups=2), groups=2, **against)
    assert (found.status, found.reason) == ("uncertain", "there are too few groups of samples for an interval")


def test_enough_groups_without_interval_are_not_said_to_be_too_few():
    bare = mean_of(SPREAD, se=None, bias=None, ci=dict.fromkeys(("mean", "median", "p95")), inf=1)
    found = judged(bare.model_copy(update={"loo": dict.fromkeys(("mean", "median", "p95"))}), max=0.9)
    assert found.status == "uncertain"
    assert found.reason == (
        "1 of 5 values is infinite; there is no interval: no channel has a finite value whichever group of samples is "
        "left out"
    )


@pytest.mark.parametrize(("bound", "status"), [({"max": 9.0}, "broken"), ({"min": 9.0}, "held")])
@pytest.mark.parametrize("of", ["mean", "median", "p95", "max"])
def test_where_every_value_is_infinite_so_is_the_layer(of, bound, status):
    found = judged(infinite(), of=of, **bound)
    assert (found.status, found.value, found.ci) == (status, None, None)
    assert found.reason == "4 of 4 values are infinite"


def test_one_infinite_value_makes_the_maximum_infinite_and_is_told_of_the_mean():
    mixed = mean_of(SPREAD, inf=1, nan=2, finite=1)
    assert judged(mixed, of="max", max=9).status == "broken"
    mean = judged(mixed, max=9)
    assert (mean.status, mean.reason) == ("held", "1 of 4 values is infinite and 2 of 4 values are not a number")


def test_where_nothing_is_a_number_nothing_is_known():
    found = judged(summary(None, half=None, nan=4), max=9)
    assert (found.status, found.reason) == ("uncertain", "4 of 4 values are not a number")


def test_where_no_unit_ever_fires_there_is_nothing_to_judge():
    silent = summary(None, half=None).model_copy(update={"finite": 0, "silent": 4})
    assert judged(silent, max=9).status == "not-applicable"


def test_dead_units_have_the_value_that_the_measure_gives_them():
    assert judged(mean_of([1.0] * 10, dead=4), max=0.9).status == "broken"
    assert judged(mean_of([1.0] * 10, dead=4), max=1).status == "held"


@pytest.mark.parametrize(
    ("numbers", "bound", "status"),
    [
        pytest.param([1.0] * 10, {"min": 0.96}, "held", id="all of 100 samples"),
        pytest.param([1.0] * 10, {"min": 0.97}, "uncertain", id="all of them, and as good as all are demanded"),
        pytest.param([0.0] * 10, {"min": 0.04}, "broken", id="none"),
        pytest.param([0.9, 1.0] * 5, {"min": 0.9}, "held", id="groups that differ"),
    ],
)
def test_a_share_of_the_samples_has_an_interval_where_all_groups_agree(numbers, bound, status):
    assert judged(share_of(numbers), **bound).status == status


def test_a_measure_of_the_class_output_is_not_that_of_a_tensor_called_output():
    result = measured({"output": mean_of(SPREAD)}, outputs={CONSISTENCY: share_of([0.9, 1.0] * 5)})
    renamed = measured({"was": mean_of(SPREAD)}, outputs={CONSISTENCY: share_of([0.9, 1.0] * 5)})
    covered = limit("output", measure=CONSISTENCY, max_regression=0.1)
    kept = recorded(renamed, covered)
    matched = match(kept.path, kept.run, result.layers, "auto")
    assert list(matched.layers) == ["output"]
    found = find("r", [covered], result, matched)[0]
    assert (found.label, found.counterpart, found.status) == ("output", None, "held")


@pytest.mark.parametrize(
    ("found", "keys", "settled"),
    [
        pytest.param(mean_of(SPREAD), {"max": 0.9}, True, id="held"),
        pytest.param(mean_of(SPREAD), {"max": 0.1}, True, id="broken"),
        pytest.param(mean_of(SPREAD), {"max": 0.5}, False, id="uncertain"),
        pytest.param(mean_of(SPREAD, max=0.5), {"max": 0.9, "of": "max"}, False, id="a maximum may still grow"),
        pytest.param(infinite(), {"max": 0.9}, False, id="what is infinite has no interval"),
        pytest.param(
            summary(None, half=None).model_copy(update={"finite": 0, "reason": "one unit"}), {"max": 0.9}, True,
            id="what never has a value",
        ),
    ],
)  # fmt: skip
def test_a_limit_is_settled_where_an_interval_is_on_one_side_of_it(found, keys, settled):
    assert is_settled([judged(found, **keys)]) is settled


def test_all_limits_must_be_settled():
    clear, unclear = judged(mean_of(SPREAD), max=0.9), judged(mean_of(SPREAD), max=0.5)
    assert [is_settled(each) for each in itertools.product([clear, unclear], repeat=2)] == [True, False, False, False]
