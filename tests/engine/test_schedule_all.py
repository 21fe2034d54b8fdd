"""How the work is cut up and shared among threads changes no value of any measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import analyze
from onnxinv.result import Result
from tests.networks import DIGITS, SHIPPED

SAMPLES = 40
LAYERS = ("image", "pool2", "conv5", "elu5", "fc*", "elu6")
"""One of each kind; the large layers add time only."""


def run(data: Path, **options: object) -> Result:
    defaults: dict[str, object] = {"layers": LAYERS, "threads": 1, "batch": 64, "device": "cpu", "groups": 4}
    return analyze(SHIPPED[1], data, "rotation:steps=8", measures=("all",), **{**defaults, **options})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("all") / "digits.npz"
    with np.load(DIGITS) as stored:
        np.savez(path, x=stored["x"][:SAMPLES], y=stored["y"][:SAMPLES])
    return path


@pytest.fixture(scope="module")
def usual(data: Path) -> Result:
    return run(data)


@pytest.mark.parametrize(
    ("options", "rtol"),
    [
        pytest.param({"batch": 5}, 1e-9, id="rows are split over runs"),
        pytest.param({"batch": 24}, 1e-9, id="windows are split over runs"),
        pytest.param({"batch": 256}, 1e-9, id="a run holds a window"),
        pytest.param({"threads": 2}, 1e-9, id="threads"),
        pytest.param({"memory": "32MiB", "batch": 5}, 1e-4, id="chunks of layers"),
    ],
)
def test_no_value_changes(data: Path, usual: Result, options: dict[str, object], rtol: float) -> None:
    found = run(data, **options)
    assert (found.meta.runtime.schedule == usual.meta.runtime.schedule) == ("memory" not in options)
    assert list(found.units) == list(usual.units)
    for key, values in usual.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=rtol, atol=1e-9, err_msg=key)
    assert list(found.document.outputs) == list(usual.document.outputs)
    for name, output in usual.document.outputs.items():
        assert found.document.outputs[name].value == pytest.approx(output.value, rel=1e-6), name


def test_groups_that_are_summed_in_pieces_say_the_same(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(data, groups=2)
    monkeypatch.setattr("onnxinv.schedule.SEGMENT", 16)
    found = run(data, groups=2)
    # The other sample that each is compared with comes from the same piece: it is another one.
    same = {key for key in whole.measures if not key.startswith("relative-invariance")}
    for key, values in whole.units.items():
        if key.partition("/")[0] in same:
            np.testing.assert_allclose(found.units[key], values, rtol=1e-6, atol=1e-9, err_msg=key)
