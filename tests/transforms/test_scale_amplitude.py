"""Amplitude: the closed form, no clipping, the inverse."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, expand

SIGNAL = np.array([[-3.0, 0.0, 2.5], [1e6, -1e-6, 1.0]])


def test_every_value_is_multiplied_and_none_clipped() -> None:
    for transform in expand(["scale-amplitude"]):
        expected = SIGNAL * transform.parameters["amplitude"]
        np.testing.assert_array_equal(transform(SIGNAL, Context((0, 1))), expected)


def test_the_inverse_divides() -> None:
    for transform in expand(["scale-amplitude:steps=5,min=0.001,max=1000"]):
        undone = transform.inverse()
        assert undone is not None
        np.testing.assert_allclose(undone(transform(SIGNAL)), SIGNAL, rtol=1e-15)


def test_the_factor_one_is_the_identity() -> None:
    names = [t.name for t in expand(["scale-amplitude:steps=3,min=0.5,max=1.5"])]
    assert names == ["amplitude 0.5", "identity", "amplitude 1.5"]


@pytest.mark.parametrize("spec", ["scale-amplitude:min=0", "scale-amplitude:min=-1", "scale-amplitude:max=0.1"])
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        expand([spec])
