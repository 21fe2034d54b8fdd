"""Tensors of bfloat16 are found by shape inference alone, fed and read as float32, and known to be coarse."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest

from onnxinv.config import RunConfig
from onnxinv.model.bfloat16 import bfloat16_tensors, uses_bfloat16
from onnxinv.model.layers import Layer
from onnxinv.model.widen import WIDENED
from onnxinv.plan import Plan, make_plan
from tests.model.onnx_text import RELU, loaded, parse, save

NETWORK = """g (bfloat16[N, 3] x) => (bfloat16[N, 3] y, float[N, 3] z) {
    a = MatMul(x, w)  s = Shape(a)  r = Reshape(a, s)  y = Relu(r)  z = Cast <to = 1> (y) }"""


def network() -> onnx.ModelProto:
    return parse(NETWORK, w=np.eye(3, dtype=ml_dtypes.bfloat16))


def plan(model: onnx.ModelProto, folder: Path) -> Plan:
    return make_plan(RunConfig(model=save(folder, model), data="random:n=8", transforms=("scale-amplitude:steps=2",)))


def test_its_tensors_are_those_of_the_main_graph_that_have_the_type():
    assert bfloat16_tensors(network()) == {"x", "w", "a", "r", "y"}


def test_tensors_are_found_where_an_operator_of_that_version_has_no_such_type():
    model = parse(
        "g (bfloat16[N, 3, 4] x) => (bfloat16[N, 2, 4] y) { y = Conv(x, w) }", w=np.ones((2, 3, 1), ml_dtypes.bfloat16)
    )
    assert bfloat16_tensors(model) == {"x", "w", "y"}


@pytest.mark.parametrize(
    "nodes", ["a = Cast <to = 16> (x)  y = Cast <to = 1> (a)", "y = If (c) <then_branch = t () => (float[N, 3] p) "
    "{ b = Cast <to = 16> (x)  p = Cast <to = 1> (b) }, else_branch = e () => (float[N, 3] q) { q = Neg(x) }>"],
    ids=["in a node", "in a body"],
)  # fmt: skip
def test_a_type_that_is_only_cast_to_is_noticed(nodes):
    assert uses_bfloat16(parse(f"g (float[N, 3] x, bool c) => (float[N, 3] y) {{ {nodes} }}"))


def test_a_number_that_happens_to_be_that_of_the_type_is_none():
    model = parse("g (float[N, 64] x) => (float[N, 4, 16] y) { y = Reshape(x, s)  z = Flatten <axis = 16> (y) }")
    assert not uses_bfloat16(model)
    assert not uses_bfloat16(parse(RELU))
    assert bfloat16_tensors(parse(RELU)) == set()


def test_an_input_is_fed_as_float32_and_reported_as_it_is(tmp_path):
    model = loaded(tmp_path, network())
    assert [info.dtype for info in model.inputs] == ["float32"]
    assert [info.dtype for info in model.meta.inputs] == ["bfloat16"]


def test_layers_have_the_resolution_of_bfloat16_and_the_size_of_float32(tmp_path):
    layers: dict[str, Layer] = {layer.name: layer for layer in plan(network(), tmp_path).layers}
    assert {name: layer.dtype for name, layer in layers.items()} == {
        "x": "bfloat16", "a": "bfloat16", "y": "bfloat16", "z": "float32"
    }  # fmt: skip
    assert {layer.number_bytes for layer in layers.values()} == {4}


def test_the_plan_says_that_it_is_computed_in_float32(tmp_path):
    assert plan(network(), tmp_path).notices.count(WIDENED) == 1
    assert WIDENED not in plan(parse(RELU), tmp_path).notices
