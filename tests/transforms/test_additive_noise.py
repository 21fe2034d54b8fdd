"""Additive noise: relative to the sample, seeded, for any shape."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, expand


@pytest.mark.parametrize("amplitude", [1e-200, 1.0, 3e4, 1e200])
def test_the_deviation_is_a_share_of_the_root_mean_square(amplitude: float) -> None:
    signal = amplitude * np.sin(np.linspace(0, 200 * np.pi, 20_000)).reshape(4, -1)
    for transform in expand(["additive-noise:steps=2,max=1"])[1:]:
        noise = (transform(signal) - signal) / amplitude
        assert noise.std() == pytest.approx(transform.parameters["additive_noise"] / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 3)])
def test_silence_stays_silent(shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(expand(["additive-noise"])[-1](np.zeros(shape)), np.zeros(shape))


def test_the_noise_is_of_the_seed_the_sample_and_the_transform() -> None:
    noisy = expand(["additive-noise"])[1]
    seeds = [(7, 1, 2), (7, 1, 2), (8, 1, 2), (7, 2, 2), (7, 1, 3)]
    drawn = [noisy(np.ones(9), Context(seed=seed)) for seed in seeds]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({each.tobytes() for each in drawn}) == 4


def test_the_set_begins_with_the_identity() -> None:
    transforms = expand(["additive-noise:steps=2"])
    assert [t.name for t in transforms] == ["identity", "additive-noise 0.2", "additive-noise 0.4"]
    assert transforms[1].inverse() is None


@pytest.mark.parametrize("spec", ["additive-noise:max=0", "additive-noise:max=1001", "additive-noise:steps=0"])
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        expand([spec])
