"""From stored images to the model's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onnxinv.data.preprocess import Preprocess, to_model, to_pixels
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo


def info(dtype="float32"):
    return TensorInfo(name="image", dtype=dtype, shape=["N", 3, None, None])


@pytest.mark.parametrize(
    ("dtype", "rescale", "expected", "value_range"),
    [
        pytest.param("uint8", None, [0, 51 / 255, 1], (0, 1), id="uint8 -> 1/255"),
        pytest.param("uint16", None, [0, 51 / 65535, 255 / 65535], (0, 1), id="uint16 -> 1/65535"),
        pytest.param("float32", None, [0, 51, 255], None, id="floats stay"),
        pytest.param("int64", None, [0, 51, 255], None, id="signed integers stay"),
        pytest.param("uint8", 1.0, [0, 51, 255], (0, 255), id="a stated factor of 1"),
        pytest.param("uint8", 1 / 255, [0, 51 / 255, 1], (0, 1), id="the usual factor, stated"),
        pytest.param("uint8", 2 / 255, [0, 102 / 255, 2], (0, 2), id="another factor"),
        pytest.param("float32", 0.1, [0, 5.1, 25.5], None, id="a factor on floats"),
    ],
)
def test_pixels_are_rescaled(dtype, rescale, expected, value_range):
    image, limits = to_pixels(np.array([[0, 51, 255]], dtype), "HW", Preprocess(rescale=rescale))
    assert image.dtype == np.float64
    np.testing.assert_allclose(image, np.array(expected)[None, :, None], rtol=1e-15)
    assert limits == (value_range if value_range is None else pytest.approx(value_range, rel=1e-15))


def test_white_is_exactly_one():
    for dtype in (np.uint8, np.uint16):
        image, limits = to_pixels(np.full((1, 1), np.iinfo(dtype).max, dtype), "HW", Preprocess())
        assert image.item() == 1.0
        assert limits == (0.0, 1.0)


def test_booleans_are_zero_and_one():
    image, limits = to_pixels(np.array([[False, True]]), "HW", Preprocess())
    assert image.ravel().tolist() == [0, 1]
    assert limits == (0, 1)


def test_a_model_that_takes_integers_gets_pixels_as_they_are_stored():
    array = np.array([[0, 51, 255]], np.uint8)
    image, limits = to_pixels(array, "HW", Preprocess(), info("uint8"))
    assert limits == (0, 255)
    np.testing.assert_array_equal(to_model(image, Preprocess(), info("uint8"), "NCHW"), array[None])


@pytest.mark.parametrize(
    ("layout", "axes"),
    [pytest.param("HWC", (0, 1, 2), id="HWC"), pytest.param("CHW", (2, 0, 1), id="CHW")],
)
def test_pixels_are_height_width_channels(layout, axes):
    image = np.random.default_rng(0).random((4, 5, 3))
    stored = image.transpose(axes)
    kept = stored.copy()
    np.testing.assert_array_equal(to_pixels(stored, layout, Preprocess())[0], image)
    np.testing.assert_array_equal(stored, kept)


@given(
    st.sampled_from(["HWC", "CHW"]),
    st.sampled_from(["NCHW", "NHWC"]),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3, 4])),
)
def test_layouts_convert_into_one_another(layout, model, shape):
    image = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    stored = image if layout == "HWC" else image.transpose(2, 0, 1)
    pixels, _ = to_pixels(stored, layout, Preprocess())
    result = to_model(pixels, Preprocess(), info("float64"), model)
    np.testing.assert_array_equal(result, image if model == "NHWC" else image.transpose(2, 0, 1))
    assert result.flags.c_contiguous


def test_an_image_with_other_axes_than_its_layout_is_refused():
    with pytest.raises(DataError, match="HWC has 3 axes, but this one has 2"):
        to_pixels(np.zeros((2, 2)), "HWC", Preprocess())


@pytest.mark.parametrize(
    ("shape", "resize", "expected"),
    [
        pytest.param((10, 20), (5, 7), (5, 7), id="to a given size"),
        pytest.param((10, 20), 5, (5, 10), id="shortest edge, wide"),
        pytest.param((20, 10), 5, (10, 5), id="shortest edge, high"),
        pytest.param((10, 10), 5, (5, 5), id="shortest edge, square"),
        pytest.param((480, 640), 256, (256, 341), id="the long edge is truncated: 341.33"),
        pytest.param((300, 200), 256, (384, 256), id="enlarged"),
    ],
)
def test_sizes_after_resizing(shape, resize, expected):
    image, _ = to_pixels(np.zeros(shape), "HW", Preprocess(resize=resize))
    assert image.shape == (*expected, 1)


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic"])
def test_a_constant_stays_constant_and_keeps_its_range(resample):
    image, limits = to_pixels(np.full((9, 7, 3), 51, np.uint8), "HWC", Preprocess(resize=(4, 12), resample=resample))
    np.testing.assert_allclose(image, 0.2, rtol=1e-12)
    assert limits == (0, 1)


def test_bilinear_enlargement_by_two_against_the_closed_form():
    image, _ = to_pixels(np.array([[0.0, 1.0]]), "HW", Preprocess(resize=(1, 4)))
    np.testing.assert_allclose(image.ravel(), [0, 0.25, 0.75, 1], atol=1e-12)


def test_bilinear_enlargement_keeps_a_ramp_a_ramp():
    ramp = np.tile(np.arange(8.0), (8, 1))
    image, _ = to_pixels(ramp, "HW", Preprocess(resize=(16, 16)))
    np.testing.assert_allclose(image[5, 2:-2, 0], (np.arange(16) + 0.5)[2:-2] / 2 - 0.5, atol=1e-12)


def test_nearest_takes_pixels_as_they_are():
    array = np.random.default_rng(0).random((6, 6))
    image, _ = to_pixels(array, "HW", Preprocess(resize=(12, 12), resample="nearest"))
    np.testing.assert_array_equal(image[..., 0], np.kron(array, np.ones((2, 2))))
    smaller, _ = to_pixels(array, "HW", Preprocess(resize=(3, 3), resample="nearest"))
    assert set(smaller.ravel()) <= set(array.ravel())


def test_shrinking_filters_first():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 1.0
    image, _ = to_pixels(board, "HW", Preprocess(resize=(16, 16)))
    np.testing.assert_allclose(image[2:-2, 2:-2], 0.5, atol=0.02)


def test_the_same_size_is_left_alone_exactly():
    array = np.random.default_rng(0).random((6, 5))
    np.testing.assert_array_equal(to_pixels(array, "HW", Preprocess(resize=(6, 5)))[0][..., 0], array)


@pytest.mark.parametrize(
    ("size", "crop", "top", "left"),
    [
        pytest.param((6, 8), (2, 4), 2, 2, id="even"),
        pytest.param((7, 8), (2, 3), 2, 2, id="odd margins round down, as in Hugging Face"),
        pytest.param((6, 8), (6, 8), 0, 0, id="everything"),
    ],
)
def test_the_crop_is_central(size, crop, top, left):
    array = np.arange(np.prod(size), dtype=float).reshape(size)
    image, _ = to_pixels(array, "HW", Preprocess(crop=crop))
    np.testing.assert_array_equal(image[..., 0], array[top : top + crop[0], left : left + crop[1]])


def test_resizing_comes_before_the_crop():
    image, _ = to_pixels(np.zeros((50, 100)), "HW", Preprocess(resize=25, crop=(20, 20)))
    assert image.shape == (20, 20, 1)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(DataError, match="6 by 8 is smaller than the crop of 7 by 2") as caught:
        to_pixels(np.zeros((6, 8)), "HW", Preprocess(crop=(7, 2)))
    assert "--resize" in caught.value.hint


def test_normalisation_against_the_closed_form():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    array = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    preprocess = Preprocess(mean=mean, std=std)
    result = to_model(to_pixels(array, "HWC", preprocess)[0], preprocess, info(), "NCHW")
    assert result.dtype == np.float32
    for channel in range(3):
        expected = (array[..., channel] / 255 - mean[channel]) / std[channel]
        np.testing.assert_allclose(result[channel], expected, rtol=1e-6, atol=1e-6)


def test_one_mean_serves_every_channel():
    image = np.full((2, 2, 3), 0.75)
    result = to_model(image, Preprocess(mean=0.5, std=0.5), info(), "NHWC")
    np.testing.assert_array_equal(result, np.full((2, 2, 3), 0.5, np.float32))


@pytest.mark.parametrize("name", ["mean", "std"])
def test_a_mean_or_std_for_other_channels_is_refused(name):
    with pytest.raises(DataError, match=f"The {name} has 3 values, but the image has 1 channel"):
        to_model(np.zeros((2, 2, 1)), Preprocess(**{name: (1, 2, 3)}), info(), "NCHW")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        pytest.param("float16", [-300.5, 0.4, 0.6, 300], id="float16"),
        pytest.param("float64", [-300.5, 0.4, 0.6, 300], id="float64"),
        pytest.param("uint8", [0, 0, 1, 255], id="uint8 is rounded and clipped"),
        pytest.param("int8", [-128, 0, 1, 127], id="int8 is rounded and clipped"),
        pytest.param("int32", [-300, 0, 1, 300], id="int32 is rounded to even"),
        pytest.param("bool", [False, False, True, True], id="bool"),
    ],
)
def test_the_input_has_the_models_type(dtype, expected):
    result = to_model(np.array([[[-300.5], [0.4], [0.6], [300.0]]]), Preprocess(), info(dtype), "NCHW")
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.ravel(), np.array(expected, dtype))


@pytest.mark.parametrize("dtype", ["object", "complex64", "no-such-type"])
def test_an_input_that_cannot_take_an_image_is_refused(dtype):
    with pytest.raises(DataError, match=f"'image' of type {dtype} cannot take an image"):
        to_model(np.zeros((1, 1, 1)), Preprocess(), info(dtype), "NCHW")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"resize": 0}, id="no size"),
        pytest.param({"resize": (3,)}, id="half a size"),
        pytest.param({"crop": (0, 3)}, id="empty crop"),
        pytest.param({"rescale": 0}, id="factor 0"),
        pytest.param({"rescale": float("nan")}, id="factor NaN"),
        pytest.param({"std": (1, 0)}, id="std 0"),
        pytest.param({"std": float("inf")}, id="std infinite"),
        pytest.param({"mean": ()}, id="no mean"),
        pytest.param({"resample": "lanczos"}, id="unknown resampling"),
        pytest.param({"layout": "HWC"}, id="a sample's layout"),
        pytest.param({"sdt": 1}, id="unknown field"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValidationError):
        Preprocess(**fields)


def test_merging_takes_what_was_set_and_leaves_the_rest():
    file = Preprocess(resize=256, crop=(224, 224), mean=0.5, resample="bicubic")
    merged = file.merged(Preprocess(mean=(0.1, 0.2, 0.3), rescale=1.0, crop=None))
    expected = Preprocess(resize=256, crop=(224, 224), mean=(0.1, 0.2, 0.3), resample="bicubic", rescale=1.0)
    assert merged == expected
    assert file.mean == (0.5,)
    assert file.merged(Preprocess(resample="bilinear")).resample == "bilinear"


@pytest.mark.parametrize("resize", [(9000, 9000), (10**6, 10**6), 10**6])
def test_what_would_be_resized_beyond_all_measure_is_refused(resize):
    with pytest.raises(DataError, match="above the limit"):
        to_pixels(np.zeros((9, 9), np.uint8), "HW", Preprocess(resize=resize))
