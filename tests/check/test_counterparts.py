"""Which layer of a baseline each layer of a model is held against."""

from __future__ import annotations

from pathlib import Path

import pytest

from onnxinv.baseline import Wanted, record
from onnxinv.counterparts import Counterparts, match
from onnxinv.errors import UsageError
from onnxinv.result import Result
from tests.check.groups import mean_of, measured
from tests.reports.results import NV, layer, result_of

NUMBERS = [0.4, 0.5, 0.6] * 3 + [0.5]
OPS = ("Conv", "Relu", "Conv", "Relu", "Gemm")
NAMES = ("conv1", "relu1", "conv2", "relu2", "fc")


def network(names: tuple[str, ...] = NAMES, ops: tuple[str, ...] = OPS, labels: tuple[str, ...] = ()) -> Result:
    """Return a result of layers with these tensor names, operators and labels."""
    called = labels or names
    made = [
        layer(place, name, {NV: mean_of(NUMBERS)}, op=op, label=label)
        for place, (name, op, label) in enumerate(zip(names, ops, called, strict=True))
    ]
    return result_of(made, path="old.onnx")


def matched(old: Result, new: Result, how: str = "auto") -> Counterparts:
    kept = record(old, [], Wanted({NV: ["mean"]}, [], {NV: (0.0, float("inf"))}))
    return match(Path("b.json"), kept, new.layers, how)


def pairs(found: Counterparts) -> dict[str, str]:
    return {name: each.layer.name for name, each in found.layers.items()}


def test_the_same_model_is_matched_name_by_name_and_nothing_is_said():
    found = matched(network(), network())
    assert pairs(found) == dict(zip(NAMES, NAMES, strict=True))
    assert (found.renamed, found.lost) == ({}, [])
    assert {each.renamed for each in found.layers.values()} == {""}


def test_tensors_with_other_names_and_the_same_labels_are_not_said_to_be_renamed():
    new = network(tuple(f"/graph/{name}_output_0" for name in NAMES), labels=NAMES)
    found = matched(network(), new)
    assert list(pairs(found).values()) == list(NAMES)
    assert found.renamed == {}


def test_layers_that_were_renamed_are_found_and_told_with_how():
    fresh = ("stem", "act1", "body", "act2", "head")
    found = matched(network(), network(fresh))
    assert pairs(found) == dict(zip(fresh, NAMES, strict=True))
    assert set(found.renamed) == set(fresh)
    assert found.renamed["stem"].startswith("conv1 (matched by ")
    assert found.layers["stem"].renamed == found.renamed["stem"]


def test_layers_that_the_model_lost_are_listed():
    found = matched(network(), network(("conv1", "relu1", "fc"), ("Conv", "Relu", "Gemm")))
    assert pairs(found) == {name: name for name in ("conv1", "relu1", "fc")}
    assert found.lost == ["conv2", "relu2"]


def test_a_layer_that_the_baseline_lacks_has_no_counterpart():
    found = matched(network(("conv1", "relu1", "fc"), ("Conv", "Relu", "Gemm")), network())
    assert set(pairs(found)) == {"conv1", "relu1", "fc"}


def test_a_baseline_of_another_model_is_refused():
    other = network(("a", "b", "c", "d", "e"), ("LSTM", "Softmax", "LSTM", "Softmax", "LSTM"))
    with pytest.raises(UsageError) as refused:
        matched(other, network())
    assert refused.value.message == (
        "The baseline 'b.json' is of another model, 'old.onnx': 0 of its 5 layers correspond to layers of this one."
    )
    assert "--update-baseline" in refused.value.hint


@pytest.mark.parametrize(("shared", "accepted"), [(3, True), (2, False)])
def test_half_of_the_layers_must_correspond(shared, accepted):
    old = network(NAMES[:shared] + ("p", "q", "r")[shared - 2 :], OPS[:shared] + ("LSTM",) * (5 - shared))
    if accepted:
        assert set(pairs(matched(old, network()))) == set(NAMES[:shared])
    else:
        with pytest.raises(UsageError, match="2 of its 5 layers correspond"):
            matched(old, network())


def test_a_map_says_which_layers_correspond(tmp_path):
    path = tmp_path / "map.toml"
    lines = [f'"{old}" = "{new}"' for old, new in zip(NAMES, ("x", "y", "conv1", "relu1", "z"), strict=True)]
    path.write_text("[pairs]\n" + "\n".join(lines) + "\n")
    found = matched(network(), network(("x", "y", "conv1", "relu1", "z")), str(path))
    assert pairs(found) == {"x": "conv1", "y": "relu1", "conv1": "conv2", "relu1": "relu2", "z": "fc"}


def test_an_unknown_way_to_align_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"There is no way to align layers called 'nmae'\. Did you mean 'name'\?"):
        matched(network(), network(), "nmae")


@pytest.mark.parametrize(
    ("change", "paired"),
    [
        pytest.param({}, True, id="all the same"),
        pytest.param({"digest": "2" * 64}, False, id="other samples"),
        pytest.param({"samples": 99}, False, id="fewer samples"),
        pytest.param({"groups": 5}, False, id="other groups"),
    ],
)
def test_differences_are_taken_group_by_group_only_on_the_same_samples(change, paired):
    old = measured({"y": mean_of(NUMBERS)})
    assert matched(old, old).is_paired(measured({"y": mean_of(NUMBERS)}, **change)) is paired


def test_another_seed_makes_other_groups():
    old = measured({"y": mean_of(NUMBERS)})
    data = old.meta.data.model_copy(update={"seed": 1})
    meta = old.meta.model_copy(update={"data": data})
    assert not matched(old, old).is_paired(Result(old.document.model_copy(update={"meta": meta}), old.units))
