"""What makes a model's numbers doubtful is said in one sentence each, and sound models give none."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.model.cautions import cautions, control_flow
from tests.model.onnx_text import RELU, parse

HEAD = "g (float[N, 3] x) => (float[N, 3] y) "
HALF, TRUE, FALSE = np.float32(0.5), np.array(True), np.array(False)


def named(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    model.graph.node[0].name = name
    return model


NORM = "(x, s, b, b, s)"
WEIGHTS = {"s": np.ones(3, np.float32), "b": np.zeros(3, np.float32)}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param(
            parse(HEAD + "{ y = Dropout(x, r, t) }", r=HALF, t=TRUE),
            "Dropout is in training mode (y): its outputs are random.",
            id="Dropout told to train by an initialiser",
        ),
        pytest.param(
            parse(HEAD + "{ t = Constant <value = bool {1}> ()  y = Dropout(x, r, t) }", r=HALF),
            "Dropout is in training mode (y)",
            id="Dropout told to train by a node",
        ),
        pytest.param(
            named(parse(HEAD + "{ y = Dropout(x) }", opset=6), "drop"),
            "Dropout is in training mode (drop)",
            id="Dropout of old that is not told to test",
        ),
        pytest.param(
            parse(HEAD + "{ y, m, v = BatchNormalization <training_mode = 1> " + NORM + " }", **WEIGHTS),
            "BatchNormalization is in training mode (y): its outputs depend on the rest of the batch.",
            id="BatchNormalization told to train",
        ),
        pytest.param(
            parse(HEAD + "{ y, m, v, sm, sv = BatchNormalization " + NORM + " }", opset=9, **WEIGHTS),
            "BatchNormalization is in training mode (y)",
            id="BatchNormalization of old that hands out its statistics",
        ),
        pytest.param(
            parse(HEAD + "{ a = RandomNormalLike(x)  y = Add(x, a) }"),
            "The model draws random numbers (a)",
            id="random numbers",
        ),
        pytest.param(
            parse(HEAD + "{ y = ai.onnxlike.Foo(x) }", domains=', "ai.onnxlike" : 1'),
            "1 node of the domain ai.onnxlike (Foo)",
            id="a domain that only begins like a standard one",
        ),
        pytest.param(
            parse(HEAD + "{ a, b, c, d, e = my.own.Foo(x)  y = my.own.Bar(a) }", domains=', "my.own" : 1'),
            "2 nodes of the domain my.own (Bar, Foo): no part of ONNX.",
            id="operators of a domain of their own",
        ),
    ],
)
def test_a_doubtful_model_gives_one_sentence(model, said):
    (sentence,) = cautions(model)
    assert sentence.startswith(said)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(parse(RELU), id="plain model"),
        pytest.param(parse(HEAD + "{ y = Dropout(x, r, t) }", r=HALF, t=FALSE), id="Dropout told not to train"),
        pytest.param(parse(HEAD + "{ y = Dropout(x) }"), id="Dropout told nothing"),
        pytest.param(parse(HEAD + "{ y = Dropout <is_test = 1> (x) }", opset=6), id="Dropout of old that tests"),
        pytest.param(parse(HEAD + "{ y = BatchNormalization " + NORM + " }", **WEIGHTS), id="BatchNormalization"),
        pytest.param(
            parse(HEAD + "{ y = BatchNormalization " + NORM + " }", 9, **WEIGHTS), id="old BatchNormalization"
        ),
        pytest.param(
            parse(HEAD + "{ y = com.microsoft.Gelu(x) }", domains=', "com.microsoft" : 1'), id="fused operator"
        ),
    ],
)
def test_a_sound_model_gives_none(model):
    assert cautions(model) == ()


def test_many_nodes_are_counted_beyond_three():
    nodes = "  ".join(f"r{number} = RandomNormalLike(x)" for number in range(5))
    (sentence,) = cautions(parse(HEAD + f"{{ {nodes}  y = Add(r0, r4) }}"))
    assert "(r0, r1, r2 and 2 more)" in sentence


NESTED = """g (float[N, 3] x, bool c) => (float[N, 3] y) {
    n = Constant <value = int64 {2}> ()
    z = Loop(n, c, x) < body = l (int64 i, bool go, float[N, 3] a) => (bool on, float[N, 3] b) {
        on = Identity(go)
        b = If(go) < then_branch = t () => (float[N, 3] o) { o = RandomUniformLike(a) },
                     else_branch = e () => (float[N, 3] o) { o = Relu(a) } > } >
    y = If(c) < then_branch = t () => (float[N, 3] o) { o = Exp(z) },
                else_branch = e () => (float[N, 3] o) { o = Relu(z) } > }"""


def test_bodies_are_searched_too():
    assert cautions(parse(NESTED))[0].startswith("The model draws random numbers (o)")
    assert control_flow(parse(NESTED)) == {"If": 2, "Loop": 1}
    assert control_flow(parse(RELU)) == {}
