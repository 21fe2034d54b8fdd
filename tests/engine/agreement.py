"""Two results of the same run, reduced in different ways, agree."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.result import Result


def alike(single: Result, double: Result, atol: float = 1e-9) -> None:
    """Make sure that all values agree to 1e-5 or `atol`, and zeros and infinities exactly."""
    assert list(single.units) == list(double.units)
    for key, expected in double.units.items():
        np.testing.assert_array_equal(np.isfinite(single.units[key]), np.isfinite(expected), err_msg=key)
        np.testing.assert_array_equal(single.units[key] == 0, expected == 0, err_msg=key)
        np.testing.assert_allclose(single.units[key], expected, rtol=1e-5, atol=atol, err_msg=key)
    for one, other in zip(single.layers, double.layers, strict=True):
        for key, found in one.measures.items():
            wanted = other.measures[key]
            assert (found.mean is None, found.se is None) == (wanted.mean is None, wanted.se is None)
            assert found.mean is None or found.mean == pytest.approx(wanted.mean, rel=1e-6)
            assert found.se is None or found.se == pytest.approx(wanted.se, rel=1e-3, abs=1e-7)
