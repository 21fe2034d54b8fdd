"""JPEG: against Pillow, better with quality, in pixels of any range, refusals."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, Image, expand

UNIT = Context((0.0, 1.0))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_is_what_pillow_reads_again(draw: Callable[..., Image], channels: int) -> None:
    stored = np.rint(draw(13, 21, channels) * 255).astype(np.uint8)
    for transform in expand(["jpeg"]):
        file = io.BytesIO()
        picture = PIL.Image.fromarray(stored.squeeze())
        picture.save(file, "JPEG", quality=transform.parameters["jpeg"])
        expected = np.asarray(PIL.Image.open(file), dtype=np.float64).reshape(stored.shape)
        np.testing.assert_allclose(transform(stored / 255.0, UNIT), expected / 255, rtol=0, atol=1e-12)
        np.testing.assert_allclose(transform(stored + 0.0, Context((0, 255))), expected, rtol=0, atol=1e-9)


def test_a_better_quality_is_closer_to_the_image(draw: Callable[..., Image]) -> None:
    image = draw(32, 32)
    errors = [np.abs(transform(image, UNIT) - image).mean() for transform in expand(["jpeg"])]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 3


def test_the_set_has_no_identity_and_no_inverse() -> None:
    transforms = expand(["jpeg"])
    assert [t.name for t in transforms] == ["jpeg 10", "jpeg 30", "jpeg 50", "jpeg 70", "jpeg 90"]
    assert not any(t.is_identity for t in transforms)
    assert transforms[0].inverse() is None


def test_qualities_are_whole_and_distinct() -> None:
    qualities = [t.parameters["jpeg"] for t in expand(["jpeg:steps=4,min=10,max=15"])]
    assert qualities == [10, 12, 13, 15]


@pytest.mark.parametrize(
    ("shape", "context", "complaint"),
    [
        pytest.param((4, 4, 2), UNIT, "takes 1 or 3 channels", id="two channels"),
        pytest.param((1, 65_501, 1), UNIT, "at most 65,500 pixels", id="too wide"),
        pytest.param((4, 4, 3), Context(), "'jpeg' needs to know the range of a pixel", id="range unknown"),
    ],
)
def test_what_cannot_be_written_is_refused(shape: tuple[int, ...], context: Context, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand(["jpeg"])[0](np.zeros(shape), context)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("jpeg:min=50,max=40", "min is 50, above max, which is 40", id="min above max"),
        pytest.param("jpeg:steps=7,min=10,max=15", "there are no 7 whole qualities from 10 to 15", id="too many steps"),
        pytest.param("jpeg:max=101", "max", id="beyond the best"),
        pytest.param("jpeg:min=0", "min", id="beyond the worst"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
