"""Models that leave out shapes are taken as the runtime takes them; whatever else breaks the specification is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model.load import load
from onnxinv.model.specification import check_specification
from tests.model.onnx_text import loaded, parse, run, save

TEXT = "g (float[N, 3] x) => (float[N, 3] y) { h = Add(x, w)  y = Relu(h) }"
WEIGHTS = np.array([1, 2, 3], np.float32)


def model(*changes: Callable[[onnx.GraphProto], object]) -> onnx.ModelProto:
    made = parse(TEXT, w=WEIGHTS)
    for change in changes:
        change(made.graph)
    return made


def no_input_shape(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.ClearField("shape")


def no_output_shape(graph: onnx.GraphProto) -> None:
    graph.output[0].type.tensor_type.ClearField("shape")


def no_output_type(graph: onnx.GraphProto) -> None:
    graph.output[0].ClearField("type")


def inner_without_shape(graph: onnx.GraphProto) -> None:
    graph.value_info.append(onnx.helper.make_tensor_value_info("h", onnx.TensorProto.FLOAT, None))


def external(graph: onnx.GraphProto) -> None:
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")


def unknown_operator(graph: onnx.GraphProto) -> None:
    graph.node[1].op_type = "Rleu"


BARE = [
    pytest.param([no_input_shape], id="an input"),
    pytest.param([no_output_shape], id="an output"),
    pytest.param([no_output_type], id="an output, nor a type"),
    pytest.param([inner_without_shape], id="an inner tensor"),
    pytest.param([no_input_shape, no_output_type, inner_without_shape], id="all of them"),
]


@pytest.mark.parametrize("outside", [False, True], ids=["weights inside", "weights outside"])
@pytest.mark.parametrize("changes", BARE)
def test_a_model_without_shapes_is_loaded_and_computes_the_same(tmp_path, changes, outside):
    (tmp_path / "w.bin").write_bytes(WEIGHTS.tobytes())
    found = loaded(tmp_path, model(*changes, *[external] * outside))
    assert [info.name for info in found.inputs] == ["x"]
    assert (found.inputs[0].shape == []) is (no_input_shape in changes)
    if not outside:
        x = np.array([[-5, 0, 5], [1, -9, 2]], np.float32)
        np.testing.assert_array_equal(run(found.proto, {"x": x}, ["y"])[0], np.maximum(x + WEIGHTS, 0))


@pytest.mark.parametrize("changes", BARE)
def test_the_check_leaves_a_model_as_it_was(changes):
    made = model(*changes)
    before = made.SerializeToString(deterministic=True)
    check_specification(Path("m.onnx"), made, external=False)
    assert made.SerializeToString(deterministic=True) == before
    unknown_operator(made.graph)
    before = made.SerializeToString(deterministic=True)
    with pytest.raises(ModelError):
        check_specification(Path("m.onnx"), made, external=False)
    assert made.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("outside", [False, True], ids=["weights inside", "weights outside"])
def test_a_lack_of_shapes_hides_nothing_else(tmp_path, outside):
    (tmp_path / "w.bin").write_bytes(WEIGHTS.tobytes())
    broken = model(no_input_shape, no_output_shape, unknown_operator, *[external] * outside)
    with pytest.raises(ModelError, match=r"breaks the ONNX specification: .*Rleu"):
        load(save(tmp_path, broken))


def test_external_weights_must_still_be_there(tmp_path):
    with pytest.raises(ModelError, match=r"kept in the file 'w\.bin', which is missing"):
        load(save(tmp_path, model(no_input_shape, external)))


def test_an_input_without_a_type_is_refused(tmp_path):
    with pytest.raises(ModelError, match="breaks the ONNX specification: Field 'type' of 'value_info' is required"):
        load(save(tmp_path, model(lambda graph: graph.input[0].ClearField("type"))))
