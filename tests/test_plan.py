"""The plan decides everything before the work, and is the same for the same arguments."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.api import plan
from onnxinv.errors import DataError, OnnxinvError, UsageError
from tests.networks import DIGITS, SHIPPED

FEW = {"samples": 23, "device": "cpu", "threads": 1, "operators": ("Gemm",)}


def test_the_groups_cut_the_samples_evenly_and_without_overlap():
    found = plan(SHIPPED[0], DIGITS, "rotation:steps=2", groups=5, **FEW)
    assert sorted(len(group) for (group,) in found.groups) == [4, 4, 5, 5, 5]
    order = [int(index) for (group,) in found.groups for index in group]
    assert sorted(order) == found.samples.tolist()
    assert order != found.samples.tolist()


def test_there_are_no_more_groups_than_samples():
    assert len(plan(SHIPPED[0], DIGITS, "identity", **{**FEW, "samples": 3}).groups) == 3


def test_the_seed_decides_choice_and_order():
    one, same, other = (plan(SHIPPED[0], DIGITS, "identity", seed=seed, **FEW) for seed in (1, 1, 2))
    assert all(np.array_equal(*first, *second) for first, second in zip(one.groups, same.groups, strict=True))
    assert not np.array_equal(one.samples, other.samples)


def test_a_measure_named_twice_is_taken_once():
    found = plan(SHIPPED[0], DIGITS, "identity", measures=["sample-variance", "sample-variance"], **FEW)
    assert len(found.measures) == 1


def test_each_statistic_is_accumulated_once():
    found = plan(SHIPPED[0], DIGITS, "identity", **FEW)
    for subject in found.subjects.every:
        assert len(set(subject.kinds)) == len(subject.kinds) < sum(len(each.kinds()) for each in subject.measures)


def test_one_transform_is_worth_a_notice():
    assert any("one transform" in notice for notice in plan(SHIPPED[0], DIGITS, "identity", **FEW).notices)
    assert not plan(SHIPPED[0], DIGITS, "rotation:steps=2", **FEW).notices


def test_the_inferences_count_every_pass_over_the_samples(tmp_path):
    few = {"device": "cpu", "threads": 1, "samples": 23, "memory": "40MiB"}
    several = plan(SHIPPED[0], DIGITS, "rotation:steps=3", **few, state=tmp_path / "kept")
    assert len(several.layout.chunks) == several.layout.passes > 1
    assert several.inferences == several.steps == 23 * 3 * several.layout.passes
    one = plan(SHIPPED[0], DIGITS, "rotation:steps=3", **few)
    assert len(one.layout.chunks) > one.layout.passes == 1
    assert (one.inferences, one.steps) == (23 * 3, 23 * 3 * len(one.layout.chunks))


def test_a_small_budget_takes_a_small_batch_before_it_gives_up():
    found = plan(SHIPPED[0], DIGITS, "rotation:steps=3", device="cpu", threads=1, samples=23, memory="32MiB")
    assert found.layout.memory.peak <= 32 << 20


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        pytest.param({"samples": 1}, DataError, "needs 2 samples, and the data gives 1", id="one sample"),
        pytest.param({"samples": 0}, UsageError, "At least one sample", id="no sample"),
        pytest.param({"samples": 5000}, DataError, "fewer than the 5000 asked for", id="too many samples"),
        pytest.param(
            {"layers": ("zonv*",), "operators": ()},
            UsageError,
            "'zonv\\*' fits no layer",
            id="a glob that fits nothing",
        ),
        pytest.param({"operators": ("Cnov",)}, UsageError, "Did you mean 'Conv'", id="an operator that makes nothing"),
        pytest.param(
            {"memory": "1MiB", "operators": ("Conv",)}, UsageError, "the budget is 1 MiB", id="too small a budget"
        ),
        pytest.param({"std": (0.0,)}, UsageError, "std must be above zero", id="a deviation of 0"),
        pytest.param(
            {"channel_axis": {"*": 9}}, OnnxinvError, "9 is outside the shape", id="an axis that is not there"
        ),
        pytest.param({"channel_axis": {"z*": 0}}, OnnxinvError, "'z\\*' fits no layer", id="an axis of no layer"),
    ],
)
def test_is_refused(options, error, reason):
    with pytest.raises(error, match=reason):
        plan(SHIPPED[0], DIGITS, "rotation:steps=2", **{**FEW, **options})


def test_the_value_units_follow_the_aggregate():
    for aggregate, count in {"channel": 1, "unit": 784, "activation-mean": 1, "activation-max": 1}.items():
        found = plan(SHIPPED[0], DIGITS, "identity", aggregate=aggregate, **{**FEW, "operators": ("Input", "Gemm")})
        assert found.subjects.every[0].units.count == count
