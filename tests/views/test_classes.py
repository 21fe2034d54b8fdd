"""The probabilities of the classes, from logits or from probabilities, whatever axes of length one the output has."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.special import softmax

from onnxinv.model.class_output import ClassOutput
from onnxinv.views import ClassesView


def view(kind: Literal["logits", "probabilities"], classes: int = 4) -> ClassesView:
    return ClassesView(ClassOutput("y", kind, classes, "detected"))


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(4,), (4, 1, 1), (1, 4)])
def test_logits_are_shown_as_probabilities(shape: tuple[int, ...]) -> None:
    raw = draw(5, 3, *shape)
    grid, reference = view("logits").look(raw, slice(0, 3), 1).flat()
    expected = softmax(raw.reshape(5, 3, 4).astype(np.float64), axis=2)
    np.testing.assert_allclose(grid, expected, rtol=1e-12)
    assert grid.dtype == np.float64
    assert reference is not None
    np.testing.assert_allclose(reference, expected[:, 1], rtol=1e-12)


def test_probabilities_are_shown_as_they_are() -> None:
    raw = np.abs(draw(5, 3, 4))
    np.testing.assert_array_equal(view("probabilities").look(raw, slice(0, 3), None).flat()[0], raw)


def test_only_the_transforms_that_are_asked_for_are_shown() -> None:
    raw = draw(2, 4, 4)
    look = view("probabilities").look(raw, slice(3, 6), 3)
    assert look.grid.shape == (2, 3, 4, 1)
    grid, reference = look.flat()
    np.testing.assert_array_equal(grid, raw[:, :3])
    assert reference is not None
    np.testing.assert_array_equal(reference, raw[:, 3])
    assert view("probabilities").look(raw, slice(0, 4), None).reference is None


def test_every_class_is_a_unit_of_its_own() -> None:
    shown = view("logits")
    assert shown.channel.tolist() == [0, 1, 2, 3]
    assert shown.units.count == 4
    assert shown.bytes_per_variant() == 4 * 8
    assert shown.arrange(np.array([0.5])).tolist() == [0.5]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_have_no_probabilities(value: float) -> None:
    raw = draw(2, 2, 4)
    raw[1, 0, 2] = value
    grid = view("logits").look(raw, slice(0, 2), None).flat()[0]
    assert np.isnan(grid[1, 0]).all()
    assert np.isnan(grid).sum() == 4
