"""The role of an input is guessed from its type, its axes and what reads it."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.model.roles import role_of
from onnxinv.provenance import TensorInfo
from tests.model.onnx_text import parse

GRAPH = parse(
    """g (float[N, 3] x, int64[N, T] ids, int64[N, T] counts, float[S, N, 2] steps, float[1, N, 4] h,
        float[2, N, 4] cut, float[1, N, 2] part)
    => (float[N, 3] y, float[N, T, 8] e, float[N, T] f, float[S, 1, N, 4] r, float[S, 1, N, 4] q, float[S, 1, N, 4] p) {
        y = Relu(x)  e = Gather(table, ids)  f = Cast <to = 1> (counts)
        r = RNN <hidden_size = 4> (steps, w, u, , , h)
        a, b = Split <axis = 0> (cut)  q = GRU <hidden_size = 4> (steps, w, u, , , b)
        j = Concat <axis = 2> (part, part)  p = LSTM <hidden_size = 4> (steps, w, u, , , a, j) }""",
    table=np.zeros((5, 8), np.float32), w=np.zeros((1, 4, 2), np.float32), u=np.zeros((1, 4, 4), np.float32),
).graph  # fmt: skip


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "role"),
    [
        pytest.param("x", "float32", ["N", 3], "table", id="two axes"),
        pytest.param("x", "float32", ["N", 5, 3], "sequence", id="three axes"),
        pytest.param("x", "uint8", ["N", 5, 5, 3], "image", id="four axes, also of integers"),
        pytest.param("x", "float16", ["N", 3, 4, 5, 5], "volume or video", id="five axes"),
        pytest.param("x", "float32", ["N", 1, 2, 3, 4, 5], "numbers", id="six axes"),
        pytest.param("ids", "int64", ["N", "T"], "tokens", id="integers that look up rows"),
        pytest.param("counts", "int64", ["N", "T"], "table", id="integers that count"),
        pytest.param("steps", "float32", ["S", "N", 2], "sequence", id="what a recurrent layer runs over"),
        pytest.param("h", "float32", [1, "N", 4], "state", id="where a recurrent layer starts"),
        pytest.param("sr", "int64", [], "setting", id="a single number"),
        pytest.param("sr", "int64", [1], "setting", id="an array of one number"),
        pytest.param("v", "float32", [None], "numbers", id="one number for each sample"),
        pytest.param("flag", "bool", [], "setting", id="a switch"),
        pytest.param("m", "bool", ["N", "T"], "mask", id="true and false for each place"),
        pytest.param("s", "string", ["N"], "not numbers", id="texts"),
        pytest.param("s", "sequence", [], "not numbers", id="a list of tensors"),
        pytest.param("s", "optional", [], "optional, left out", id="what may be missing"),
        pytest.param("cut", "float32", [2, "N", 4], "state", id="what recurrent layers start from, piece by piece"),
        pytest.param("part", "float32", [1, "N", 2], "state", id="what they start from, joined"),
        pytest.param("past_key_values.0.key", "float16", ["N", 2, 0, 4], "state", id="a cache, by its name"),
        pytest.param("past_length", "int64", [], "setting", id="a number that is called like a state"),
        pytest.param("cell", "int64", ["N", 4], "table", id="whole numbers that are called like a state"),
        pytest.param("encoder_hidden_states", "float32", ["N", 5, 4], "sequence", id="what a decoder attends to"),
        pytest.param("memory", "float32", ["N", 5, 4], "sequence", id="what a decoder attends to, in short"),
    ],
)
def test_the_role_of_an_input(name, dtype, shape, role):
    assert role_of(TensorInfo(name=name, dtype=dtype, shape=shape), GRAPH) == role


def test_the_first_input_is_no_state_by_its_name_alone():
    graph = parse("g (float[N, 5, 4] h, float[N, 5, 4] c) => (float[N, 5, 4] y) { y = Add(h, c) }").graph
    roles = [role_of(TensorInfo(name=name, dtype="float32", shape=["N", 5, 4]), graph) for name in ("h", "c")]
    assert roles == ["sequence", "state"]
