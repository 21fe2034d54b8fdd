"""A run's configuration refuses what means nothing, and says what it takes."""

from __future__ import annotations

import pytest

from onnxinv.config import RunConfig, run_config
from onnxinv.errors import UsageError

RUN = {"model": "net.onnx", "data": "x.npz", "transforms": ("identity",)}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("8GiB", 8 << 30, id="GiB"),
        pytest.param("8 gb", 8 << 30, id="gb with a blank -> as GiB"),
        pytest.param("1.5M", 3 << 19, id="a fraction of M"),
        pytest.param("2097152", 1 << 21, id="no unit -> bytes"),
        pytest.param(1 << 20, 1 << 20, id="a number -> bytes"),
    ],
)
def test_memory_is_understood(text, size):
    assert run_config(**RUN, memory=text).memory == size


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param({"memory": "banana"}, "write a number of bytes such as 8GiB", id="memory that is no size"),
        pytest.param({"memory": "1KiB"}, "the least is 1MiB", id="memory below a mebibyte"),
        pytest.param({"memory": "-1"}, "write a number of bytes", id="negative memory"),
        pytest.param({"memory": 5}, "greater than or equal to 1048576", id="five bytes"),
        pytest.param({"seed": -1}, "seed: .* greater than or equal to 0", id="a negative seed"),
        pytest.param({"groups": 1}, "groups: .* greater than or equal to 2", id="one group"),
        pytest.param({"sample_units": 0}, "sample_units: .* greater than or equal to 4", id="no position"),
        pytest.param({"sample_units": 3}, "sample_units: .* greater than or equal to 4", id="three positions"),
        pytest.param({"sample_units": 4.5}, "sample_units: .* integer", id="half a position"),
        pytest.param({"batch": 0}, "batch: .* greater than or equal to 1", id="an empty batch"),
        pytest.param({"threads": -1}, "threads: .* greater than or equal to 0", id="negative threads"),
        pytest.param({"aggregate": "chanel"}, "Did you mean 'channel'", id="a misspelt aggregate"),
        pytest.param({"select": "defautl"}, "Did you mean 'default'", id="a misspelt selection"),
        pytest.param({"layout": "NCWH"}, "Did you mean 'NCHW'", id="a misspelt layout"),
        pytest.param({"sampels": 3}, "There is no option 'sampels'. Did you mean 'samples'", id="a misspelt option"),
        pytest.param({"resize": "x"}, "cannot be used: resize: ", id="a size that is a word"),
    ],
)
def test_is_refused_with_a_reason(options, reason):
    with pytest.raises(UsageError, match=reason):
        run_config(**RUN, **options)


def test_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        run_config(**RUN).seed = 1


def test_every_field_is_documented():
    described = (RunConfig.__doc__ or "").partition("Attributes:")[2]
    overrides = {"mean", "std", "scale", "resize", "layout"}  # "the five keys after it"
    assert [name for name in RunConfig.model_fields if name not in overrides and name not in described] == []
