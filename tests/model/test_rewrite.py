import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model.rewrite import expose, reads
from tests.model.onnx_text import parse, run
from tests.networks import DIGITS, SHIPPED

X = np.array([[-1, 0, 2], [3, -4, 5]], np.float32)
W = np.array([1, 2, 3], np.float32)

CHAIN = """g (float[N, 3] x) => (float[N, 3] y) <float[3] w = {1, 2, 3}> {
    a = Add(x, w)  b = Relu(a)  c = Sigmoid(b)  y = Neg(c)
}"""

BRANCHES = """g (float[N, 3] x, bool cond) => (float[N, 3] y) {
    a = Relu(x)  b = Neg(x)  unused = Abs(x)
    h = If(cond) <
        then_branch = t () => (float[N, 3] p) { p = Add(a, a) },
        else_branch = e () => (float[N, 3] q) {
            q = If(cond) <then_branch = tt () => (float[N, 3] r) { r = Identity(a) },
                          else_branch = ee () => (float[N, 3] s) { s = Sigmoid(b) }>
        }>
    y = Tanh(h)
}"""

LOOP = """g (float[N, 3] x) => (float[N, 3] y) {
    step = Sigmoid(x)  unused = Abs(x)
    count = Constant<value = int64 {3}>()  keep = Constant<value = bool {1}>()
    y = Loop(count, keep, x) <body = l (int64 i, bool k, float[N, 3] state) => (bool k2, float[N, 3] next) {
        k2 = Identity(k)  next = Add(state, step)
    }>
}"""


def outputs(model: onnx.ModelProto) -> list[str]:
    return [value.name for value in model.graph.output]


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_intermediate_tensors_become_outputs_in_the_order_asked_for():
    exposed = expose(parse(CHAIN), ["b", "y", "a"])
    assert outputs(exposed.proto) == ["b", "y", "a"]
    assert exposed.outputs == {"b": "b", "y": "y", "a": "a"}
    b, y, a = run(exposed.proto, {"x": X})
    np.testing.assert_array_equal(a, X + W)
    np.testing.assert_array_equal(b, np.maximum(a, 0))
    np.testing.assert_array_equal(y, run(parse(CHAIN), {"x": X})[0])


def test_the_original_is_not_changed():
    model = parse(CHAIN)
    before = model.SerializeToString()
    expose(model, ["x", "b", "w"])
    assert model.SerializeToString() == before


def test_nodes_that_no_tensor_needs_are_dropped_and_the_others_keep_their_order():
    assert operators(expose(parse(CHAIN), ["b"]).proto) == ["Add", "Relu"]
    assert operators(expose(parse(CHAIN), ["y", "a"]).proto) == ["Add", "Relu", "Sigmoid", "Neg"]


def test_an_input_that_no_remaining_node_reads_may_still_be_fed():
    model = parse("g (float[N, 3] x, float[N, 3] z) => (float[N, 3] y) { a = Relu(x)  y = Add(a, z) }")
    exposed = expose(model, ["a"])
    np.testing.assert_array_equal(run(exposed.proto, {"x": X, "z": X})[0], np.maximum(X, 0))


def test_an_input_is_passed_through_a_copy():
    exposed = expose(parse(CHAIN), ["x", "a"])
    assert exposed.outputs["x"] != "x"
    x, a = run(exposed.proto, {"x": X}, list(exposed.outputs.values()))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(a, X + W)


def test_an_initialiser_is_passed_through_a_copy():
    exposed = expose(parse(CHAIN), ["w"])
    np.testing.assert_array_equal(run(exposed.proto, {"x": X})[0], [1, 2, 3])


def test_an_input_that_is_directly_an_output_is_passed_through_a_copy():
    model = parse("g (float[N, 3] x) => (float[N, 3] x, float[N, 3] y) { y = Relu(x) }")
    exposed = expose(model, ["x", "y"])
    assert "x" not in outputs(exposed.proto)
    np.testing.assert_array_equal(run(exposed.proto, {"x": X})[0], X)


def test_a_tensor_listed_twice_is_one_output():
    assert outputs(expose(parse(CHAIN), ["a", "x", "a", "x"]).proto) == ["a", "x/exposed"]
    twice = parse("g (float[N, 3] x) => (float[N, 3] y, float[N, 3] y) { y = Relu(x) }")
    assert outputs(expose(twice, outputs(twice)).proto) == ["y"]


def test_an_output_keeps_its_declaration_and_others_have_just_a_name():
    exposed = expose(parse(CHAIN), ["y", "a"]).proto
    assert exposed.graph.output[0] == parse(CHAIN).graph.output[0]
    assert exposed.graph.output[1] == onnx.ValueInfoProto(name="a")


@pytest.mark.parametrize("tensors", [["b"], ["x", "y"], ["w", "x", "a"], ["y", "x", "y"], ["x"]], ids="-".join)
def test_exposing_the_same_again_changes_nothing(tensors):
    once = expose(parse(CHAIN), tensors)
    again = expose(once.proto, tensors)
    assert again.proto.SerializeToString() == once.proto.SerializeToString()
    assert again.outputs == once.outputs


def test_exposing_the_outputs_of_the_result_again_changes_nothing():
    once = expose(parse(CHAIN), ["x", "b"]).proto
    assert expose(once, outputs(once)).proto.SerializeToString() == once.SerializeToString()


@pytest.mark.parametrize("name", ["x/exposed", "x/exposed_"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("g (float[N, 3] x) => (float[N, 3] y) { taken = Relu(x)  y = Neg(taken) }", id="node"),
        pytest.param("g (float[N, 3] x, float[N, 3] taken) => (float[N, 3] y) { y = Add(x, taken) }", id="input"),
        pytest.param(
            """g (float[N, 3] x) => (float[N, 3] y) {
                c = Constant<value = bool {1}>()
                y = If(c) <then_branch = t () => (float[N, 3] p) { taken = Relu(x)  p = Neg(taken) },
                           else_branch = e () => (float[N, 3] q) { q = Abs(x) }>
            }""",
            id="body",
        ),
    ],
)
def test_the_copy_of_an_input_takes_a_name_that_is_free(text, name):
    model = parse(text)
    _rename(model.graph, "taken", name)
    feeds = {value.name: X for value in model.graph.input}
    exposed = expose(model, ["x", "y"])
    assert exposed.outputs["x"] != name
    x, y = run(exposed.proto, feeds)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, run(model, feeds)[0])


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for value in graph.input:
        value.name = new if value.name == old else value.name
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _rename(attribute.g, old, new)


def test_an_identity_of_the_input_that_is_asked_for_itself_is_not_the_inputs_copy_too():
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Identity(x) }")
    exposed = expose(model, ["x", "y"])
    assert len(set(exposed.outputs.values())) == 2
    assert expose(exposed.proto, ["x", "y"]).proto.SerializeToString() == exposed.proto.SerializeToString()


def test_two_inputs_have_two_copies():
    model = parse("g (float[N, 3] x, float[N, 3] z) => (float[N, 3] y) { y = Sub(x, z) }")
    x, z, _ = run(expose(model, ["x", "z", "y"]).proto, {"x": X, "z": -X})
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(z, -X)


@pytest.mark.parametrize("cond", [True, False])
def test_what_the_bodies_of_an_if_read_from_outside_is_kept(cond):
    model = parse(BRANCHES)
    exposed = expose(model, ["h", "y"])
    assert operators(exposed.proto) == ["Relu", "Neg", "If", "Tanh"]
    feeds = {"x": X, "cond": np.array(cond)}
    np.testing.assert_array_equal(run(exposed.proto, feeds)[1], run(model, feeds)[0])


def test_what_the_body_of_a_loop_reads_from_outside_is_kept():
    model = parse(LOOP)
    exposed = expose(model, ["y"])
    assert "Abs" not in operators(exposed.proto)
    np.testing.assert_array_equal(run(exposed.proto, {"x": X})[0], run(model, {"x": X})[0])


def test_a_body_reads_what_it_takes_from_outside_and_not_what_it_makes():
    branch = next(node for node in parse(BRANCHES).graph.node if node.op_type == "If")
    assert reads(branch) == {"cond", "a", "b"}
    loop = next(node for node in parse(LOOP).graph.node if node.op_type == "Loop")
    assert reads(loop) == {"count", "keep", "x", "step"}


def test_a_body_may_hand_out_a_tensor_from_outside_as_it_is():
    branch = next(node for node in parse(BRANCHES).graph.node if node.op_type == "If")
    branch.attribute[0].g.output[0].name = "c"
    assert reads(branch) == {"cond", "a", "b", "c"}


def test_stale_shapes_are_removed():
    model = parse(CHAIN)
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [7, 7]))
    exposed = expose(model, ["b"]).proto
    assert not exposed.graph.value_info
    assert run(exposed, {"x": X})[0].shape == (2, 3)


def test_a_sparse_initialiser_is_a_tensor_of_the_graph():
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, s) }")
    values = onnx.numpy_helper.from_array(np.array([5], np.float32), "s")
    indices = onnx.numpy_helper.from_array(np.array([1], np.int64))
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, indices, [3]))
    np.testing.assert_array_equal(run(expose(model, ["s"]).proto, {"x": X})[0], [0, 5, 0])


@pytest.mark.parametrize("name", ["nothing", "", "p", "X"])
def test_a_tensor_that_is_not_in_the_graph_is_an_error(name):
    with pytest.raises(ModelError, match=f"no tensor '{name}'"):
        expose(parse(BRANCHES), ["y", name])


def test_asking_for_no_tensor_is_an_error():
    with pytest.raises(ModelError):
        expose(parse(CHAIN), [])


def test_optional_outputs_that_are_left_out_need_no_node():
    model = parse(
        "g (float[N, 4] x) => (float[N, 2] y) { a, b = Split<axis = 1>(x)  y, k = TopK(a, n) }", n=np.array([2])
    )
    model.graph.node[1].output[1] = ""
    exposed = expose(model, ["b"])
    assert operators(exposed.proto) == ["Split"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_computes_the_same_with_every_tensor_exposed(path):
    model = onnx.load(path)
    names = ["image", *(name for node in model.graph.node for name in node.output)]
    feeds = {"image": np.load(DIGITS)["x"][:3].reshape(3, 1, 28, 28).astype(np.float32)}
    found = run(expose(model, names).proto, feeds)
    assert len(found) == len(names)
    np.testing.assert_array_equal(found[0], feeds["image"])
    np.testing.assert_array_equal(found[-1], run(model, feeds)[0])
