"""An outline says what is known of a layer, and how unlike two layers look, before any alignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.op_classes import REQUANTISED, may_correspond
from onnxinv.outline import BAND, depths, outlines, unlikeness
from onnxinv.result import LayerResult
from tests.compare.drawn import layer


def measured(*ops_and_shapes, label="block/{op}"):
    return [
        LayerResult(
            index=index,
            name=f"t{index}",
            label=label.format(op=op),
            op=op,
            shape=list(shape),
            channel_axis=0,
            units=int(np.prod(shape)),
            channels=shape[0],
            measures={},
        )
        for index, (op, shape) in enumerate(ops_and_shapes)
    ]


def kinds(*ops_and_shapes):
    return [each.kind for each in outlines(measured(*ops_and_shapes))]


def test_takes_over_what_the_result_says():
    (found,) = outlines(measured(("Conv", (8, 4, 4))))
    assert (found.name, found.label, found.op, found.channels, found.units) == ("t0", "block/Conv", "Conv", 8, 128)


def test_no_layers_have_no_outlines():
    assert outlines([]) == ()


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param(
            [("MatMul", (9,)), ("Add", (9,))], ["dense before its bias", "dense"], id="a bias behind a MatMul"
        ),
        pytest.param(
            [("MatMul", (9,)), ("Add", (9,)), ("MatMul", (5,)), ("Add", (5,)), ("Relu", (5,))],
            ["dense before its bias", "dense", "dense before its bias", "dense", "activation"],
            id="two dense layers",
        ),
        pytest.param([("MatMul", (9,)), ("Relu", (9,))], ["dense", "activation"], id="no bias"),
        pytest.param(
            [("MatMul", (9,)), ("Add", (9,)), ("Add", (9,))],
            ["dense before its bias", "dense", "arithmetic"],
            id="only the first sum is the bias",
        ),
        pytest.param([("MatMul", (9,)), ("Add", (3, 9))], ["dense", "arithmetic"], id="a sum of another shape"),
        pytest.param(
            [("MatMul", (9,)), ("Relu", (9,)), ("Add", (9,))],
            ["dense", "activation", "arithmetic"],
            id="something between",
        ),
        pytest.param([("Gemm", (9,)), ("Add", (9,))], ["dense", "arithmetic"], id="a Gemm has its bias inside"),
        pytest.param([("Conv", (9,)), ("Add", (9,))], ["convolution", "arithmetic"], id="a sum behind a convolution"),
        pytest.param([("Add", (9,)), ("MatMul", (9,))], ["arithmetic", "dense"], id="a sum before a MatMul"),
        pytest.param([("DequantizeLinear", (9,))], [REQUANTISED], id="a requantised tensor"),
        pytest.param([("Mystery", (9,))], ["Mystery"], id="an unknown operator"),
    ],
)
def test_the_kinds_of(layers, expected):
    assert kinds(*layers) == expected


def test_a_gemm_looks_like_the_sum_that_ends_a_dense_layer_and_not_like_its_product():
    costs = unlikeness(
        outlines(measured(("MatMul", (9,)), ("Add", (9,)))), outlines(measured(("Gemm", (9,)), ("Relu", (9,))))
    )
    assert np.isinf(costs[0]).all()
    assert costs[1, 0] < 0.35


@pytest.mark.parametrize(
    ("label", "words"),
    [
        pytest.param("layer1.0.conv2", {"layer", "1", "0", "conv", "2"}, id="a module path"),
        pytest.param("conv10", {"conv", "10"}, id="ten is a word of its own"),
        pytest.param("Conv2D_3/BiasAdd:0", {"conv", "2", "d", "3", "biasadd", "0"}, id="small letters"),
        pytest.param("conv conv", {"conv"}, id="each word once"),
        pytest.param("Größe_層1", {"größe", "層", "1"}, id="letters of any script"),
        pytest.param("", set(), id="no label"),
        pytest.param("[.*+?(\\", set(), id="a broken regular expression"),
    ],
)
def test_the_words_of(label, words):
    assert layer("t", label=label).words == words


@pytest.mark.parametrize(
    ("label", "op", "scope"),
    [
        pytest.param("layer1.0.conv2", "Conv", "layer1.0.conv2", id="a module"),
        pytest.param("layer1.0/Add", "Add", "layer1.0", id="the operator behind the module"),
        pytest.param("layer1.0.relu/Relu_1", "Relu", "layer1.0.relu", id="the operator with a counter"),
        pytest.param("Dense_1/MatMul", "Gemm", "dense_1/matmul", id="another operator stays"),
        pytest.param("net/conv", "CONV", "net", id="whatever the letters"),
        pytest.param("Relu", "Relu", "relu", id="no scope"),
        pytest.param("/Relu", "Relu", "", id="an empty scope"),
        pytest.param("", "Relu", "", id="an empty label"),
    ],
)
def test_the_scope_of(label, op, scope):
    assert layer("t", op, label=label).scope == scope


OPS = ["Input", "Conv", "ConvTranspose", "Gemm", "Relu", "Clip", "Add", "Mul", "MaxPool", "DequantizeLinear", "Mystery"]
LAYERS = st.lists(
    st.builds(
        layer,
        st.sampled_from(["a", "b", "conv1", "conv10", ""]),
        st.sampled_from(OPS),
        st.sampled_from([1, 3, 8, 16, 1000]),
        label=st.sampled_from(["a", "layer1.0.conv", "layer1.1.conv", ""]),
        extent=st.sampled_from([1, 4, 1 << 20]),
    ),
    max_size=6,
)


@given(LAYERS, LAYERS)
def test_unlikeness_is_symmetric_bounded_and_infinite_just_where_the_work_differs(a, b):
    costs = unlikeness(a, b)
    assert costs.shape == (len(a), len(b))
    np.testing.assert_allclose(costs, unlikeness(b, a).T, atol=1e-12)
    allowed = np.array([[may_correspond(one.kind, other.kind) for other in b] for one in a], bool).reshape(costs.shape)
    np.testing.assert_array_equal(np.isfinite(costs), allowed)
    assert ((costs[allowed] >= 0) & (costs[allowed] <= 1)).all()


@given(LAYERS)
def test_a_layer_costs_nothing_with_itself(layers):
    np.testing.assert_allclose(np.diag(unlikeness(layers, layers)), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        pytest.param(layer("c"), layer("c"), layer("c", channels=32), id="other channels"),
        pytest.param(layer("c"), layer("c", channels=20), layer("c", channels=30), id="more other channels"),
        pytest.param(layer("c"), layer("c"), layer("c", extent=16), id="another extent"),
        pytest.param(layer("c"), layer("c"), layer("c", "ConvTranspose"), id="another operator of the class"),
        pytest.param(layer("conv1"), layer("conv1"), layer("conv10"), id="conv10 for conv1"),
        pytest.param(layer("a.conv1"), layer("a.conv2"), layer("b.fold3"), id="fewer words in common"),
        pytest.param(layer("s", "Add"), layer("s", "Add"), layer("s", "Mul"), id="a product for a sum"),
        pytest.param(layer("c"), layer("c"), layer("c", "DequantizeLinear"), id="what a quantised model hands on"),
    ],
)
def test_costs_more(one, near, far):
    assert unlikeness([one], [far])[0, 0] > unlikeness([one], [near])[0, 0]


def test_depth_costs_a_little_up_to_the_band():
    same = [layer("c") for _ in range(21)]
    costs = unlikeness(same, same)[0]
    assert (np.diff(costs[: int(BAND * 20) + 1]) > 0).all()
    assert costs.max() == pytest.approx(costs[int(BAND * 20)]) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [0.0]), (2, [0.0, 1.0]), (5, [0.0, 0.25, 0.5, 0.75, 1.0])],
)
def test_relative_depth_runs_from_nought_to_one(count, expected):
    assert depths(count).tolist() == expected
