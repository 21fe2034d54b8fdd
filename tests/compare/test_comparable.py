"""Which results can be compared, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest

from onnxinv.comparable import check_comparable, in_the_same_groups, names_of
from onnxinv.errors import UsageError
from onnxinv.result import Result
from tests.reports.results import NV, layer, result_of, summary


def made(path: str, **parts: dict[str, Any]) -> Result:
    """Return a result of one layer with other fields in parts of its provenance."""
    result = result_of([layer(0, "x", {NV: summary(1.0)})], path=path)
    meta = result.meta
    for part, fields in parts.items():
        meta = meta.model_copy(update={part: getattr(meta, part).model_copy(update=fields)})
    return Result(result.document.model_copy(update={"meta": meta}), result.units)


def refusal(*results: Result) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check_comparable(results)
    return caught.value


def test_results_of_the_same_samples_and_transforms_can_be_compared():
    check_comparable([made("a.onnx"), made("b.onnx"), made("c.onnx")])


def test_where_data_and_transforms_were_found_does_not_matter():
    other = made(
        "b.onnx", data={"source": "/elsewhere/digits.npz"}, transforms={"spec": ["rotation:steps=2,degrees=360"]}
    )
    check_comparable([made("a.onnx"), other])


@pytest.mark.parametrize("count", [0, 1])
def test_one_model_alone_is_refused(count):
    error = refusal(*[made("a.onnx")] * count)
    assert error.hint


def test_other_samples_are_refused_with_both_sources():
    other = made("b.onnx", data={"digest": "2" * 64, "source": "faces.npz", "samples": 30})
    message = refusal(made("a.onnx"), made("c.onnx"), other).message
    assert message == (
        "'a.onnx' and 'b.onnx' were measured on different samples: 20 of 'digits.npz' and 30 of 'faces.npz'."
    )


def test_other_transforms_are_refused_with_both_specifications():
    parts = {"spec": ["scale:steps=2", "flip"], "items": [{"name": "identity"}, {"name": "flip"}]}
    message = refusal(made("a.onnx"), made("b.onnx", transforms=parts)).message
    assert (
        message
        == "'a.onnx' and 'b.onnx' were measured under different transforms: rotation:steps=2 and scale:steps=2 x flip."
    )


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        pytest.param("aggregate", "unit", "--aggregate: channel and unit.", id="aggregate"),
        pytest.param("stratify", True, "--stratify: False and True.", id="stratify"),
    ],
)
def test_other_options_are_refused_by_name(option, value, told):
    message = refusal(made("a.onnx"), made("b.onnx", options={option: value})).message
    assert message.startswith("'a.onnx' and 'b.onnx' ")
    assert message.endswith(told)


@pytest.mark.parametrize(
    ("parts", "same"),
    [
        pytest.param({}, True, id="all alike"),
        pytest.param({"data": {"source": "copy.npz"}}, True, id="another path"),
        pytest.param({"data": {"seed": 1}}, False, id="another seed"),
        pytest.param({"data": {"samples": 19}}, False, id="fewer samples"),
        pytest.param({"options": {"groups": 5}}, False, id="other groups"),
        pytest.param({"options": {"stratify": True}}, False, id="by class"),
    ],
)
def test_groups_are_the_same_where_seed_samples_and_number_are(parts, same):
    assert in_the_same_groups([made("a.onnx"), made("c.onnx"), made("b.onnx", **parts)]) is same


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        pytest.param(["m/a.onnx", "m/b.onnx"], ("a", "b"), id="file names"),
        pytest.param(["v1/net.onnx", "v2/net.onnx"], ("v1/net", "v2/net"), id="folders where file names repeat"),
        pytest.param(["v1/net.onnx", "b.onnx", "net.onnx"], ("v1/net", "b", "net"), id="only where they repeat"),
        pytest.param(["v1/net.onnx"] * 2, ("v1/net (1)", "v1/net (2)"), id="numbers where folders repeat too"),
        pytest.param(["m/a.onnx", "m/b.onnx", "m/a.onnx"], ("m/a (1)", "b", "m/a (3)"), id="only to what repeats"),
    ],
)
def test_every_model_has_a_short_name_of_its_own(paths, names):
    assert names_of(paths) == names
