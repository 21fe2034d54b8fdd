"""Small tensors that never change are known without running the model; nothing else is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.constants import known_values
from tests.model.onnx_text import parse

HEAD = "g (float[N, 3, 5] x) => (float[N, 3, 5] y) "


@pytest.mark.parametrize(
    ("nodes", "weights", "expected"),
    [
        pytest.param("c = Shape <start = 1> (x)", {}, [3, 5], id="the fixed part of a shape"),
        pytest.param("s = Shape(x)  c = Gather(s, k)", {"k": np.array([2, 1])}, [5, 3], id="fixed lengths"),
        pytest.param(
            "s = Shape(x)  t = Slice(s, k, e)  c = ReduceProd <keepdims = 0> (t)",
            {"k": np.array([1]), "e": np.array([2**63 - 1])},
            15,
            id="a product of fixed lengths",
        ),
        pytest.param("t = Transpose <perm = [2, 0, 1]> (x)  s = Shape(t)  c = Gather(s, k)", {"k": np.array(0)}, 5,
                     id="the shape of what a node makes"),
        pytest.param("s = Shape <start = 1> (x)  t = Concat <axis = 0> (s, k)  c = Sub(t, k)", {"k": np.array([1])},
                     [2, 4, 0], id="a sum over what was joined"),
        pytest.param("c = Where(k, a, b)", {"k": np.array([True, False]), "a": np.array(1.0), "b": np.array(2.0)},
                     [1, 2], id="a choice"),
        pytest.param("c = Constant <value_int = 7> ()", {}, 7, id="a Constant given as a number"),
        pytest.param("q = Unsqueeze(k, z)  c = Squeeze(q, z)", {"k": np.array([4]), "z": np.array([0])}, [4],
                     id="axes added and removed"),
    ],
)  # fmt: skip
def test_what_is_computed_from_constants_and_fixed_shapes_is_known(nodes, weights, expected):
    model = parse(HEAD + f"{{ {nodes}  y = Relu(x) }}", **weights)
    np.testing.assert_array_equal(known_values(model, ["c"])["c"], expected)


@pytest.mark.parametrize(
    ("nodes", "weights"),
    [
        pytest.param("c = Shape(x)", {}, id="a shape with a free length"),
        pytest.param("s = Shape(x)  c = Gather(s, k)", {"k": np.array(0)}, id="a free length"),
        pytest.param("s = Shape(x)  t = Gather(s, k)  c = Add(t, k)", {"k": np.array(0)}, id="computed from one"),
        pytest.param("s = Shape <end = 1> (x)  c = Gather(k, s)", {"k": np.arange(5)}, id="chosen by one"),
        pytest.param("s = Shape <end = 1> (x)  c = ConstantOfShape(s)", {}, id="as long as one"),
        pytest.param("c = ConstantOfShape(k)", {"k": np.array([10**6, 10**6])}, id="too large to make"),
        pytest.param("c = Identity(k)", {"k": np.zeros(65)}, id="larger than what is followed"),
        pytest.param("c = ReduceSum <keepdims = 0> (x)", {}, id="computed from the input"),
        pytest.param("c = Gather(k, i)", {"k": np.arange(3), "i": np.array(9)}, id="computed from a damaged node"),
        pytest.param("c = RandomNormal <shape = [1]> ()", {}, id="drawn at random"),
    ],
)
def test_what_may_change_or_is_large_is_not_known(nodes, weights):
    model = parse(HEAD + f"{{ {nodes}  y = Relu(x) }}", **weights)
    assert known_values(model, ["c"]) == {}


def test_weights_in_another_file_are_not_read():
    model = parse(HEAD + "{ c = Identity(k)  y = Relu(x) }", k=np.array(True))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="nowhere.bin")
    assert known_values(model, ["c", "k"]) == {}


def test_the_shape_of_a_weight_in_another_file_is_known():
    model = parse(HEAD + "{ s = Shape(k)  c = Gather(s, z)  y = Relu(x) }", k=np.zeros((6, 2)), z=np.array(0))
    tensor = next(one for one in model.graph.initializer if one.name == "k")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="nowhere.bin")
    assert known_values(model, ["c"])["c"] == 6
