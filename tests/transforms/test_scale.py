"""Scalings: factors, direction, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


def test_factors_in_order() -> None:
    factors = [(t.parameters["scale_x"], t.parameters["scale_y"]) for t in expand(["scale:steps=2,min=0.5,max=1.5"])]
    expected = [(1.0, 1.0)]
    for s in (0.5, 0.75, 1.25, 1.5):
        expected += [(1, s), (s, 1), (s, s)]
    assert factors == expected


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_there_are_six_a_step_and_the_identity(steps: int) -> None:
    transforms = expand([f"scale:steps={steps}"])
    assert len(transforms) == 6 * steps + 1
    assert [transform.is_identity for transform in transforms] == [True] + [False] * (6 * steps)


def test_factors_are_those_of_the_definition() -> None:
    got = {float(t.parameters["scale_x"]) for t in expand(["scale:steps=7,min=0.3,max=2.2"])[1:]} - {1.0}
    expected = [*np.linspace(0.3, 1, 7, endpoint=False), *np.linspace(1, 2.2, 8)[1:]]
    np.testing.assert_allclose(sorted(got), expected, rtol=0, atol=1e-11)


def test_names_say_both_factors() -> None:
    assert [t.name for t in expand(["scale:steps=1,min=0.5,max=1.25"])][:4] == [
        "identity",
        "scale x1 y0.5",
        "scale x0.5 y1",
        "scale x0.5 y0.5",
    ]


def test_a_factor_above_one_magnifies() -> None:
    image = np.zeros((9, 9, 1))
    image[3:6, 3:6] = 1
    transforms = {t.name: t for t in expand(["scale:steps=1,min=0.5,max=2"])}
    assert transforms["scale x2 y2"](image).sum() > 3 * image.sum()
    assert transforms["scale x0.5 y0.5"](image).sum() < image.sum() / 2


def test_x_is_the_width() -> None:
    image = np.zeros((9, 9, 1))
    image[4, 4] = 1
    wider = {t.name: t for t in expand(["scale:steps=1,min=0.5,max=2"])}["scale x2 y1"](image)
    np.testing.assert_array_equal(wider[4, :, 0], [0, 0, 0, 0.5, 1, 0.5, 0, 0, 0])
    assert wider.sum() == wider[4].sum()


def test_what_lies_outside_a_reduced_image_is_the_fill(draw: Callable[..., Image]) -> None:
    image = draw(8, 8)
    for fill, corner in (("0.25", 0.25), ("edge", image[0, 0, 0])):
        smaller = expand([f"scale:steps=1,fill={fill}"])[3](image)
        assert smaller[0, 0, 0] == corner


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("scale:steps=0", "steps", id="no steps"),
        pytest.param("scale:min=0", "min", id="factor zero"),
        pytest.param("scale:min=-0.5", "min", id="negative factor"),
        pytest.param("scale:min=1", "min: Input should be less than 1", id="nothing to reduce"),
        pytest.param("scale:max=1", "max: Input should be greater than 1", id="nothing to magnify"),
        pytest.param("scale:min=2,max=0.5", "min", id="min above max"),
        pytest.param("scale:max=nan", "max", id="not a number"),
        pytest.param("scale:max=inf", "max", id="infinite"),
        pytest.param("scale:max=big", "max", id="a word"),
    ],
)
def test_bad_parameters_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand([spec])
