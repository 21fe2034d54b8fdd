"""Operators of one class do the same kind of work, and only layers of one class may correspond."""

from __future__ import annotations

import itertools

import pytest

from onnxinv.op_classes import REQUANTISED, may_correspond, op_class


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Conv", "QLinearConv", id="a convolution and its quantised form"),
        pytest.param("Gemm", "MatMul", id="dense with and without bias"),
        pytest.param("Relu", "Clip", id="ReLU and ReLU6"),
        pytest.param("Gelu", "HardSwish", id="two activations"),
        pytest.param("GlobalAveragePool", "ReduceMean", id="a global mean, written in two ways"),
        pytest.param("Add", "Sum", id="two sums"),
        pytest.param("LSTM", "GRU", id="two recurrent layers"),
        pytest.param("BatchNormalization", "LayerNormalization", id="two normalisations"),
        pytest.param("com.acme.Mystery", "com.acme.Mystery", id="an unknown operator and itself"),
    ],
)
def test_may_correspond(one, other):
    assert may_correspond(op_class(one), op_class(other))
    assert may_correspond(op_class(other), op_class(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Conv", "Gemm", id="a convolution and a dense layer"),
        pytest.param("Conv", "Relu", id="a convolution and its activation"),
        pytest.param("Relu", "Softmax", id="an activation and a softmax"),
        pytest.param("MaxPool", "Resize", id="shrinking and growing"),
        pytest.param("Gelu", "Erf", id="an activation and one step of its arithmetic"),
        pytest.param("Mystery", "Puzzle", id="two unknown operators"),
        pytest.param("Mystery", "Conv", id="an unknown operator and a known one"),
        pytest.param("Conv", "conv", id="operators are case-sensitive"),
        pytest.param("Input", "DequantizeLinear", id="the input and a quantised tensor"),
        pytest.param("Input", "Conv", id="the input and a layer"),
        pytest.param("", "Conv", id="no operator and a convolution"),
    ],
)
def test_may_not_correspond(one, other):
    assert not may_correspond(op_class(one), op_class(other))
    assert not may_correspond(op_class(other), op_class(one))


@pytest.mark.parametrize("op", ["Conv", "Gemm", "Relu", "Add", "Softmax", "Mystery", "DequantizeLinear"])
def test_a_requantised_tensor_may_be_any_layer_but_the_input(op):
    assert op_class("DequantizeLinear") == REQUANTISED
    assert may_correspond(REQUANTISED, op_class(op))
    assert may_correspond(op_class(op), REQUANTISED)


def test_known_operators_of_the_same_class_are_the_only_ones_that_correspond():
    known = "Input Conv Gemm LSTM Attention LayerNormalization Relu MaxPool Softmax Add Resize".split()
    for one, other in itertools.product(known, known):
        assert may_correspond(op_class(one), op_class(other)) == (one == other)
