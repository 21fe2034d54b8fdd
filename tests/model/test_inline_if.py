"""An If whose condition is fixed gives place to the branch that it takes, and the model computes what it did."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.inline_if import inline_ifs
from onnxinv.model.layers import candidates
from tests.model.onnx_text import loaded, parse, run

X = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)

BRANCHES = """If(c) <
    then_branch = t () => (float[N, 3] o) { z = Sigmoid(a)  o = Tanh(z) },
    else_branch = e () => (float[N, 3] o) { o = Exp(a) }
>"""


def network(condition: str, *, inputs: str = "float[N, 3] x", branches: str = BRANCHES, **weights: np.ndarray):
    text = f"g ({inputs}) => (float[N, 3] y) {{ a = Relu(x)  {condition}  b = {branches}  y = Neg(b) }}"
    return parse(text, **weights)


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    inline_ifs(changed)
    onnx.checker.check_model(changed, full_check=True)
    return changed


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def assert_computes_the_same(model: onnx.ModelProto, changed: onnx.ModelProto, **feeds: np.ndarray) -> None:
    given = feeds or {"x": X}
    for one, other in zip(run(model, given), run(changed, given), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("condition", "weights", "taken"),
    [
        pytest.param("c = Constant <value = bool {1}> ()", {}, "then", id="a true Constant node"),
        pytest.param("c = Constant <value = bool {0}> ()", {}, "else", id="a false Constant node"),
        pytest.param("", {"c": np.array(True)}, "then", id="an initialiser"),
        pytest.param("", {"c": np.array([False])}, "else", id="an initialiser with one element"),
        pytest.param("d = Identity(k)  c = Not(d)", {"k": np.array(True)}, "else", id="Identity and Not"),
        pytest.param("c = Cast <to = 9> (k)", {"k": np.array(2)}, "then", id="a number cast to bool"),
        pytest.param(
            "d = Size(w)  c = Equal(d, k)", {"w": np.zeros(4), "k": np.array(4)}, "then", id="size of weights"
        ),
        pytest.param(
            "s = Shape(a)  d = Gather <axis = 0> (s, k)  c = Greater(d, two)",
            {"k": np.array(1), "two": np.array(2)},
            "then",
            id="a fixed dimension beside a free one",
        ),
        pytest.param(
            "s = Shape <start = 1> (x)  d = Squeeze(s)  c = Less(d, two)",
            {"two": np.array(2)},
            "else",
            id="a slice of the shape",
        ),
        pytest.param(
            "d = ConstantOfShape <value = bool[1] {1}> (e)  c = And(d, d)",
            {"e": np.zeros(0, np.int64)},
            "then",
            id="a ConstantOfShape",
        ),
    ],
)
def test_the_branch_of_a_fixed_condition_takes_its_place(condition, weights, taken):
    model = network(condition, **weights)
    changed = inlined(model)
    assert "If" not in operators(changed)
    assert ("Sigmoid" in operators(changed), "Exp" in operators(changed)) == (taken == "then", taken == "else")
    assert_computes_the_same(model, changed)


@pytest.mark.parametrize(
    ("condition", "weights"),
    [
        pytest.param(
            "s = ReduceSum <keepdims = 0> (x)  c = Greater(s, k)", {"k": np.array(0, np.float32)}, id="of the samples"
        ),
        pytest.param(
            "s = Shape(a)  d = Gather <axis = 0> (s, k)  c = Greater(d, k)", {"k": np.array(0)}, id="of the batch size"
        ),
        pytest.param("s = Size(a)  c = Greater(s, k)", {"k": np.array(0)}, id="of the size of a batch"),
    ],
)
def test_a_condition_that_may_change_keeps_its_if(condition, weights):
    model = network(condition, **weights)
    assert inline_ifs(model) == 0
    assert "If" in operators(model)


def test_a_declared_shape_that_the_runtime_does_not_enforce_decides_nothing():
    model = parse("""g (float[N, 3] x, int64[2] s) => (float[N, 3] y, float[2, 3] r) {
        a = Relu(x)  r = Reshape(a, s)  d = Shape(r)  zero = Constant <value = int64 {0}> ()
        two = Constant <value = int64 {2}> ()  n = Gather(d, zero)  c = Equal(n, two)
        y = If(c) < then_branch = t () => (float[N, 3] o) { o = Exp(a) },
                    else_branch = e () => (float[N, 3] o) { o = Tanh(a) } > }""")
    assert inline_ifs(model) == 0


def test_outputs_of_the_if_keep_their_names_and_inner_tensors_theirs():
    changed = inlined(network("", c=np.array(True)))
    assert [name for node in changed.graph.node for name in node.output] == ["a", "z", "b", "y"]


def test_inner_names_that_are_taken_are_changed():
    branches = BRANCHES.replace("z", "q")
    text = f"""g (float[N, 3] x) => (float[N, 3] y) {{
        a = Relu(x)  one = {branches}  q_1 = Neg(one)  two = {branches}  y = Add(two, q_1) }}"""
    model = parse(text, c=np.array(True))
    changed = inlined(model)
    made = [name for node in changed.graph.node for name in node.output]
    assert made == ["a", "q", "one", "q_1", "q_2", "two", "y"]
    assert_computes_the_same(model, changed)


def test_a_name_that_a_body_left_in_place_uses_is_taken():
    text = f"""g (float[N, 3] x, bool free) => (float[N, 3] y) {{
        a = Relu(x)  one = {BRANCHES}  two = {BRANCHES.replace("If(c)", "If(free)")}  y = Add(one, two) }}"""
    model = parse(text, c=np.array(True))
    changed = inlined(model)
    assert [name for node in changed.graph.node for name in node.output] == ["a", "z_1", "one", "two", "y"]
    for free in (True, False):
        assert_computes_the_same(model, changed, x=X, free=np.array(free))


def test_an_if_in_a_branch_is_replaced_too_and_captures_reach_through():
    branches = """If(c) <
        then_branch = t () => (float[N, 3] o) {
            z = Sigmoid(a)
            o = If(c) < then_branch = tt () => (float[N, 3] p) { q = Add(z, a)  p = Mul(q, x) },
                        else_branch = te () => (float[N, 3] p) { p = Exp(z) } > },
        else_branch = e () => (float[N, 3] o) { o = Exp(a) }
    >"""
    model = network("", branches=branches, c=np.array(True))
    changed = inlined(model)
    assert operators(changed) == ["Relu", "Sigmoid", "Add", "Mul", "Neg"]
    assert_computes_the_same(model, changed)


def test_a_renamed_tensor_is_read_under_its_new_name_in_bodies_too():
    branches = """If(c) <
        then_branch = t () => (float[N, 3] o) {
            y = Sigmoid(a)
            o = If(free) < then_branch = tt () => (float[N, 3] p) { p = Add(y, a) },
                           else_branch = te () => (float[N, 3] p) { p = Exp(y) } > },
        else_branch = e () => (float[N, 3] o) { o = Exp(a) }
    >"""
    model = parse(
        f"g (float[N, 3] x, bool free) => (float[N, 3] w) {{ a = Relu(x)  b = {branches}  w = Neg(b) }}",
        c=np.array(True),
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "y"))
    for free in (True, False):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        assert inline_ifs(changed) == 1
        found = run(changed, {"x": X, "free": np.array(free)})[0]
        sigmoid = 1 / (1 + np.exp(-np.maximum(X, 0).astype(np.float64)))
        expected = -(sigmoid + np.maximum(X, 0)) if free else -np.exp(sigmoid)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_branch_that_hands_on_what_it_did_not_make_becomes_an_identity():
    branches = """If(c) <
        then_branch = t () => (float[N, 3] a) { unused = Exp(x) },
        else_branch = e () => (float[N, 3] o) { o = Exp(a) }
    >"""
    model = network("", branches=branches, c=np.array(True))
    inline_ifs(model)
    assert operators(model) == ["Relu", "Exp", "Identity", "Neg"]
    np.testing.assert_array_equal(run(model, {"x": X})[0], -np.maximum(X, 0))


def test_one_tensor_handed_out_twice_and_an_output_that_is_left_out():
    model = parse(
        """g (float[N, 3] x) => (float[N, 3] y) {
        p, , q = If(c) < then_branch = t () => (float[N, 3] o, float[N, 3] m, float[N, 3] o) {
                            o = Tanh(x)  m = Exp(x) },
                         else_branch = e () => (float[N, 3] o, float[N, 3] m, float[N, 3] n) {
                            o = Neg(x)  m = Exp(x)  n = Abs(x) } >
        y = Add(p, q) }""",
        c=np.array(True),
    )
    inline_ifs(model)
    np.testing.assert_allclose(run(model, {"x": X})[0], 2 * np.tanh(X), rtol=1e-6)


def test_weights_of_a_branch_move_with_it():
    model = network("", c=np.array(True))
    branch = next(one.g for node in model.graph.node for one in node.attribute if one.name == "then_branch")
    branch.node[0].CopyFrom(onnx.helper.make_node("Mul", ["a", "x_scale"], ["z"]))
    branch.initializer.append(onnx.numpy_helper.from_array(np.array([2, 3, 4], np.float32), "x_scale"))
    changed = inlined(model)
    assert "If" not in operators(changed)
    assert_computes_the_same(model, changed)


def test_an_if_in_the_body_of_a_loop_stays():
    model = parse(
        f"""g (float[N, 3] x) => (float[N, 3] y) {{
        n = Constant <value = int64 {{2}}> ()
        y = Loop(n, c, x) < body = l (int64 i, bool go, float[N, 3] a) => (bool on, float[N, 3] b) {{
            on = Identity(go)  b = {BRANCHES} }} > }}""",
        c=np.array(True),
    )
    assert inline_ifs(model) == 0


def test_tensors_of_the_taken_branch_can_be_layers_and_those_of_a_free_if_are_skipped(tmp_path):
    model = loaded(tmp_path, network("", c=np.array(True)))
    found, skipped = candidates(model)
    assert [one.name for one in found] == ["x", "a", "z", "b", "y"]
    assert skipped == []
    assert model.inlined_ifs == 1
    free = loaded(tmp_path, network("s = ReduceSum <keepdims = 0> (x)  c = Cast <to = 9> (s)"))
    assert {(one.name, one.reason) for one in candidates(free)[1]} == {
        ("z", "it is inside the body of an If"),
        ("o", "it is inside the body of an If"),
    }
    assert "b" in [one.name for one in candidates(free)[0]]
    assert free.inlined_ifs == 0


FUNCTIONS = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float[N, 3] x) => (float[N, 3] y) {
    h = local.outer(x)
    c = Constant <value = bool {1}> ()
    y = If(c) < then_branch = t () => (float[N, 3] o) { o = local.outer(h) },
                else_branch = e () => (float[N, 3] o) { o = local.inner(h) } >
}
<domain: "local", opset_import: ["" : 17, "local" : 1]>
outer (a) => (b) { h = local.inner(a)  b = Tanh(h) }
<domain: "local", opset_import: ["" : 17]>
inner (a) => (b) { h = Relu(a)  b = Sigmoid(h) }
"""


def test_functions_in_functions_and_in_branches_are_opened_though_their_names_collide(tmp_path):
    model = onnx.parser.parse_model(FUNCTIONS)
    opened = loaded(tmp_path, model)
    assert operators(opened.proto).count("Sigmoid") == 2
    assert not opened.proto.functions
    found, skipped = candidates(opened)
    assert [one.op for one in found if one.op != "Identity"] == ["Input", *["Relu", "Sigmoid", "Tanh"] * 2]
    assert skipped == []
    assert_computes_the_same(model, opened.proto)
