"""Results against a baseline: what has regressed, what has not, and what cannot be said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from onnxinv.bounds import INTERIM_LEVEL
from onnxinv.gate import find
from tests.check.groups import CRITICAL, error_of, limit, loo_means, mean_of, measured, share_of
from tests.check.judging import CONSISTENCY, SPREAD, earlier, infinite, judged, recorded, shifted


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
