"""Flips: which they are, exactness, how they mix with other affine maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        pytest.param("flip", ["identity", "flip horizontal"], id="horizontal by default"),
        pytest.param("flip:axis=vertical", ["identity", "flip vertical"], id="vertical"),
        pytest.param(
            "flip:axis=both", ["identity", "flip horizontal", "flip vertical", "flip both"], id="both makes four"
        ),
    ],
)
def test_sets(spec: str, names: list[str]) -> None:
    transforms = expand([spec])
    assert [t.name for t in transforms] == names
    assert [t.is_identity for t in transforms] == [True] + [False] * (len(names) - 1)
    assert [t.parameters["flip"] for t in transforms] == ["none", *(name.split()[1] for name in names[1:])]


@pytest.mark.parametrize("size", [(4, 4), (5, 5), (3, 8), (7, 2), (1, 1)])
def test_flips_are_exact(draw: Callable[..., Image], size: tuple[int, int]) -> None:
    image = draw(*size, 3)
    same, left_right, up_down, both = (transform(image) for transform in expand(["flip:axis=both"]))
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(left_right, image[:, ::-1])
    np.testing.assert_array_equal(up_down, image[::-1])
    np.testing.assert_array_equal(both, image[::-1, ::-1])


def test_a_flip_undoes_itself(draw: Callable[..., Image]) -> None:
    image = draw(3, 8)
    for transform in expand(["flip:axis=both"]):
        undone = transform.inverse()
        assert undone is not None
        np.testing.assert_array_equal(undone(transform(image)), image)


def test_a_flip_and_a_rotation_are_one_warp_whatever_the_fill(draw: Callable[..., Image]) -> None:
    image = draw(8, 8)
    for specs in (["flip", "rotation:steps=3,fill=edge"], ["rotation:steps=3,fill=edge", "flip"]):
        last = expand(specs)[-1]
        assert len(last.steps) == 1
        one_by_one = image
        for spec in specs:
            one_by_one = expand([spec])[-1](one_by_one)
        np.testing.assert_allclose(last(image), one_by_one, rtol=0, atol=1e-12)


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(UsageError, match="'horizontal', 'vertical' or 'both'"):
        expand(["flip:axis=diagonal"])
