import numpy as np
import onnx
import pytest

from onnxinv.model.precision import is_coarse
from tests.model.onnx_text import RELU, parse
from tests.networks import SHIPPED


def test_float32_is_not_coarse():
    assert not is_coarse(parse(RELU))
    assert not is_coarse(onnx.load(SHIPPED[0]))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(parse("g (float16[N, 3] x) => (float16[N, 3] y) { y = Relu(x) }"), id="a half input"),
        pytest.param(
            parse("g (float[N, 3] x) => (float[N, 3] y) { a = Cast<to = 10>(x)  b = Relu(a)  y = Cast<to = 1>(b) }"),
            id="a cast to half",
        ),
        pytest.param(
            parse(
                "g (float[N, 3] x) => (float[N, 3] y) { a = Cast<to = 1>(w)  y = Add(x, a) }", w=np.ones(3, np.float16)
            ),
            id="half weights",
        ),
        pytest.param(
            parse(
                """g (float[N, 3] x) => (float[N, 3] y) {
                    q, s, z = DynamicQuantizeLinear(x)  y = DequantizeLinear(q, s, z)
                }"""
            ),
            id="quantised",
        ),
    ],
)
def test_half_precision_and_quantised_models_are_coarse(model):
    assert is_coarse(model)
