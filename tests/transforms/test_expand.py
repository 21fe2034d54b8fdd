"""From specifications to a transform set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, expand


def test_the_first_named_is_applied_first(draw: Callable[..., Image]) -> None:
    image = draw(10, 10)
    turned_then_moved = expand(["rotation:steps=4", "translation:steps=1,max=0.1"])
    both = {t.name: t for t in turned_then_moved}["rotation 90, translation x0.1 y0"]
    expected = np.zeros_like(image)
    expected[:, 1:] = np.rot90(image)[:, :-1]
    np.testing.assert_array_equal(both(image), expected)


def test_affine_and_photometric_steps_keep_their_order(draw: Callable[..., Image]) -> None:
    image = draw(6, 6) + 1
    darkened_then_turned = expand(["brightness:steps=1,min=0,max=0", "rotation:steps=1,degrees=90,fill=0.5"])[0]
    turned_then_darkened = expand(["rotation:steps=1,degrees=90,fill=0.5", "brightness:steps=1,min=0,max=0"])[0]
    assert darkened_then_turned(image)[0, 0, 0] == 0.5
    assert turned_then_darkened(image)[0, 0, 0] == 0


def test_a_product_has_the_product_of_the_counts() -> None:
    transforms = expand(["flip:axis=both", "brightness:steps=3", "rotation:steps=5"])
    assert len(transforms) == 4 * 3 * 5
    assert sum(t.is_identity for t in transforms) == 1
    assert {tuple(t.parameters) for t in transforms} == {("flip", "brightness", "rotation")}


def test_names_are_unique_even_where_a_family_is_named_twice() -> None:
    transforms = expand(["rotation:steps=4", "rotation:steps=4"])
    assert len({t.name for t in transforms}) == 16
    assert all(set(t.parameters) == {"rotation", "rotation_2"} for t in transforms)


def test_a_file_and_a_family_make_a_product(tmp_path: Path, draw: Callable[..., Image]) -> None:
    (tmp_path / "mine.py").write_text("def negative():\n    return [lambda image: 1 - image]\n")
    transforms = expand([f"{tmp_path}/mine.py:negative", "flip"])
    assert [t.name for t in transforms] == ["negative[0]", "negative[0], flip horizontal"]
    image = draw(4, 4)
    np.testing.assert_array_equal(transforms[1](image), 1 - image[:, ::-1])


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        pytest.param([], "No transform is named", id="nothing"),
        pytest.param([""], "names nothing", id="an empty text"),
        pytest.param(["rotaton"], "Did you mean 'rotation'", id="a misspelt name"),
        pytest.param(["rotation:"], "no transform called 'rotation:'", id="a colon and no parameters"),
        pytest.param(["rotation:steps=4,steps=5"], "given twice", id="a parameter twice"),
        pytest.param(["rotation:steps=4,"], "is not a parameter", id="a trailing comma"),
        pytest.param(["paper-affine", "paper-affine"], "makes 254,016 transforms", id="too large a product"),
    ],
)
def test_what_means_nothing_is_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        expand(texts)
