"""Noise: its deviation, its seed, clipping, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Context, expand

GREY = np.full((100, 100, 3), 127.5)


def context(*seed: int) -> Context:
    return Context((0.0, 255.0), (seed[0], seed[1], seed[2]))


def test_the_deviation_is_a_share_of_the_range() -> None:
    for transform in expand(["noise:steps=2,max=0.1"])[1:]:
        noise = transform(GREY, context(0, 0, 0)) - GREY
        deviation = transform.parameters["noise"] * 255
        assert noise.std() == pytest.approx(deviation, rel=0.02)
        assert abs(noise.mean()) < 0.03 * deviation
        assert np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.05)


def test_the_noise_is_of_the_seed_the_sample_and_the_transform() -> None:
    (_, noisy) = expand(["noise:steps=1"])
    drawn = [noisy(GREY, context(*seed)) for seed in [(7, 1, 2), (7, 1, 2), (8, 1, 2), (7, 2, 2), (7, 1, 3), (7, 2, 1)]]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({each.tobytes() for each in drawn}) == 5


def test_noise_named_twice_is_drawn_anew_for_each_deviation() -> None:
    (both,) = [t for t in expand(["noise:steps=1,max=0.1", "noise:steps=1,max=0.05"]) if len(t.steps) == 2]
    deviation = (both(GREY, context(0, 0, 3)) - GREY).std()
    assert deviation == pytest.approx(255 * np.hypot(0.1, 0.05), rel=0.03)


def test_the_sum_is_clipped_to_the_range() -> None:
    changed = expand(["noise:steps=1,max=10"])[1](GREY, context(0, 0, 0))
    assert (changed.min(), changed.max()) == (0, 255)


def test_sets() -> None:
    transforms = expand(["noise"])
    assert [t.name for t in transforms] == ["identity", "noise 0.05", "noise 0.1", "noise 0.15", "noise 0.2"]
    assert [t.parameters for t in transforms][:2] == [{"noise": 0.0}, {"noise": 0.05}]
    assert transforms[1].inverse() is None


def test_an_unknown_range_is_refused() -> None:
    with pytest.raises(UsageError, match="'noise' needs to know the range of a pixel"):
        expand(["noise"])[1](GREY, Context())


@pytest.mark.parametrize("spec", ["noise:max=0", "noise:max=-1", "noise:max=11", "noise:steps=0"])
def test_bad_parameters_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        expand([spec])
