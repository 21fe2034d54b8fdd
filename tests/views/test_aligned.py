"""Maps with the transform undone or taken away: which pixel of which map of which sample is where, of which type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from onnxinv.config import Aggregate
from onnxinv.transforms import Transform, expand
from onnxinv.transforms.alignment import Alignment, align_maps
from onnxinv.transforms.python import UserStep
from onnxinv.transforms.resample import resample
from onnxinv.views import AlignedView, ResidualView
from onnxinv.views.aligned import MapSize
from tests.views.layers import layer_of

Raw = npt.NDArray[Any]

FLIPS = expand(["flip:axis=both"])
"""The identity, the horizontal flip, the vertical flip, and both."""

UNDO: list[Callable[[Raw], Raw]] = [
    lambda maps: maps,
    lambda maps: maps[..., ::-1],
    lambda maps: maps[..., ::-1, :],
    lambda maps: maps[..., ::-1, ::-1],
]
SIZE = 4, 6
LAYOUTS = {"channels first": 0, "channels between": 1, "channels last": 2}

every_layout = pytest.mark.parametrize("axis", LAYOUTS.values(), ids=LAYOUTS)


def alignment_of(transforms: tuple[Transform, ...], height: int = SIZE[0], width: int = SIZE[1]) -> Alignment:
    found = align_maps(transforms, height, width)
    assert isinstance(found, Alignment)
    return found


def draw(*shape: int, dtype: str = "float32", seed: int = 0) -> Raw:
    """Return (..., channels, height, width) maps."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def laid_out(maps: Raw, axis: int) -> Raw:
    """Return maps as a layer holds them that has its channels on another axis."""
    return np.moveaxis(maps, -3, axis - 3)


def shape_of(axis: int, channels: int = 3) -> tuple[int, ...]:
    return tuple(np.insert(SIZE, axis, channels).tolist())


def maps_view(kind: type[AlignedView | ResidualView], axis: int = 0, aggregate: Aggregate = "channel") -> Any:
    return kind(layer_of(shape_of(axis), axis, maps=True), alignment_of(FLIPS), aggregate)


@every_layout
def test_the_size_of_maps_leaves_out_the_channels(axis: int) -> None:
    assert MapSize.of(layer_of(shape_of(axis), axis)) == MapSize(4, 6)


@every_layout
def test_transforms_are_undone_map_by_map(axis: int) -> None:
    maps = draw(5, 4, 3, *SIZE)
    grid, reference = maps_view(AlignedView, axis).look(laid_out(maps, axis), slice(0, 4), None).flat()
    assert reference is None
    assert grid.shape == (5, 4, 24 * 3)
    for place, undo in enumerate(UNDO):
        # Pixels first, then channels.
        expected = np.moveaxis(undo(maps[:, place]), 1, -1).reshape(5, -1)
        np.testing.assert_array_equal(grid[:, place], expected)


@every_layout
def test_what_the_transform_makes_of_the_untransformed_map_is_taken_away(axis: int) -> None:
    maps = draw(5, 5, 3, *SIZE)
    grid, reference = maps_view(ResidualView, axis).look(laid_out(maps, axis), slice(0, 4), 4).flat()
    assert reference is not None
    for place, move in enumerate(UNDO):
        expected = maps[:, place] - move(maps[:, 4])
        np.testing.assert_array_equal(grid[:, place], np.moveaxis(expected, 1, -1).reshape(5, -1))
    np.testing.assert_array_equal(reference, np.moveaxis(maps[:, 4], 1, -1).reshape(5, -1))


def test_an_equivariant_layer_leaves_nothing() -> None:
    maps = draw(5, 1, 3, *SIZE)
    raw = np.concatenate([move(maps) for move in UNDO], axis=1)
    grid, _ = maps_view(AlignedView).look(raw, slice(0, 4), None).flat()
    np.testing.assert_array_equal(grid, np.broadcast_to(grid[:, :1], grid.shape))
    assert not maps_view(ResidualView).look(raw, slice(0, 4), 0).flat()[0].any()


@pytest.mark.parametrize("kind", [AlignedView, ResidualView])
def test_a_run_of_transforms_is_a_piece_of_all(kind: type[AlignedView | ResidualView]) -> None:
    raw = draw(2, 5, 3, *SIZE)
    whole = maps_view(kind).look(raw, slice(0, 4), 4).flat()[0]
    # Columns of the second to the fourth transform, and the untransformed sample behind them.
    part = maps_view(kind).look(raw[:, 1:], slice(1, 4), 3).flat()[0]
    np.testing.assert_array_equal(part, whole[:, 1:])


@pytest.mark.parametrize("aggregate", ["channel", "unit"])
def test_every_unit_is_of_the_channel_that_it_comes_from(aggregate: Aggregate) -> None:
    maps = np.broadcast_to(np.arange(3.0)[:, None, None], (1, 4, 3, *SIZE)).astype(np.float32)
    view = maps_view(AlignedView, aggregate=aggregate)
    look = view.look(maps, slice(0, 4), None)
    np.testing.assert_array_equal(view.channel, look.flat()[0][0, 0])
    assert look.grid.shape == (1, 4, 24, 3)
    if aggregate == "channel":
        np.testing.assert_array_equal(view.units.channel, view.channel)
        assert view.units.count == 3
    else:
        assert view.units.channel.tolist() == list(range(72))
        assert view.units.count == 72


@every_layout
def test_values_of_units_are_stored_in_the_shape_of_the_layer(axis: int) -> None:
    pixels = np.array([5, 6, 20])
    whole = alignment_of(FLIPS)
    alignment = Alignment(pixels, whole.forward, tuple(warp.at(pixels) for warp in whole.back))
    view = AlignedView(layer_of(shape_of(axis), axis, maps=True), alignment, "unit")
    maps = draw(1, 1, 3, *SIZE)
    grid = view.look(laid_out(maps, axis), slice(0, 1), None).flat()[0]
    assert view.units.count == grid.size == 9
    stored = view.arrange(grid.ravel())
    assert stored.shape == shape_of(axis)
    expected = np.full((3, 24), np.nan)
    expected[:, pixels] = maps.reshape(3, 24)[:, pixels]
    np.testing.assert_array_equal(stored, laid_out(expected.reshape(3, *SIZE), axis))


def test_values_of_channels_are_stored_as_they_are() -> None:
    assert maps_view(AlignedView).arrange(np.arange(3.0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("dtype", "shown"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
@pytest.mark.parametrize("kind", [AlignedView, ResidualView])
def test_half_precision_is_interpolated_in_single_precision(
    kind: type[AlignedView | ResidualView], dtype: str, shown: str
) -> None:
    turns = expand(["rotation:steps=3,degrees=34"])
    alignment = alignment_of(turns, 6, 6)
    raw = draw(2, 3, 2, 6, 6, dtype=dtype)
    view = kind(layer_of((2, 6, 6), dtype=dtype, maps=True), alignment, "channel")
    grid, reference = view.look(raw, slice(0, 3), 1).flat()
    assert reference is not None
    assert grid.dtype == reference.dtype == shown
    double = kind(layer_of((2, 6, 6), dtype="float64", maps=True), alignment, "channel")
    expected = double.look(raw.astype(np.float64), slice(0, 3), 1).flat()[0]
    np.testing.assert_allclose(grid, expected, rtol=0, atol=1e-6 if shown == "float32" else 0)
    assert view.units.resolution == layer_resolution(dtype)
    assert view.bytes_per_variant() == grid[0, 0].nbytes


def layer_resolution(dtype: str) -> float:
    return float({"float16": 1, "float32": 4, "float64": 4}[dtype] * np.finfo(dtype).eps)


@every_layout
@pytest.mark.parametrize("kind", [AlignedView, ResidualView])
def test_an_image_of_another_size_is_resampled_first(kind: type[AlignedView | ResidualView], axis: int) -> None:
    turns = expand(["rotation:steps=4"])
    images = draw(2, 5, 3, *SIZE)
    small = resample(images.reshape(-1, *SIZE), 3, 3).reshape(2, 5, 3, 3, 3)
    image = layer_of(shape_of(axis), axis, maps=True)
    view = kind(image, alignment_of(turns, 3, 3), "channel", MapSize(3, 3))
    own = kind(layer_of((3, 3, 3), maps=True), alignment_of(turns, 3, 3), "channel")
    found, expected = view.look(laid_out(images, axis), slice(0, 4), 4), own.look(small, slice(0, 4), 4)
    np.testing.assert_array_equal(found.grid, expected.grid)
    assert found.reference is not None
    assert expected.reference is not None
    np.testing.assert_array_equal(found.reference, expected.reference)
    assert view.units.count == 3
    assert view.bytes_per_variant() == 27 * 4


def test_callables_are_handed_the_maps_of_one_sample() -> None:
    def mirrored(image: Raw) -> Raw:
        return image[:, ::-1, ::-1]

    seen: list[tuple[int, ...]] = []

    def undone(image: Raw) -> Raw:
        seen.append(image.shape)
        return mirrored(image)

    swap = Transform("swap", {}, (UserStep(mirrored, "callable 0", undone),))
    view = AlignedView(layer_of(shape_of(2), 2, maps=True), alignment_of((swap,)), "channel")
    maps = draw(5, 1, 3, *SIZE)
    grid = view.look(laid_out(maps, 2), slice(0, 1), None).flat()[0]
    assert seen == [(*SIZE, 3)] * 5
    np.testing.assert_array_equal(grid[:, 0], np.moveaxis(maps[:, 0, ::-1, :, ::-1], 1, -1).reshape(5, -1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_stay_where_they_are(value: float) -> None:
    maps = np.zeros((1, 4, 3, *SIZE), dtype=np.float32)
    maps[0, :, 1, 0, 0] = value
    shown = maps_view(AlignedView).look(maps, slice(0, 4), None).flat()[0]
    assert np.argwhere(~np.isfinite(shown[0])).tolist() == [[0, 1], [1, 5 * 3 + 1], [2, 18 * 3 + 1], [3, 23 * 3 + 1]]
    left = maps_view(ResidualView).look(maps, slice(0, 4), 0).flat()[0]
    assert np.isfinite(left[0, 0]).sum() == 71
    assert np.isnan(left[0, 0, 1])


def test_raw_activations_are_left_as_they_are() -> None:
    raw = draw(2, 4, 3, *SIZE)
    raw.flags.writeable = False
    for kind in (AlignedView, ResidualView):
        look = maps_view(kind).look(raw, slice(0, 4), 0)
        assert not np.shares_memory(look.grid, raw)
    np.testing.assert_array_equal(raw, draw(2, 4, 3, *SIZE))
