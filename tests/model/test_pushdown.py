"""Sums that are taken inside the graph are those of single_sums, and of float64."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.errors import OnnxinvError
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer
from onnxinv.model.pushdown import OLDEST_OPSET, Pushed, obstacle, push_down
from onnxinv.model.rewrite import expose
from onnxinv.runtime import Device, Session
from onnxinv.statistics.single_sums import SingleSums, is_held, room_for, single_sums
from tests.model.onnx_text import parse
from tests.networks import DIGITS, SHIPPED
from tests.statistics.spoiled import NOT_HELD, with_unit

SAMPLES, TRANSFORMS, UNITS = 24, 7, 37
NEGATED = "g (float[N, U] x) => (float[N, U] y) { y = Neg(x) }"
OPTIMISED = pytest.mark.parametrize(
    "optimize", [pytest.param(True, id="optimised"), pytest.param(False, id="as it is")]
)


def room(values: np.ndarray) -> np.ndarray:
    return np.empty(room_for(*values.shape), np.float32)


def layer(
    name: str = "y", shape: tuple[int, ...] = (UNITS,), dtype: str = "float32", batch: BatchAxis | None = None
) -> Layer:
    return Layer(0, name, name, "Neg", shape, 0, batch or BatchAxis(), dtype)


def pushed(model: onnx.ModelProto, *layers: Layer, transforms: int = TRANSFORMS) -> Pushed:
    return push_down(expose(model, [each.name for each in layers]), layers, transforms)


def session(model: onnx.ModelProto, *, optimize: bool = True) -> Session:
    return Session(model.SerializeToString(), Device("cpu"), threads=1, optimize=optimize, folder=Path())


class Blocks:
    """Runs blocks of the activations that it is told through a graph that negates, the layer `y`."""

    def __init__(self, model: onnx.ModelProto, *, optimize: bool, dtype: str = "float32") -> None:
        self._pushed = pushed(model, layer(dtype=dtype))
        self._session = session(self._pushed.proto, optimize=optimize)
        self.pivot = np.full((TRANSFORMS, UNITS), np.nan, np.float32)
        self.largest = np.empty(0)

    def sums(self, values: np.ndarray, *, first: bool) -> SingleSums:
        one = self._pushed.layers["y"]
        feeds = {"x": -values.reshape(-1, UNITS), self._pushed.first: np.array(first), one.pivot_input: self.pivot}
        names = list(one.shapes(len(values)))
        found = dict(zip(names, self._session.run(feeds, names), strict=True))
        assert {name: array.shape for name, array in found.items()} == one.shapes(len(values))
        assert all(array.dtype == np.float32 for array in found.values())
        self.pivot, self.largest = found[one.pivot], found[one.largest]
        sums = one.sums_in(found)
        for field in fields(SingleSums):
            rows = field.name in ("start", "total", "deviations")
            assert getattr(sums, field.name).shape == (len(values) if rows else TRANSFORMS, UNITS)
        return sums


def in_blocks(grid: np.ndarray, *, optimize: bool = True, size: int = 5, opset: int = 17) -> list[SingleSums]:
    """Return the sums of a (samples, transforms, units) grid, block by block; the last one is smaller."""
    blocks = Blocks(parse(NEGATED, opset), optimize=optimize)
    return [blocks.sums(grid[start : start + size], first=start == 0) for start in range(0, len(grid), size)]


def grid_of(variation: float, between: float, mean: float = 0.0, offset: float = 0.0) -> np.ndarray:
    """Return activations that vary so much within a row, between the samples and between the transforms."""
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((SAMPLES, TRANSFORMS, UNITS)) * variation
    samples = generator.standard_normal((SAMPLES, 1, UNITS)) * between
    transforms = generator.standard_normal((1, TRANSFORMS, UNITS)) * offset
    return (mean + samples + transforms + noise).astype(np.float32)


def normalized_variance(grid: np.ndarray) -> np.ndarray:
    """Return, in float64, the mean deviation of the rows over the mean deviation of the columns."""
    exact = grid.astype(np.float64)
    return exact.std(axis=1, ddof=1).mean(axis=0) / exact.std(axis=0, ddof=1).mean(axis=0)


def normalized_variance_of(sums: list[SingleSums]) -> np.ndarray:
    rows = np.concatenate([np.sqrt(each.deviations / (TRANSFORMS - 1)) for each in sums]).astype(np.float64)
    total = np.sum([each.column_total.astype(np.float64) for each in sums], axis=0)
    squares = np.sum([each.column_squares.astype(np.float64) for each in sums], axis=0)
    return rows.mean(axis=0) / np.sqrt((squares - total**2 / len(rows)) / (len(rows) - 1)).mean(axis=0)


@OPTIMISED
@pytest.mark.parametrize(
    ("grid", "size"),
    [
        pytest.param(grid_of(1, 1), 1, id="plain"),
        pytest.param(grid_of(1, 1, mean=1e4), 1, id="a mean of 10,000 deviations"),
        pytest.param(grid_of(1e-3, 1), 1e-3, id="NV of 0.001"),
        pytest.param(grid_of(1e-2, 1, mean=100), 1e-2, id="NV of 0.01 beside a mean"),
        pytest.param(grid_of(0.7, 0.7, offset=1e2), 1e2, id="NV of 100"),
        pytest.param(grid_of(0.7, 0.7, offset=1e3), 1e3, id="NV of 1,000"),
        pytest.param(grid_of(1, 1) * np.float32(1e12), 1, id="large numbers"),
        pytest.param(grid_of(1, 1) * np.float32(1e-8), 1, id="small numbers"),
    ],
)
def test_sums_are_those_of_float64(grid, size, optimize):
    sums = in_blocks(grid, optimize=optimize)
    exact = grid.astype(np.float64)
    shifted = exact - exact[:, :1]
    moved = exact - exact[0]
    np.testing.assert_array_equal(np.concatenate([each.start for each in sums]), grid[:, 0])
    total = np.concatenate([each.total for each in sums])
    assert (np.abs(total - shifted.sum(axis=1)) <= 1e-5 * np.abs(shifted).sum(axis=1)).all()
    deviations = np.concatenate([each.deviations for each in sums])
    np.testing.assert_allclose(deviations, exact.var(axis=1) * TRANSFORMS, rtol=1e-5)
    column_total = np.sum([each.column_total for each in sums], axis=0)
    assert (np.abs(column_total - moved.sum(axis=0)) <= 1e-5 * np.abs(moved).sum(axis=0)).all()
    np.testing.assert_allclose(
        np.sum([each.column_squares for each in sums], axis=0), (moved**2).sum(axis=0), rtol=1e-5
    )
    assert all(is_held(each) for each in sums)
    expected = normalized_variance(grid)
    assert size / 4 < np.median(expected) < size * 4
    np.testing.assert_allclose(normalized_variance_of(sums), expected, rtol=1e-5)


@OPTIMISED
def test_zeros_are_exact_where_those_of_the_host_are(optimize):
    unit = np.arange(UNITS)
    grid = grid_of(1, 1, mean=1e4)
    grid = np.where(unit % 3 == 0, grid[:, :1], grid)
    grid = np.where(unit % 3 == 1, grid[:1], grid)
    grid[..., 5] = 0.3
    blocks = in_blocks(grid, optimize=optimize)
    for start, found in zip(range(0, SAMPLES, 5), blocks, strict=True):
        values = grid[start : start + 5]
        expected = single_sums(values, values[:, 0], grid[0], room(values))
        assert expected is not None
        for field in fields(SingleSums):
            np.testing.assert_array_equal(getattr(found, field.name) == 0, getattr(expected, field.name) == 0)
        assert (found.deviations[:, unit % 3 == 0] == 0).all()
        assert (found.column_squares[:, unit % 3 == 1] == 0).all()
        assert (found.deviations[:, unit % 3 == 2] != 0).sum() == len(values) * ((unit % 3 == 2).sum() - 1)
        assert (found.column_squares[:, 5] == 0).all()


@OPTIMISED
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_an_activation_that_is_not_finite_spoils_its_own_unit_only(spoilt, optimize):
    grid = grid_of(1, 1)[:5]
    (sound,) = in_blocks(grid, optimize=optimize)
    grid[2, 3, 4] = spoilt
    (found,) = in_blocks(grid, optimize=optimize)
    others = np.arange(UNITS) != 4
    for field in fields(SingleSums):
        np.testing.assert_array_equal(
            getattr(found, field.name)[:, others], getattr(sound, field.name)[:, others], err_msg=field.name
        )
    assert not np.isfinite(found.deviations[2, 4])
    assert not np.isfinite(found.column_squares[3, 4])
    assert np.isfinite(found.deviations[:2]).all()
    assert not is_held(found)


@pytest.mark.parametrize(
    "spoil",
    [
        *NOT_HELD,
        pytest.param(lambda grid: with_unit(grid, 0), id="one dead unit"),
        pytest.param(lambda grid: np.maximum(grid, 0), id="rectified"),
    ],
)
def test_what_is_held_is_what_the_host_holds(spoil):
    grid = spoil(grid_of(1, 1)[:5])
    with np.errstate(all="ignore"):
        expected = single_sums(grid, grid[:, 0], grid[0], room(grid)) is not None
    (found,) = in_blocks(grid)
    assert is_held(found) == expected


@OPTIMISED
@pytest.mark.parametrize(("samples", "transforms", "units"), [(1, 1, 1), (3, 1, 5), (1, 2, 1), (6, 33, 3), (40, 2, 17)])
def test_blocks_of_any_size_will_do(samples, transforms, units, optimize):
    values = np.random.default_rng(1).standard_normal((samples, transforms, units)).astype(np.float32)
    summed = pushed(parse(NEGATED), layer(shape=(units,)), transforms=transforms)
    one = summed.layers["y"]
    pivot = values[-1] + 1
    feeds = {"x": -values.reshape(-1, units), summed.first: np.array(False), one.pivot_input: pivot}
    names = list(one.shapes(samples))
    found = dict(zip(names, session(summed.proto, optimize=optimize).run(feeds, names), strict=True))
    sums = one.sums_in(found)
    expected = single_sums(values, values[:, 0], pivot, room(values))
    assert expected is not None
    for field in fields(SingleSums):
        np.testing.assert_allclose(
            getattr(sums, field.name), getattr(expected, field.name), rtol=1e-5, atol=1e-5, err_msg=field.name
        )


@OPTIMISED
@pytest.mark.parametrize("opset", [9, 10, 11, 13, 17, 18, 20, 21])
def test_the_operators_of_any_opset_will_do(opset, optimize):
    grid = grid_of(1, 1)
    for found, expected in zip(in_blocks(grid, opset=opset, optimize=optimize), in_blocks(grid), strict=True):
        for field in fields(SingleSums):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))


def test_the_first_versions_of_the_format_will_do():
    model = parse(NEGATED, 9)
    model.ir_version = 3
    values = grid_of(1, 1)[:2]
    assert (Blocks(model, optimize=True).sums(values, first=True).start == values[:, 0]).all()


def test_a_block_that_begins_a_group_is_its_own_pivot_and_the_others_use_the_one_they_are_fed():
    grid = grid_of(1, 1)
    blocks = Blocks(parse(NEGATED), optimize=True)
    begun = blocks.sums(grid[:4], first=True)
    np.testing.assert_array_equal(blocks.pivot, grid[0])
    np.testing.assert_allclose(begun.column_squares, ((grid[:4] - grid[0]) ** 2).sum(axis=0), rtol=1e-5)
    continued = blocks.sums(grid[4:6], first=False)
    np.testing.assert_array_equal(blocks.pivot, grid[0])
    np.testing.assert_allclose(continued.column_squares, ((grid[4:6] - grid[0]) ** 2).sum(axis=0), rtol=1e-5)
    blocks.sums(grid[6:], first=True)
    np.testing.assert_array_equal(blocks.pivot, grid[6])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_magnitude_is_handed_out(sign):
    grid = sign * np.abs(grid_of(1, 1)[:4])
    blocks = Blocks(parse(NEGATED), optimize=True)
    blocks.sums(grid, first=False)
    assert blocks.largest.item() == np.abs(grid).max()


@OPTIMISED
def test_half_precision_is_summed_in_single(optimize):
    model = parse("g (float16[N, U] x) => (float16[N, U] y) { y = Neg(x) }")
    grid = (grid_of(1, 1, mean=50)[:5]).astype(np.float16)
    found = Blocks(model, optimize=optimize, dtype="float16").sums(grid, first=True)
    exact = grid.astype(np.float64)
    np.testing.assert_array_equal(found.start, grid[:, 0].astype(np.float32))
    np.testing.assert_allclose(found.deviations, exact.var(axis=1) * TRANSFORMS, rtol=1e-5)
    np.testing.assert_allclose(found.column_squares, ((exact - exact[0]) ** 2).sum(axis=0), rtol=1e-5)


@OPTIMISED
def test_what_rounds_to_one_half_precision_number_does_not_vary(optimize):
    model = parse("g (float16[N, U] x, float16[N, U] z) => (float16[N, U] y) { a = Add(x, z)  y = Neg(a) }")
    both = pushed(model, layer("y", dtype="float16"))
    one = both.layers["y"]
    generator = np.random.default_rng(0)
    # Sums of 2048 and less than 1 round to 2048: in float32 they would differ.
    small = generator.uniform(0.1, 0.9, (2 * TRANSFORMS, UNITS)).astype(np.float16)
    feeds = {
        "x": np.full(small.shape, 2048, np.float16),
        "z": small,
        both.first: np.array(True),
        one.pivot_input: np.zeros((TRANSFORMS, UNITS), np.float32),
    }
    (deviations,) = session(both.proto, optimize=optimize).run(feeds, [one.sums["deviations"]])
    assert (deviations == 0).all()


def test_layers_of_a_real_model_sum_up_to_what_the_host_sums():
    model = onnx.load(SHIPPED[0])
    tensors = [name for node in model.graph.node for name in node.output]
    images = np.load(DIGITS)["x"][: 2 * TRANSFORMS].astype(np.float32)
    images = images.reshape(
        len(images), *(dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:])
    )
    feeds = {model.graph.input[0].name: images}
    activations = dict(zip(tensors, session(expose(model, tensors).proto).run(feeds, tensors), strict=True))
    layers = [
        layer(name, values.shape[1:])
        for name, values in activations.items()
        if len(values) == len(images) and values.dtype == np.float32
    ]
    assert len(layers) > 5
    summed = pushed(model, *layers)
    names = [name for each in summed.layers.values() for name in each.shapes(2)]
    feeds[summed.first] = np.array(True)
    for each in summed.layers.values():
        feeds[each.pivot_input] = np.zeros((TRANSFORMS, each.units), np.float32)
    found = dict(zip(names, session(summed.proto).run(feeds, names), strict=True))
    for name, each in summed.layers.items():
        values = activations[name].reshape(2, TRANSFORMS, -1).astype(np.float64)
        scale = float(np.abs(values).max())
        sums = each.sums_in(found)
        np.testing.assert_allclose(sums.start, values[:, 0], atol=1e-5 * scale)
        np.testing.assert_allclose(sums.deviations, values.var(axis=1) * TRANSFORMS, atol=1e-5 * scale**2)
        np.testing.assert_allclose(sums.column_squares, (values[1] - values[0]) ** 2, atol=1e-5 * scale**2)
        assert found[each.largest].item() == pytest.approx(scale, rel=1e-5)


def test_layers_that_are_not_pushed_are_still_handed_out_and_the_original_is_not_changed():
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { a = Relu(x)  b = Neg(a)  y = Tanh(b) }")
    exposed = expose(model, ["x", "a", "b", "y"])
    before = exposed.proto.SerializeToString()
    summed = push_down(exposed, [layer("a", (3,)), layer("y", (3,))], 2)
    assert exposed.proto.SerializeToString() == before
    assert summed.outputs == {"x": exposed.outputs["x"], "b": "b"}
    handed_out = [value.name for value in summed.proto.graph.output]
    assert handed_out == [
        *summed.outputs.values(),
        *(name for each in summed.layers.values() for name in each.shapes(1)),
    ]
    assert list(summed.layers) == ["a", "y"]


def test_without_layers_nothing_is_added():
    exposed = expose(parse(NEGATED), ["y"])
    summed = push_down(exposed, [], 2)
    assert summed.proto.SerializeToString() == exposed.proto.SerializeToString()
    assert not summed.first


def test_names_that_the_model_has_are_not_taken():
    model = parse(NEGATED)
    usual = pushed(model, layer())
    used = [name for node in usual.proto.graph.node for name in node.output] + [
        value.name for value in usual.proto.graph.input
    ]
    crowded = parse(NEGATED)
    last = "x"
    for name in [name for name in used if name not in ("x", "y")]:
        crowded.graph.node.append(onnx.helper.make_node("Identity", [last], [name]))
        last = name
    crowded.graph.node.append(onnx.helper.make_node("Identity", [last], ["end"]))
    crowded.graph.output.append(onnx.ValueInfoProto(name="end"))
    exposed = expose(crowded, ["y", "end"])
    summed = push_down(exposed, [layer()], TRANSFORMS)
    one = summed.layers["y"]
    values = grid_of(1, 1)[:2]
    feeds = {"x": -values.reshape(-1, UNITS), summed.first: np.array(True)}
    feeds[one.pivot_input] = np.zeros((TRANSFORMS, UNITS), np.float32)
    end, first = session(summed.proto).run(feeds, ["end", one.sums["start"]])
    np.testing.assert_array_equal(end, feeds["x"])
    np.testing.assert_array_equal(first[:, 0], values[:, 0])


@pytest.mark.parametrize(
    ("one", "opset", "expected"),
    [
        pytest.param(layer(), 13, None, id="float32"),
        pytest.param(layer(dtype="float16"), 13, None, id="float16"),
        pytest.param(layer(dtype="bfloat16"), 13, None, id="bfloat16, which arrives as float32"),
        pytest.param(layer(dtype="float64"), 13, "it is float64", id="float64"),
        pytest.param(layer(batch=BatchAxis(1)), 13, "batch axis", id="another batch axis"),
        pytest.param(layer(batch=BatchAxis(0, 4)), 13, "batch axis", id="several entries a sample"),
        pytest.param(layer(), OLDEST_OPSET - 1, "opset", id="an old opset"),
    ],
)
def test_what_cannot_be_pushed_is_told(one, opset, expected):
    model = parse(NEGATED, opset)
    reason = obstacle(model, one)
    assert (reason is None) if expected is None else (reason is not None and expected in reason)
    if reason is not None:
        with pytest.raises(OnnxinvError, match="cannot be summed"):
            pushed(model, one)


def test_a_layer_that_is_not_exposed_is_refused():
    with pytest.raises(OnnxinvError, match="not exposed"):
        push_down(expose(parse(NEGATED), ["x"]), [layer()], TRANSFORMS)
