"""A measured tensor comes from the measured tensors whose numbers reach it, through everything that is not measured."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from onnxinv.model.load import load
from onnxinv.model.origins import Origin, origins
from onnxinv.model.rewrite import reads
from tests.engine.networks import layer_of, measure, save_images, save_network
from tests.model.onnx_text import parse

ZOO = Path(__file__).parent.parent / "zoo"
MOVING = "Reshape Transpose Flatten Squeeze Unsqueeze Slice Split Concat Identity Pad Cast".split()

ONE_INPUT = "g (float[N, 4] x) => (float[N, 4] y)"


def after(text: str, measured: str, opset: int = 17) -> dict[str, str]:
    """Return, for each of the measured tensors, the names of those that it comes from."""
    names = measured.split()
    found = origins(parse(text, opset).graph, names)
    return {name: " ".join(names[place] for place in one.after) for name, one in zip(names, found, strict=True)}


def test_a_chain():
    assert after(f"{ONE_INPUT} {{ a = Relu(x) y = Tanh(a) }}", "x a y") == {"x": "", "a": "x", "y": "a"}


def test_a_residual_block_has_two_ways_into_its_sum():
    found = after(f"{ONE_INPUT} {{ a = Relu(x) b = Tanh(a) y = Add(a, b) }}", "x a b y")
    assert found == {"x": "", "a": "x", "b": "a", "y": "a b"}


def test_what_is_not_measured_is_reached_through():
    text = f"{ONE_INPUT} {{ a = Relu(x) b = Tanh(x) c = Concat<axis=1>(a, b) d = Identity(c) y, z = Split<axis=1>(d) }}"
    assert after(text, "x a b y z", 13) == {"x": "", "a": "x", "b": "x", "y": "a b", "z": "a b"}


def test_a_measured_tensor_hides_what_lies_behind_it_on_that_way_only():
    text = f"{ONE_INPUT} {{ a = Relu(x) b = Identity(a) c = Tanh(b) d = Identity(c) y = Add(d, b) }}"
    assert after(text, "x a c y") == {"x": "", "a": "x", "c": "a", "y": "a c"}


def test_two_inputs_and_one_that_is_not_measured():
    text = "g (float[N, 4] p, float[N, 4] q, float[N, 4] r) => (float[N, 4] y) { a = Add(p, q) y = Mul(a, r) }"
    assert after(text, "p q y") == {"p": "", "q": "", "y": "p q"}


def test_constants_and_weights_give_nothing():
    text = (
        f"{ONE_INPUT} <float[4] w = {{1, 2, 3, 4}}> {{ c = Constant<value = float {{2.0}}>() d = Mul(w, c) "
        "a = Add(x, d) y = Mul(a, w) }"
    )
    assert after(text, "x a y") == {"x": "", "a": "x", "y": "a"}


def test_a_tensor_that_is_computed_from_constants_alone_comes_from_nothing():
    assert after(f"{ONE_INPUT} <float[4] w = {{1, 2, 3, 4}}> {{ a = Relu(w) y = Add(x, a) }}", "x a y")["a"] == ""


def test_shapes_carry_no_numbers():
    text = f"""{ONE_INPUT} <int64[1] rest = {{-1}}> {{
        a = Relu(x) b = Tanh(x) shape = Shape(b) size = Concat<axis=0>(shape, rest) part = Slice(size, rest, rest)
        y = Reshape(a, part) }}"""
    assert after(text, "x a b y") == {"x": "", "a": "x", "b": "x", "y": "a"}


@pytest.mark.parametrize("made", ["EyeLike(b)", "RandomNormalLike(b)", "RandomUniformLike(b)"])
def test_what_is_made_in_the_shape_of_a_tensor_does_not_come_from_it(made):
    found = after(f"{ONE_INPUT} {{ a = Relu(x) b = Tanh(x) c = {made} y = Add(a, c) }}", "x a b y")
    assert found["y"] == "a"


def test_what_is_cast_to_the_type_of_a_tensor_does_not_come_from_it():
    assert after(f"{ONE_INPUT} {{ a = Relu(x) b = Tanh(x) y = CastLike(a, b) }}", "x a b y")["y"] == "a"


def test_an_operator_of_another_domain_is_not_known_by_its_name():
    model = parse(f"{ONE_INPUT} {{ a = Relu(x) y = other.Shape(a) }}", domains=', "other": 1')
    assert origins(model.graph, ["x", "a", "y"])[2].after == (1,)


def test_the_body_of_an_if_comes_from_what_it_reads_outside():
    text = f"""{ONE_INPUT} {{
        a = Relu(x) b = Tanh(x) c = Sigmoid(x) m = ReduceMax<keepdims=0>(c) flag = Cast<to=9>(m)
        y = If(flag) <then_branch = t () => (float[N, 4] u) {{ inner = Neg(a) u = Exp(inner) }},
                      else_branch = e () => (float[N, 4] v) {{ v = Identity(b) }}>
    }}"""
    assert after(text, "x a b c y") == {"x": "", "a": "x", "b": "x", "c": "x", "y": "a b c"}


def test_all_outputs_of_a_node_come_from_all_that_it_reads_and_bear_its_name():
    model = parse(f"{ONE_INPUT} {{ a = Relu(x) y, z = Split<axis=1>(a) }}", 13)
    model.graph.node[1].name = "halves"
    found = origins(model.graph, ["x", "a", "y", "z"])
    assert found == [Origin("", ()), Origin("", (0,)), Origin("halves", (1,)), Origin("halves", (1,))]


def test_thousands_of_nodes_that_come_from_all_before():
    nodes = []
    gathered = "x"
    for place in range(1500):
        nodes.append(onnx.helper.make_node("Relu", [gathered], [f"r{place}"]))
        nodes.append(onnx.helper.make_node("Concat", [gathered, f"r{place}"], [f"c{place}"], axis=1))
        gathered = f"c{place}"
    graph = onnx.helper.make_graph(nodes, "g", [onnx.ValueInfoProto(name="x")], [onnx.ValueInfoProto(name=gathered)])
    names = ["x", *(f"r{place}" for place in range(1500)), gathered]
    found = origins(graph, names)
    assert [one.after for one in found] == [(), *(tuple(range(place)) for place in range(1, 1501)), tuple(range(1501))]


def test_a_result_tells_it_of_its_layers(tmp_path):
    model = save_network(tmp_path, "a = Relu(image) b = Neg(a) c = Identity(b) y = Add(a, c)")
    save_images(tmp_path)
    result = measure(tmp_path, model, "identity")
    followed = {layer.name: [result.layers[place].name for place in layer.after] for layer in result.layers}
    assert followed == {"image": [], "a": ["image"], "b": ["a"], "y": ["a", "b"]}
    assert layer_of(result, "image").node == ""


@pytest.mark.parametrize("path", sorted(ZOO.glob("*.onnx")), ids=lambda path: path.stem)
def test_real_models_agree_with_a_walk_back_from_each_tensor(path):
    graph = load(path).proto.graph
    makers = {name: node for node in graph.node for name in node.output}
    measured = [info.name for info in graph.input] + [
        name for node in graph.node for name in node.output if name and node.op_type not in MOVING
    ]
    found = origins(graph, measured)
    for name, one in zip(measured, found, strict=True):
        reached, seen = set(), set()
        pending = [name]
        while pending:
            node = makers.get(pending.pop())
            for before in reads(node) if node is not None and node.op_type != "Shape" else ():
                if before in measured:
                    reached.add(before)
                elif before not in seen:
                    seen.add(before)
                    pending.append(before)
        assert {measured[place] for place in one.after} == reached
        assert one.node == (makers[name].name if name in makers else "")
