"""What exporters leave untidy is put in order, and graphs that cannot be computed are refused with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model.tidy import tidy
from tests.model.onnx_text import loaded, parse, run

X = np.array([[-1, 0, 2]], np.float32)
CHAIN = "g (float[N, 3] x) => (float[N, 3] y) { a = Relu(x)  b = Tanh(a)  y = Neg(b) }"


def reordered(model: onnx.ModelProto, *places: int) -> onnx.ModelProto:
    nodes = [onnx.NodeProto.FromString(model.graph.node[place].SerializeToString()) for place in places]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def named(*names: str) -> onnx.ModelProto:
    model = parse(CHAIN)
    for node, name in zip(model.graph.node, names, strict=True):
        node.name = name
    return model


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(("a", "b", "c"), ["a", "b", "c"], id="different names stay"),
        pytest.param(("", "", ""), ["", "", ""], id="no names stay none"),
        pytest.param(("n", "n", "n"), ["n", "n_1", "n_2"], id="equal names are numbered"),
        pytest.param(("n", "n", "n_1"), ["n", "n_2", "n_1"], id="numbers that are taken are passed over"),
    ],
)
def test_names_of_nodes_are_made_unique(names, expected, tmp_path):
    model = named(*names)
    tidy(model, Path("m.onnx"))
    assert [node.name for node in model.graph.node] == expected
    np.testing.assert_array_equal(run(model, {"x": X})[0], run(parse(CHAIN), {"x": X})[0])


def test_nodes_are_sorted(tmp_path):
    model = loaded(tmp_path, reordered(parse(CHAIN), 2, 0, 1))
    assert [node.op_type for node in model.proto.graph.node] == ["Relu", "Tanh", "Neg"]


def test_what_a_body_reads_from_outside_is_made_before(tmp_path):
    model = parse("""g (float[N, 3] x, bool c) => (float[N, 3] y) {
        a = Relu(x)
        y = If(c) < then_branch = t () => (float[N, 3] o) { o = Exp(a) },
                    else_branch = e () => (float[N, 3] o) { o = Neg(a) } > }""")
    assert [node.op_type for node in loaded(tmp_path, reordered(model, 1, 0)).proto.graph.node] == ["Relu", "If"]


def test_a_stale_declaration_does_not_stop_the_model(tmp_path):
    model = parse(CHAIN)
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("a", onnx.TensorProto.INT64, [7, 7]))
    found = run(loaded(tmp_path, model).proto, {"x": X})[0]
    np.testing.assert_array_equal(found, run(parse(CHAIN), {"x": X})[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "y = Add(x, gone)", "the Add that makes 'y' reads 'gone', which nothing makes", id="dangling input"
        ),
        pytest.param(
            "a = Add(x, b)  b = Relu(a)  y = Neg(b)",
            "in a circle: Add that makes 'a' -> Relu that makes 'b' -> Add that makes 'a'",
            id="circle",
        ),
        pytest.param("y = Add(x, y)", "in a circle: Add that makes 'y' -> Add that makes 'y'", id="circle of one"),
        pytest.param("a = Relu(x)", "nothing makes its output 'y'", id="output that is not made"),
        pytest.param("y = Relu(x)  y = Neg(x)", "'y' is made twice, once by the Neg that makes 'y'", id="made twice"),
        pytest.param("x = Relu(x)  y = Neg(x)", "'x' is made twice, once by the Relu", id="an input that is made"),
    ],
)
def test_a_graph_that_cannot_be_computed_is_refused(text, said, tmp_path):
    with pytest.raises(ModelError) as caught:
        loaded(tmp_path, parse(f"g (float[N, 3] x) => (float[N, 3] y) {{ {text} }}"))
    assert said in caught.value.message
    assert "model.onnx' is broken: " in caught.value.message
    assert "export the model again" in caught.value.hint


def test_a_node_is_called_by_its_name_where_it_has_one(tmp_path):
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, gone) }")
    model.graph.node[0].name = "head/add"
    with pytest.raises(ModelError, match=r"the node 'head/add' \(Add\) reads 'gone'"):
        loaded(tmp_path, model)
