"""Graphs that are odd but sound are measured, and what in them is no number is skipped with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.api import inspect
from onnxinv.errors import ModelError
from onnxinv.plan import Plan
from tests.model.onnx_text import parse, save

ONES = np.ones(3, np.float32)
HEAD = "g (float[N, 3] x) => (float[N, 3] y) "
CHAIN = HEAD + "{ a = Relu(x)  y = Add(a, x) }"


def looked_at(folder: Path, model: onnx.ModelProto) -> Plan:
    return inspect(save(folder, model), device="cpu", threads=1)


def layers(plan: Plan) -> list[tuple[str, str]]:
    return [(layer.name, layer.op) for layer in plan.layers]


def reasons(plan: Plan) -> dict[str, str]:
    return {each.name: each.reason for each in plan.skipped}


def aged(opset: int, ir: int) -> onnx.ModelProto:
    model = parse(CHAIN, opset=opset)
    model.ir_version = ir
    return model


@pytest.mark.parametrize(
    ("opset", "ir"), [(7, 3), (8, 3), (9, 4), (11, 6), (13, 7), (18, 8), (20, 9), (22, 10), (24, 11)]
)
def test_every_opset_that_the_runtime_knows_is_measured(tmp_path, opset, ir):
    assert layers(looked_at(tmp_path, aged(opset, ir))) == [("x", "Input"), ("a", "Relu"), ("y", "Add")]


def with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    kind = next((one for one in (*model.graph.output, *model.graph.input) if one.name == name), None)
    model.graph.output.append(kind or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [3]))
    return model


def sparse() -> onnx.ModelProto:
    model = parse(HEAD + "{ y = MatMul(x, w) }")
    values = onnx.numpy_helper.from_array(np.array([1, 2], np.float32), "w")
    places = onnx.numpy_helper.from_array(np.array([0, 4]), "w_places")
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, places, [3, 3]))
    return model


def of_old() -> onnx.ModelProto:
    model = parse("g (float[N, 3] x, float[3] w) => (float[N, 3] y) { y = Mul(x, w) }", opset=7, w=ONES)
    model.ir_version = 3
    return model


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param(with_output(parse(CHAIN), "y"), ["x", "a", "y"], id="an output listed twice"),
        pytest.param(with_output(parse(CHAIN), "x"), ["x", "a", "y"], id="an input that is an output"),
        pytest.param(parse(CHAIN, unused=ONES), ["x", "a", "y"], id="weights that nothing reads"),
        pytest.param(parse(HEAD + "{ y = Clip(x, , w) }", w=np.float32(1)), ["x", "y"], id="an input left out"),
        pytest.param(sparse(), ["x", "y"], id="sparse weights"),
        pytest.param(of_old(), ["x", "y"], id="weights that are inputs, as of old"),
        pytest.param(
            parse("g (float[N, 3] x) => (float[N, 7] y) { y = Relu(x) }"), ["x", "y"], id="an output declared wrongly"
        ),
    ],
)
def test_an_odd_graph_is_measured(tmp_path, model, expected):
    plan = looked_at(tmp_path, model)
    assert [layer.name for layer in plan.layers] == expected
    assert plan.skipped == ()


def test_an_output_that_is_left_out_is_not_missed(tmp_path):
    model = parse(
        """g (float[N, 5, 3] x) => (float[1, N, 4] y) {
            t = Transpose <perm = [1, 0, 2]> (x)  , y = RNN <hidden_size = 4> (t, w, r) }""",
        w=np.ones((1, 4, 3), np.float32),
        r=np.ones((1, 4, 4), np.float32),
    )
    plan = looked_at(tmp_path, model)
    assert [(layer.name, layer.shape, layer.batch.axis) for layer in plan.layers] == [
        ("x", (5, 3), 0),
        ("y", (1, 4), 1),
    ]


def test_a_piece_of_a_split_that_is_left_out_does_not_crash_the_runtime(tmp_path):
    text = "g (float[N, 4] x) => (float[N, 2] y) { , y = Split <axis = 1> (x, s) }"
    plan = looked_at(tmp_path, parse(text, s=np.array([2, 2])))
    assert layers(plan) == [("x", "Input"), ("y", "Split")]


def test_an_output_that_is_a_weight_is_skipped(tmp_path):
    plan = looked_at(tmp_path, with_output(parse(HEAD + "{ y = Mul(x, w) }", w=ONES), "w"))
    assert layers(plan) == [("x", "Input"), ("y", "Mul")]
    assert reasons(plan) == {"w": "it does not depend on the model's input"}


def test_what_is_no_number_is_skipped_with_what_it_is(tmp_path):
    model = parse(
        """g (float[N, 3] x) => (float[N, 3] y, seq(float[N, 3]) s, string[N, 3] t, int64[N] best, bool[N, 3] b, m) {
            s = SequenceConstruct(x, x)  t = Cast <to = 8> (x)  best = ArgMax <axis = 1, keepdims = 0> (x)
            b = Greater(x, w)  m = ai.onnx.ml.ZipMap <classlabels_int64s = [0, 1, 2]> (x)  y = Relu(x) }""",
        domains=', "ai.onnx.ml" : 1',
        w=ONES,
    )
    value = onnx.helper.make_map_type_proto(onnx.TensorProto.INT64, onnx.helper.make_tensor_type_proto(1, []))
    model.graph.output[-1].CopyFrom(onnx.helper.make_value_info("m", onnx.helper.make_sequence_type_proto(value)))
    plan = looked_at(tmp_path, model)
    assert layers(plan) == [("x", "Input"), ("y", "Relu")]
    assert reasons(plan) == {
        "s": "it is a sequence, not a tensor: seq(tensor(float))",
        "t": "it holds text, not numbers",
        "best": "it holds integers, not measured quantities (tensor(int64))",
        "b": "it holds true and false, not numbers (tensor(bool))",
        "m": "it is a sequence, not a tensor: seq(map(int64,tensor(float)))",
    }


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(
            """y = Loop(n, c, a) < body = l (int64 i, bool go, float[N, 3] v) => (bool on, float[N, 3] w) {
                on = Identity(go)  w = Sigmoid(v) } >""",
            id="Loop",
        ),
        pytest.param(
            """t = Transpose(a)  u = Scan <num_scan_inputs = 1, body = l (float[N] v) => (float[N] w) {
                w = Sigmoid(v) }> (t)  y = Transpose(u)""",
            id="Scan",
        ),
    ],
)
def test_what_leaves_a_body_is_measured_and_what_is_in_it_is_listed(tmp_path, loop):
    text = (
        HEAD + "{ n = Constant <value = int64 {2}> ()  c = Constant <value = bool {1}> ()  a = Relu(x) " + loop + " }"
    )
    plan = looked_at(tmp_path, parse(text))
    kind = "Loop" if "Loop" in loop else "Scan"
    assert "y" in [layer.name for layer in plan.layers]
    assert {"w": f"it is inside the body of a {kind}"}.items() <= reasons(plan).items()


def test_quantised_layers_are_measured_as_the_numbers_they_stand_for(tmp_path):
    model = parse(
        """g (float[N, 3, 4, 5] x) => (float[N, 2, 4, 5] y) {
            a = QuantizeLinear(x, s, z)  b = QLinearConv(a, s, z, w, s, wz, s, z)  c = DequantizeLinear(b, s, z)
            r = Relu(c)  q = QuantizeLinear(r, s, z)  y = DequantizeLinear(q, s, z) }""",
        s=np.float32(0.05), z=np.uint8(3), w=np.ones((2, 3, 1, 1), np.int8), wz=np.int8(0),
    )  # fmt: skip
    plan = looked_at(tmp_path, model)
    expected = [
        ("x", "Input"),
        ("b", "QLinearConv"),
        ("c", "DequantizeLinear"),
        ("r", "Relu"),
        ("y", "DequantizeLinear"),
    ]
    assert layers(plan) == expected
    assert {layer.dtype for layer in plan.layers} == {"float32"}
    assert [layer.channel_axis for layer in plan.layers] == [0] * 5


def test_an_operator_of_an_unknown_library_is_named_with_its_domain(tmp_path):
    model = parse(HEAD + "{ a = my.dom.Foo(x)  y = Relu(a) }", domains=', "my.dom" : 1')
    with pytest.raises(ModelError, match=r"lacks the operator Foo of the domain my\.dom"):
        looked_at(tmp_path, model)


def test_an_operator_that_no_opset_has_is_named(tmp_path):
    with pytest.raises(ModelError, match="opset 17 has no operator Foo"):
        looked_at(tmp_path, parse(HEAD + "{ y = Foo(x) }"))


@pytest.mark.parametrize("batch", [2**31, 2**62])
def test_a_fixed_batch_that_no_memory_holds_is_refused_before_it_is_made(tmp_path, batch):
    with pytest.raises(ModelError, match=f"is fixed at {batch:,}: one batch"):
        looked_at(tmp_path, parse(f"g (float[{batch}, 3] x) => (float[{batch}, 3] y) {{ y = Relu(x) }}"))
