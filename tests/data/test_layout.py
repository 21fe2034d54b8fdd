"""Layouts of images and models."""

from __future__ import annotations

import pytest

from onnxinv.data.layout import check_image, model_layout, sample_layout
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo


def info(*shape):
    return TensorInfo(name="image", dtype="float32", shape=list(shape))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        pytest.param(("N", 3, 224, 224), "NCHW", id="colour first"),
        pytest.param((1, 1, 28, 28), "NCHW", id="gray first"),
        pytest.param(("N", 4, 64, 64), "NCHW", id="four channels first"),
        pytest.param(("N", 224, 224, 3), "NHWC", id="colour last"),
        pytest.param((None, 28, 28, 1), "NHWC", id="gray last"),
        pytest.param(("N", 3, "height", "width"), "NCHW", id="free size, channels first"),
        pytest.param(("N", None, None, 3), "NHWC", id="free size, channels last"),
        pytest.param(("batch_size", "num_channels", "height", "width"), "NCHW", id="all free, channels named"),
    ],
)
def test_the_layout_of_a_model_is_found(shape, expected):
    assert model_layout(info(*shape)) == expected


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        pytest.param(("N", 3, 3, 3), "both its second and its last", id="both"),
        pytest.param(("N", 1, 28, 1), "both its second and its last", id="one column"),
        pytest.param(("N", 12, 64, 64), "neither its second nor its last", id="neither"),
        pytest.param((None, None, None, None), "(?, ?, ?, ?) is not clear", id="all free"),
    ],
)
def test_an_ambiguous_model_is_refused_unless_stated(shape, reason):
    with pytest.raises(DataError) as caught:
        model_layout(info(*shape))
    assert reason in caught.value.message
    assert "--layout NCHW or --layout NHWC" in caught.value.hint
    assert model_layout(info(*shape), "NHWC") == "NHWC"


def test_an_input_that_is_no_image_is_refused():
    with pytest.raises(DataError, match="has 2 axes, not 4"):
        model_layout(info("N", 784), "NCHW")


NCHW, NHWC = info("N", 3, 32, 48), info("N", 32, 48, 3)


@pytest.mark.parametrize(
    ("shape", "model", "layout", "expected"),
    [
        pytest.param((28, 28), info("N", 1, 28, 28), "NCHW", "HW", id="two axes"),
        pytest.param((3, 32, 48), NCHW, "NCHW", "CHW", id="stored as the model takes it"),
        pytest.param((32, 48, 3), NCHW, "NCHW", "HWC", id="stored the other way round"),
        pytest.param((3, 32, 48), NHWC, "NHWC", "CHW", id="channels first for a channels-last model"),
        pytest.param((100, 90, 3), NCHW, "NCHW", "HWC", id="another size"),
        pytest.param((12, 64, 64), info("N", 12, 64, 64), "NCHW", "CHW", id="an unusual number of channels"),
        pytest.param((64, 64, 12), info("N", 12, 64, 64), "NCHW", "HWC", id="the same, last"),
        pytest.param((3, 32, 3), info("N", 3, 3, 32), "NCHW", "HWC", id="channels agree in both, the size decides"),
        pytest.param((3, 32, 3), info("N", 3, 32, 3), "NCHW", "CHW", id="the size decides the other way"),
        pytest.param((3, 3, 3), info("N", 3, 3, 3), "NCHW", "CHW", id="all agree: as the model, channels first"),
        pytest.param((3, 3, 3), info("N", 3, 3, 3), "NHWC", "HWC", id="all agree: as the model, channels last"),
        pytest.param((1, 28, 28), NCHW, "NCHW", "CHW", id="wrong channels, but the layout is clear"),
        pytest.param((28, 28, 4), info("N", None, None, None), "NHWC", "HWC", id="free model"),
    ],
)
def test_the_layout_of_a_sample_is_found(shape, model, layout, expected):
    assert sample_layout(shape, model, layout) == expected


def test_what_was_stated_wins():
    assert sample_layout((3, 32, 48), NCHW, "NCHW", "HWC") == "HWC"


@pytest.mark.parametrize(
    ("shape", "stated", "message"),
    [
        pytest.param((5, 32, 48), None, "Say --data a.npz:layout=HWC or layout=CHW", id="no axis looks like channels"),
        pytest.param((3, 20, 3), None, "(3, 20, 3) is not clear", id="both do, and no size agrees"),
        pytest.param((3, 32, 48), "HW", "has 3 axes (3, 32, 48), but layout=HW", id="stated with too few axes"),
        pytest.param((784,), None, "is not an image: it has 1 axes (784)", id="a vector"),
        pytest.param((2, 3, 4, 5), None, "is not an image", id="a video"),
    ],
)
def test_a_sample_whose_layout_is_not_clear_is_refused(shape, stated, message):
    with pytest.raises(DataError) as caught:
        sample_layout(shape, NCHW, "NCHW", stated, source="a.npz")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "model", "layout"),
    [
        pytest.param((32, 48, 3), NCHW, "NCHW", id="channels first"),
        pytest.param((32, 48, 3), NHWC, "NHWC", id="channels last"),
        pytest.param((7, 9, 3), info("N", 3, "h", None), "NCHW", id="free size"),
        pytest.param((7, 9, 5), info(None, None, None, None), "NCHW", id="all free"),
    ],
)
def test_an_image_that_fits_passes(shape, model, layout):
    check_image(shape, model, layout)


@pytest.mark.parametrize(
    ("shape", "model", "messages"),
    [
        pytest.param((32, 48, 1), NCHW, ["has 1 channel,", "takes 3", "mode=rgb"], id="gray for a colour model"),
        pytest.param((8, 8, 3), info("N", 1, 8, 8), ["has 3 channels", "takes 1", "mode=gray"], id="colour for gray"),
        pytest.param((28, 29, 3), NCHW, ["28 high and 29 wide", "32 by 48", "--resize 32,48"], id="size"),
        pytest.param((28, 29, 3), info("N", 3, 32, "w"), ["takes 32 by 29", "--resize 32,29"], id="half-free size"),
        pytest.param((8, 8, 3), info("N", 5, 8, 8), ["has 3 channels", "takes 5"], id="five channels"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(shape, model, messages):
    with pytest.raises(DataError) as caught:
        check_image(shape, model, "NCHW", source="photos")
    for message in ["'photos'", "'image'", *messages]:
        assert message in str(caught.value)
