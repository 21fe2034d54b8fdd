"""Limits and a baseline against results: what is held, broken or uncertain, and what is said of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats

from onnxinv.baseline import Baseline, Wanted, baseline_json, record
from onnxinv.bounds import INTERIM_LEVEL
from onnxinv.counterparts import Counterparts, match
from onnxinv.covering import Covered
from onnxinv.findings import Finding
from onnxinv.gate import find, is_settled
from onnxinv.measures.parts import measure_part
from onnxinv.result import MeasureSummary, OutputValue, Result
from tests.check.groups import CRITICAL, error_of, limit, loo_means, mean_of, measured, share_of
from tests.reports.results import NV, summary

CONSISTENCY = "top1-consistency"
SPREAD = (0.46, 0.54, 0.5, 0.47, 0.53, 0.5, 0.48, 0.52, 0.49, 0.51)
HALF = CRITICAL[10] * error_of(SPREAD)


def shifted(by: float, numbers: Sequence[float] = SPREAD) -> list[float]:
    return [each + by for each in numbers]


def judged(found: MeasureSummary | OutputValue | None, against: Result | None = None, **keys: object) -> Finding:
    """Return the finding of one limit on one value, held against that of an earlier result where there is one."""
    groups = keys.pop("groups", 10)
    if isinstance(found, OutputValue):
        result = measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: found}, groups=groups)
        covered = limit("output", measure=CONSISTENCY, **keys)
    else:
        assert found is not None
        result, covered = measured({"y": found}, groups=groups), limit("y", **keys)
    return find("r", [covered], result, against and recorded(against, covered))[0]


def recorded(earlier: Result, *covered: Covered, looks: Sequence[Result] = ()) -> Counterparts:
    """Return a baseline of a result, having been written and read again."""
    named = [each for each in covered if not each.part.of_output]
    layers = {each.part.key: [one.limit.of for one in named if one.part.key == each.part.key] for each in named}
    outputs = [each.part.key for each in covered if each.part.of_output]
    run = record(earlier, looks, Wanted(layers, outputs, {each.part.key: each.part.bounds for each in covered}))
    kept = Baseline.model_validate_json(baseline_json({"r": run})).runs["r"]
    return match(Path("b.json"), kept, earlier.layers, "auto")


def earlier(numbers: Sequence[float] = SPREAD, **fields: object) -> Result:
    return measured({"y": mean_of(numbers)}, **fields)


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


def infinite() -> MeasureSummary:
    empty = dict.fromkeys(("mean", "median", "p95"))
    return summary(None, half=None, inf=4).model_copy(update={"finite": 0, "ci": empty, "loo": empty})


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


def paired_interval(old: Sequence[float], new: Sequence[float], factor: float, shift: float) -> tuple[float, float]:
    """Return middle and error of new - (factor old + shift), by the definition of the jackknife."""
    groups = len(old)
    left = [b - factor * a - shift for a, b in zip(loo_means(old), loo_means(new), strict=True)]
    plain = sum(new) / groups - factor * sum(old) / groups - shift
    mean = sum(left) / groups
    bias = (groups - 1) * (mean - plain)
    return plain - bias, math.sqrt((groups - 1) / groups * sum((each - mean) ** 2 for each in left))


NEW = (0.49, 0.55, 0.53, 0.5, 0.54, 0.53, 0.49, 0.56, 0.5, 0.55)


@pytest.mark.parametrize(
    ("allowed", "factor", "shift"), [pytest.param("6%", 1.06, 0, id="relative"), pytest.param(0.03, 1, 0.03, id="abs")]
)
def test_on_the_same_samples_the_difference_is_taken_group_by_group(allowed, factor, shift):
    found = judged(mean_of(NEW), earlier(), max_regression=allowed)
    middle, se = paired_interval(SPREAD, NEW, factor, shift)
    bound = factor * 0.5 + shift
    assert (found.bound, found.baseline, found.below) == (pytest.approx(bound), pytest.approx(0.5), True)
    assert found.value == pytest.approx(bound + middle)
    half = CRITICAL[10] * se
    assert found.ci == pytest.approx((bound + middle - half, bound + middle + half), abs=1e-6)
    assert found.status == ("held" if middle + half < 0 else "broken" if middle - half > 0 else "uncertain")


@pytest.mark.parametrize(("digest", "pairs"), [("1" * 64, True), ("3" * 64, False)])
def test_after_some_groups_the_difference_is_from_what_was_known_of_the_same_ones(digest, pairs):
    covered = limit("y", max_regression=0.03)
    look = measured({"y": mean_of(SPREAD[:5])}, groups=5, samples=50)
    now = measured({"y": mean_of(NEW[:5])}, groups=5, samples=50, digest=digest)
    found = find(
        "r", [covered], now, recorded(measured({"y": mean_of(SPREAD)}, digest="2" * 64), covered, looks=[look])
    )
    middle, se = paired_interval(SPREAD[:5], NEW[:5], 1, 0.03)
    apart = math.hypot(error_of(NEW[:5]), error_of(SPREAD))
    known = sum(SPREAD[:5]) / 5 if pairs else sum(SPREAD) / 10
    half = CRITICAL[5] * (se if pairs else apart)
    assert found[0].baseline == pytest.approx(known)
    assert found[0].ci == pytest.approx([sum(NEW[:5]) / 5 - half, sum(NEW[:5]) / 5 + half])
    assert not pairs or sum(found[0].ci) / 2 == pytest.approx(known + 0.03 + middle)


@pytest.mark.parametrize("digest", ["1" * 64, "2" * 64])
def test_the_bias_of_both_values_is_taken_off(digest):
    before = measured({"y": mean_of(SPREAD, bias=0.0625)}, digest=digest)
    found = judged(mean_of(NEW, bias=0.125), before, max_regression=0.25)
    assert found.baseline == pytest.approx(0.5 - 0.0625)
    assert found.bound == pytest.approx(0.5 - 0.0625 + 0.25)
    assert found.value == pytest.approx(sum(NEW) / 10 - 0.125)


def test_on_other_samples_the_variances_add_up():
    found = judged(mean_of(NEW), earlier(digest="2" * 64), max_regression="6%")
    se = math.hypot(1.06 * error_of(SPREAD), error_of(NEW))
    middle = sum(NEW) / 10
    assert found.bound == pytest.approx(0.53)
    assert found.ci == pytest.approx((middle - CRITICAL[10] * se, middle + CRITICAL[10] * se), abs=1e-6)
    assert judged(mean_of(NEW), earlier(), max_regression="6%").ci != pytest.approx(found.ci, abs=1e-4)


@pytest.mark.parametrize(
    ("by", "allowed", "status"),
    [
        pytest.param(0.04, "5%", "broken", id="by more than 5 % of it"),
        pytest.param(0.04, "9%", "held", id="by less than 9 % of it"),
        pytest.param(0.04, 0.03, "broken", id="by more than 0.03"),
        pytest.param(0.04, 0.05, "held", id="by less than 0.05"),
        pytest.param(-0.2, 0, "held", id="better"),
    ],
)
def test_lower_is_more_invariant_so_that_rising_is_a_regression(by, allowed, status):
    assert judged(mean_of(shifted(by)), earlier(), max_regression=allowed).status == status


@pytest.mark.parametrize(
    ("by", "allowed", "status"),
    [(-0.04, "5%", "broken"), (-0.04, "9%", "held"), (-0.04, 0.03, "broken"), (-0.04, 0.05, "held"), (0.2, 0, "held")],
)
def test_higher_is_more_invariant_so_that_falling_is_a_regression(by, allowed, status):
    before = measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: share_of(SPREAD)})
    found = judged(share_of(shifted(by)), before, max_regression=allowed)
    assert (found.status, found.below) == (status, False)


@pytest.mark.parametrize(("by", "status"), [(0.04, "held"), (0.06, "broken"), (-0.3, "held")])
def test_a_share_of_a_negative_value_still_allows_less_invariance(by, status):
    covered = limit("y", max_regression="10%")
    kept = recorded(earlier([each - 1.0 for each in SPREAD]), covered)
    found = find("r", [covered], measured({"y": mean_of(shifted(by - 1.0))}), kept)[0]
    assert found.bound == pytest.approx(-0.45)
    assert found.status == status


ODD = [1 / 3 + each / 7 for each in SPREAD]


@pytest.mark.parametrize("of", ["mean", "median", "p95", "max"])
@pytest.mark.parametrize("allowed", [0, "0%", "5%"])
def test_the_same_model_again_has_not_regressed_although_the_file_keeps_fewer_digits(of, allowed):
    again = mean_of(ODD, max=1 / 3)
    assert judged(again, measured({"y": again}), of=of, max_regression=allowed).status == "held"


@pytest.mark.parametrize("numbers", [[2 / 3] * 10, [1.0] * 10, [0.0] * 10, [2 / 3, 1.0] * 5])
def test_the_same_shares_again_have_not_regressed(numbers):
    share = share_of(numbers)
    before = measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: share})
    assert judged(share, before, max_regression=0).status == "held"


@pytest.mark.parametrize(
    ("new", "allowed", "status"),
    [
        pytest.param(1.0, 0.04, "held", id="all of 100 samples: at least 96 % are"),
        pytest.param(1.0, 0.03, "uncertain", id="but not surely 97 %"),
        pytest.param(0.0, 0.9, "broken", id="none: at most 4 % are"),
    ],
)
def test_on_other_samples_equal_shares_have_the_interval_of_clopper_and_pearson(new, allowed, status):
    before = measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: share_of([1.0] * 10)}, digest="2" * 64)
    assert judged(share_of([new] * 10), before, max_regression=allowed).status == status


def test_what_the_baseline_does_not_have_is_not_applicable():
    kept = recorded(earlier(), limit("y", max_regression=0))
    wide = measured({"y": mean_of(SPREAD), "z": mean_of(SPREAD)})
    found = find("r", [limit("z", max_regression=0)], wide, kept)[0]
    assert (found.status, found.reason) == ("not-applicable", "the baseline has no layer like it")
    found = judged(mean_of(SPREAD), measured({"y": infinite()}), max_regression=0)
    assert (found.status, found.reason) == ("not-applicable", "the baseline has no finite value")


def test_what_has_become_infinite_has_regressed():
    found = judged(infinite(), earlier(), max_regression="50%")
    assert (found.status, found.value, found.bound) == ("broken", None, pytest.approx(0.75))


def test_a_baseline_without_interval_leaves_it_undecided():
    covered = limit("y", max_regression="5%")
    bare = mean_of(SPREAD, se=None, bias=None)
    kept = recorded(measured({"y": bare.model_copy(update={"loo": dict.fromkeys(bare.loo)})}), covered)
    found = find("r", [covered], earlier(), kept)[0]
    assert found.status == "uncertain"
    assert found.reason == "the baseline has no interval to go with its value, or one of other groups"


def test_without_a_baseline_regressions_are_left_out():
    assert [each.kind for each in find("r", [limit("y", max=1, max_regression=0)], earlier(), None)] == ["max"]


def test_regressions_are_of_the_samples_of_the_baseline_and_judged_at_the_usual_level():
    covered = limit("y", max=0.9, max_regression=0.04)
    more = measured({"y": mean_of(shifted(0.3))}, digest="3" * 64, samples=200)
    of_the_baseline = measured({"y": mean_of(NEW)})
    found = find("r", [covered], more, recorded(earlier(), covered), paired=of_the_baseline, level=INTERIM_LEVEL)
    assert [(each.kind, each.status, each.value) for each in found] == [
        ("max", "held", pytest.approx(0.8)), ("max-regression", "held", pytest.approx(0.524)),
    ]  # fmt: skip
    interim = find("r", [covered], of_the_baseline, recorded(earlier(), covered), level=INTERIM_LEVEL)
    assert interim[1].status == "uncertain"


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
