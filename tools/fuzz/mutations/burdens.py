"""Small models that unfold into large ones: functions and subgraphs in each other, and tensors of absurd sizes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import onnx
from onnx import helper

from tools.fuzz.mutations.values import LENGTHS, TEXTS

_FLOAT = onnx.TensorProto.FLOAT
_LOCAL = "local"


def _model(
    nodes: Sequence[onnx.NodeProto],
    functions: Sequence[onnx.FunctionProto] = (),
    weights: Sequence[onnx.TensorProto] = (),
    shape: Sequence[int | str | None] = ("N", 3),
) -> onnx.ModelProto:
    """Return a model whose nodes make `y` of `x`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", _FLOAT, shape)],
        [helper.make_tensor_value_info("y", _FLOAT, None)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_LOCAL, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)


def _function(name: str, nodes: Sequence[onnx.NodeProto]) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_LOCAL, 1)]
    return helper.make_function(_LOCAL, name, ["a"], ["b"], nodes, opsets)


def laughs(chance: random.Random) -> bytes:
    """Return functions, each of which calls the one before twice: the innermost is called up to 2^60 times."""
    count = chance.choice((3, 10, 20, 40, 60))
    functions = [_function("f0", [helper.make_node("Relu", ["a"], ["b"])])]
    for number in range(1, count):
        call = f"f{number - 1}"
        nodes = [
            helper.make_node(call, ["a"], ["c"], domain=_LOCAL),
            helper.make_node(call, ["c"], ["b"], domain=_LOCAL),
        ]
        functions.append(_function(f"f{number}", nodes))
    if chance.random() < 0.5:
        functions.reverse()
    return _model([helper.make_node(f"f{count - 1}", ["x"], ["y"], domain=_LOCAL)], functions).SerializeToString()


def circle(chance: random.Random) -> bytes:
    """Return functions that call each other in a circle, or one that calls itself, perhaps from within a branch."""
    count = chance.choice((1, 2, 3, 50))
    functions = []
    for number in range(count):
        call = helper.make_node(f"f{(number + 1) % count}", ["a"], ["b"], domain=_LOCAL)
        if chance.random() < 0.3:
            call = _branches(call, "a", "b")
        functions.append(_function(f"f{number}", [call]))
    return _model([helper.make_node("f0", ["x"], ["y"], domain=_LOCAL)], functions).SerializeToString()


def _branches(node: onnx.NodeProto, condition: str, made: str) -> onnx.NodeProto:
    body = helper.make_graph([node], "t", [], [helper.make_tensor_value_info(made, _FLOAT, None)])
    return helper.make_node("If", [condition], [made], then_branch=body, else_branch=body)


def chain(chance: random.Random) -> bytes:
    """Return functions that call each other one within the other, very deep."""
    count = chance.choice((50, 500, 5000))
    functions = [_function("f0", [helper.make_node("Relu", ["a"], ["b"])])]
    functions += [
        _function(f"f{number}", [helper.make_node(f"f{number - 1}", ["a"], ["b"], domain=_LOCAL)])
        for number in range(1, count)
    ]
    return _model([helper.make_node(f"f{count - 1}", ["x"], ["y"], domain=_LOCAL)], functions).SerializeToString()


def long(chance: random.Random) -> bytes:
    """Return thousands of nodes in a row, in order or in the opposite one."""
    count = chance.choice((100, 500))
    names = ["x", *(f"t{number}" for number in range(1, count)), "y"]
    nodes = [helper.make_node("Relu", [names[place]], [names[place + 1]]) for place in range(count)]
    if chance.random() < 0.5:
        nodes.reverse()
    return _model(nodes).SerializeToString()


def nested(chance: random.Random) -> bytes:
    """Return branches within branches, or messages that nest deeper than any parser goes."""
    depth = chance.choice((5, 25, 30, 32, 100, 500, 20_000))
    content = helper.make_node("Relu", ["x"], ["y"]).SerializeToString()
    condition = _field(1, b"x") + _field(2, b"y") + _field(4, chance.choice((b"If", b"Loop", b"Scan")))
    output = _field(12, helper.make_tensor_value_info("y", _FLOAT, None).SerializeToString())
    name = _field(1, chance.choice((b"then_branch", b"body")))
    kind = bytes([20 << 3 & 0x7F | 0x80, 1, onnx.AttributeProto.GRAPH])
    for _ in range(depth):
        graph = _field(1, content) + _field(2, b"g") + output
        content = condition + _field(5, name + _field(6, graph) + kind)
        if len(content) > 1 << 20:
            break
    outer = _model([helper.make_node("Relu", ["x"], ["y"])])
    del outer.graph.node[:]
    return outer.SerializeToString() + _field(7, _field(1, content))


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a message whose value is a text, bytes or another message."""
    size, length = len(content), bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([number << 3 | 2]) + bytes(length) + content


def huge(chance: random.Random) -> bytes:
    """Return a model that makes a tensor of an absurd shape of a few numbers."""
    lengths = [chance.choice(LENGTHS) for _ in range(chance.choice((1, 2, 3, 8)))]
    shape = helper.make_tensor("s", onnx.TensorProto.INT64, [len(lengths)], lengths)
    kind = chance.randrange(6)
    if kind == 0:
        nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])]
    elif kind == 1:
        nodes = [helper.make_node("Expand", ["x", "s"], ["y"])]
    elif kind == 2:
        nodes = [helper.make_node("Tile", ["x", "s"], ["y"])]
    elif kind == 3:
        nodes = [helper.make_node("Pad", ["x", "s"], ["y"])]
    elif kind == 4:
        nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    else:
        ends = [chance.choice(LENGTHS) for _ in range(3)]
        parts = [
            helper.make_tensor(name, onnx.TensorProto.INT64, [], [end]) for name, end in zip("pqr", ends, strict=True)
        ]
        nodes = [
            helper.make_node("Range", ["p", "q", "r"], ["i"]),
            helper.make_node("Cast", ["i"], ["f"], to=_FLOAT),
            helper.make_node("ReduceMax", ["f"], ["m"]),
            helper.make_node("Add", ["x", "m"], ["y"]),
        ]
        return _model(nodes, weights=parts).SerializeToString()
    return _model(nodes, weights=[shape]).SerializeToString()


def wide(chance: random.Random) -> bytes:
    """Return an input of an absurd shape, and weights that say they are larger than they are."""
    lengths: list[int | str | None] = [
        chance.choice((*LENGTHS, "N", None)) for _ in range(chance.choice((0, 1, 2, 4, 9)))
    ]
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    weights = []
    if chance.random() < 0.5:
        weight = onnx.TensorProto(name="w", data_type=chance.randrange(0, 27), raw_data=b"\0" * 12)
        weight.dims.extend(chance.choice(LENGTHS) for _ in range(chance.randrange(4)))
        weights, nodes = [weight], [helper.make_node("Add", ["x", "w"], ["y"])]
    return _model(nodes, weights=weights, shape=lengths).SerializeToString()


def spoken(chance: random.Random) -> bytes:
    """Return a model with hostile texts wherever nothing is computed from them."""
    model = _model([helper.make_node("Relu", ["x"], ["y"])])
    for _ in range(chance.choice((1, 3, 1000))):
        model.metadata_props.add(key=chance.choice(TEXTS), value=chance.choice(TEXTS))
        model.graph.node[0].metadata_props.add(key="namespace", value=chance.choice(TEXTS))
    model.doc_string = model.producer_name = model.graph.name = model.domain = chance.choice(TEXTS)
    return model.SerializeToString()


BURDENS = (laughs, circle, chain, long, nested, huge, wide, spoken)
"""What builds them."""
