"""What activations of two models say: which layers are alike, and how far they differ."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv import activations, api
from onnxinv.activations import Activations, agreement, gather_evidence, observe, samples_at_hand
from tests.engine.networks import save_images, save_network

RNG = np.random.default_rng(0)


def hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased estimator HSIC1 of two Gram matrices, equation (5) of Song et al. (2012), term by term."""
    n = len(first)
    k, m = (np.array([[0 if i == j else gram[i, j] for j in range(n)] for i in range(n)]) for gram in (first, second))
    trace = sum(k[i, j] * m[j, i] for i in range(n) for j in range(n))
    totals = sum(k[i, j] for i in range(n) for j in range(n)) * sum(m[i, j] for i in range(n) for j in range(n))
    chain = sum(k[i, j] * m[j, q] for i in range(n) for j in range(n) for q in range(n))
    return float((trace + totals / ((n - 1) * (n - 2)) - 2 * chain / (n - 2)) / (n * (n - 3)))


def linear_cka(a: np.ndarray, b: np.ndarray) -> float:
    one, other = (each.reshape(len(each), -1).astype(np.float64) for each in (a, b))
    k, m = one @ one.T, other @ other.T
    return float(hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)))


def layers(*arrays: np.ndarray) -> Activations:
    return Activations(tuple(arrays))


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def test_similarity_is_the_unbiased_linear_cka():
    first = [random(9, 3, 2, 2), random(9, 5) + 3]
    second = [first[0][:, :2] + 0.3 * random(9, 2, 2, 2), random(9, 7), first[1] @ random(5, 4)]
    found = gather_evidence(layers(*first), layers(*second))
    expected = [[linear_cka(a, b) for b in second] for a in first]
    np.testing.assert_allclose(found.cka, expected, rtol=1e-9, atol=1e-12)


def test_a_mean_in_common_is_no_equal_activation():
    mean = 1e4 * random(1, 6)
    first, second = mean + random(16, 6), mean + random(16, 6)
    found = gather_evidence(layers(first), layers(second, first[:, ::-1]))
    assert found.same.tolist() == [[False, True]]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_similarity_does_not_change_with_rotation_scale_or_shift(seed, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(8, 5)), rng.normal(size=(8, 5))
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    one = gather_evidence(layers(a), layers(b)).cka
    other = gather_evidence(layers(a), layers(scale * b @ turn + 10)).cka
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-8)


def test_a_mean_in_common_does_not_drown_the_rest():
    a, b = random(12, 6), random(12, 6)
    found = gather_evidence(layers(a + 1e4), layers(b - 1e4)).cka
    np.testing.assert_allclose(found, [[linear_cka(a, b)]], rtol=1e-4)


def test_what_only_rounding_tells_apart_has_no_similarity():
    a = (random(1, 50) * (1 + 1e-7 * random(12, 50))).astype(np.float32)
    assert len(np.unique(a, axis=0)) > 1
    assert np.isnan(gather_evidence(layers(a), layers(random(12, 6))).cka).all()


def test_layers_are_the_same_whatever_the_order_of_their_units():
    grid = random(10, 4, 3, 5).astype(np.float32)
    others = [
        grid,
        grid[:, [2, 0, 3, 1]],
        np.moveaxis(grid, 1, -1),
        grid.reshape(10, -1),
        np.moveaxis(grid, 1, -1).reshape(10, -1) * np.float32(1 + 1e-6),
    ]
    assert gather_evidence(layers(grid), layers(*others)).same.all()


def test_layers_that_differ_by_more_than_rounding_are_not_the_same():
    grid = random(10, 4, 3, 5)
    others = [grid * 1.01, grid + 0.05 * random(*grid.shape), grid[:, :3], -grid[::-1], random(*grid.shape)]
    found = gather_evidence(layers(grid), layers(*others))
    assert not found.same.any()
    assert found.cka[0, 0] == pytest.approx(1)


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(np.zeros((6, 3)), id="zeros"),
        pytest.param(np.full((6, 3), np.nan), id="nan"),
        pytest.param(np.where(np.arange(18).reshape(6, 3) == 4, np.inf, 1.0), id="an infinity"),
        pytest.param(np.full((6, 3), 1e200), id="squares beyond the largest number"),
    ],
)
def test_a_layer_of_zeros_or_without_finite_numbers_claims_nothing(dead):
    alive = random(6, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gather_evidence(layers(dead, alive), layers(dead, alive))
    np.testing.assert_array_equal(found.same, [[False, False], [False, True]])
    np.testing.assert_array_equal(np.isnan(found.cka), [[True, True], [True, False]])


def test_a_layer_that_tells_no_sample_from_another_has_no_similarity_but_may_be_the_same():
    constant = np.tile(random(1, 5), (6, 1))
    found = gather_evidence(layers(constant), layers(constant, random(6, 5)))
    assert np.isnan(found.cka).all()
    np.testing.assert_array_equal(found.same, [[True, False]])


def test_too_few_samples_say_nothing():
    assert gather_evidence(layers(random(3, 5)), layers(random(3, 5))) is None
    assert gather_evidence(layers(random(4, 5)), layers(random(4, 5))) is not None


def test_equal_layers_agree_in_order():
    a = random(5, 3, 2, 2).astype(np.float32)
    found = agreement(a, a.copy())
    assert (found.difference, found.order) == (0.0, None)


def test_the_difference_is_the_largest_in_root_mean_squares_of_the_second():
    b = np.array([[3.0, 4.0], [3.0, -4.0]])
    a = b.copy()
    a[1, 0] += 0.02
    assert agreement(a, b).difference == pytest.approx(0.02 / np.sqrt(12.5))


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 4, 4), (1, 9, 3)])
def test_channels_in_another_order_are_found(shape):
    b = random(*shape)
    b[:, 4] = b[:, 7] = 0  # two that cannot be told apart
    order = RNG.permutation(9)
    a = b[:, order] + 1e-6 * random(*shape)
    found = agreement(a, b)
    assert found.difference < 1e-4
    assert sorted(found.order) == list(range(9))
    np.testing.assert_array_equal(b[:, found.order], b[:, order])


def test_many_channels_in_another_order_are_found_among_dead_ones(monkeypatch):
    monkeypatch.setattr(activations, "_CHANNELS", 16)
    b = random(8, 100).clip(0, None)
    b[:, ::3] = 0  # more than are assigned by least squares
    order = RNG.permutation(100)
    found = agreement(b[:, order], b)
    assert found.difference == 0
    assert sorted(found.order) == list(range(100))
    np.testing.assert_array_equal(b[:, found.order], b[:, order])


def test_layers_that_no_order_makes_agree_are_compared_in_order():
    b = random(5, 4)
    a = b[:, [1, 0, 3, 2]] + random(5, 4)
    found = agreement(a, b)
    assert found.order is None
    assert found.difference == pytest.approx(np.abs(a - b).max() / np.sqrt((b**2).mean()))


def test_one_number_a_sample_has_no_channels_to_reorder():
    found = agreement(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    assert found.order is None
    assert found.difference == pytest.approx(2 / np.sqrt(8.5))


def test_layers_of_other_shapes_are_not_compared():
    assert agreement(random(4, 6), random(4, 3, 2)) is None


def test_numbers_that_are_not_finite_agree_where_they_are_the_same():
    a = random(4, 3)
    a[0, 0], a[1, 1] = np.inf, np.nan
    assert agreement(a, a.copy()).difference == 0
    assert agreement(a, np.nan_to_num(a)).difference == np.inf
    assert agreement(a, a[:, [1, 0, 2]]).order is None


def planned(budget: int, units: int, samples: int = 200) -> SimpleNamespace:
    order = np.random.default_rng(1).permutation(samples)
    groups = [[part] for part in np.array_split(order, 10)]
    memory = SimpleNamespace(memory=SimpleNamespace(budget=budget))
    return SimpleNamespace(groups=groups, layers=[SimpleNamespace(units=units)] * 2, layout=memory)


@pytest.mark.parametrize(
    ("budget", "samples", "count"),
    [
        pytest.param(10**9, 200, 128, id="enough memory"),
        pytest.param(10**9, 50, 50, id="fewer samples than are looked at"),
        pytest.param(8 * 100 * 4 * 2 * 40, 200, 20, id="as many as half of the memory holds of both models"),
        pytest.param(100, 200, 4, id="too little memory"),
        pytest.param(100, 3, 3, id="too little memory and few samples"),
    ],
)
def test_as_many_of_the_first_shuffled_samples_are_looked_at_as_memory_holds(budget, samples, count):
    plans = [planned(budget, 400, samples), planned(10**9, 400, samples)]
    found = samples_at_hand(plans)
    expected = np.concatenate([part for group in plans[0].groups for part in group])[:count]
    np.testing.assert_array_equal(found, expected)


BODY = """c = Conv<kernel_shape = [3, 3]>(image, w)
    r = Relu(c)
    t = Transpose<perm = [0, 2, 3, 1]>(r)
    y = Mul(t, two)"""
WEIGHTS = {"w": RNG.normal(size=(2, 1, 3, 3)), "two": np.full((2,), 2.0)}


@pytest.mark.parametrize(
    "batch", [pytest.param("n", id="any batch"), pytest.param(1, id="batch of 1"), pytest.param(5, id="batch of 5")]
)
def test_layers_hold_what_onnxruntime_computes(tmp_path, batch):
    data = save_images(tmp_path, 12)
    path = save_network(tmp_path, BODY, WEIGHTS, batch=batch)
    plan = api.plan(path, data, "rotation:steps=2,degrees=180", threads=1, device="cpu")
    samples = samples_at_hand([plan])
    assert sorted(samples) == list(range(12))
    found = observe(plan, samples)

    model = onnx.load(path)
    names = [layer.name for layer in plan.layers if layer.name != "image"]
    model.graph.ClearField("output")
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.load(data)["x"][samples]
    size = 12 if batch == "n" else batch
    filled = np.concatenate([images, images])[: -(-12 // size) * size]
    runs = [session.run(names, {"image": filled[place : place + size]}) for place in range(0, len(filled), size)]
    expected = {name: np.concatenate(parts)[:12] for name, parts in zip(names, zip(*runs, strict=True), strict=True)}
    assert set(names) >= {"c", "r", "y"}
    for layer, array in zip(plan.layers, found.layers, strict=True):
        values = images if layer.name == "image" else np.moveaxis(expected[layer.name], layer.channel_axis + 1, 1)
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, values, rtol=1e-5, atol=1e-6)


def test_the_untransformed_samples_are_looked_at_wherever_the_identity_stands(tmp_path):
    data = save_images(tmp_path, 6)
    path = save_network(tmp_path, "y = Relu(image)")
    seen = []
    for spec in ("flip", "rotation:steps=4,degrees=360"):
        plan = api.plan(path, data, spec, threads=1, device="cpu")
        seen.append(observe(plan, np.array([4, 1])).layers[0])
    images = np.load(data)["x"][[4, 1]]
    for found in seen:
        np.testing.assert_allclose(found, images, atol=1e-6)


def test_external_weights_are_found(tmp_path: Path):
    save_images(tmp_path, 8)
    path = save_network(tmp_path, BODY, WEIGHTS)
    plain = observe(api.plan(path, tmp_path / "images.npz", "flip", threads=1, device="cpu"), np.arange(8))
    model = onnx.load(path)
    outside = tmp_path / "outside"
    outside.mkdir()
    onnx.save(model, outside / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    moved = observe(
        api.plan(outside / "net.onnx", tmp_path / "images.npz", "flip", threads=1, device="cpu"), np.arange(8)
    )
    for one, other in zip(plain.layers, moved.layers, strict=True):
        np.testing.assert_array_equal(one, other)


def test_axes_of_one_element_do_not_matter():
    values = np.random.default_rng(0).normal(size=(5, 8))
    found = agreement(values.reshape(5, 8, 1, 1), values)
    assert found is not None
    assert (found.difference, found.order) == (0.0, None)
