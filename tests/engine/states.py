"""Small measurements that are interrupted, cut into shards and put together again, and what is the same afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.api import analyze
from onnxinv.checkpoint import read_checkpoint
from onnxinv.result import STATE, Result
from tests.networks import save_text

GROUPS = 6

ALL = {"measures": ("all",)}
SOME = {"measures": ("normalized-variance", "goodfellow", "sample-distance", "normalized-distance-se", "linear-cka")}
BODY = """net (float[n,1,8,8] image) => (float[n,4] y) {
    c = Conv<pads = [1, 1, 1, 1]>(image, k)  r = Relu(c)  p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(r)
    f = Flatten(p)  y = MatMul(f, w) }"""
TURNS = "rotation:steps=4,degrees=360"
VARIANTS = [
    pytest.param({}, id="default measures"),
    pytest.param(ALL, id="all measures"),
    pytest.param({**SOME, "reduce": "host"}, id="float64"),
    pytest.param({**SOME, "reduce": "pushdown"}, id="sums in the graph"),
    pytest.param({**ALL, "stratify": True}, id="class by class"),
    pytest.param({**SOME, "aggregate": "unit"}, id="units"),
    pytest.param({"aggregate": "activation-max"}, id="largest activations"),
    pytest.param({"sample_units": 5}, id="some positions"),
    pytest.param({"batch": 3, "threads": 2}, id="rows over several runs"),
]
"""Ways to measure."""


class StoppedError(Exception):
    """What interrupts a measurement in a test."""


@dataclass(frozen=True)
class Setting:
    """A small network and labelled images, in a folder.

    Attributes:
        folder: of both.
        model: the network.
        data: the images.
    """

    folder: Path
    model: Path
    data: Path

    @classmethod
    def save(cls, folder: Path, samples: int = 26, seed: int = 0) -> Setting:
        """Write a network of random weights, and images of two classes."""
        generator = np.random.default_rng(seed)
        kernel = generator.standard_normal((3, 1, 3, 3)).astype(np.float32)
        weights = generator.standard_normal((48, 4)).astype(np.float32)
        folder.mkdir(exist_ok=True, parents=True)
        model = save_text(folder / "net.onnx", BODY, k=kernel, w=weights)
        images = generator.random((samples, 1, 8, 8), dtype=np.float32)
        np.savez(folder / "x.npz", x=images, y=np.arange(samples) % 2)
        return cls(folder, model, folder / "x.npz")

    def run(self, out: str, **options: Any) -> Result:
        """Measure, keep states, and write the result."""
        defaults: dict[str, Any] = {"data": self.data, "transforms": TURNS, "device": "cpu", "threads": 1, "groups": 6}
        result = analyze(self.model, **{**defaults, "state": self.folder / out / STATE, **options})
        result.save(self.folder / out, overwrite=True)
        return result

    def interrupted(self, out: str, told: int, **options: Any) -> None:
        """Begin to measure, and stop when progress was told that often."""
        with pytest.raises(StoppedError):
            self.run(out, progress=stop_after(told), **options)

    def shards(self, count: int, **options: Any) -> list[Path]:
        """Measure all shards, and return their folders."""
        for number in range(1, count + 1):
            self.run(f"{number}of{count}", shard=f"{number}/{count}", **options)
        return [self.folder / f"{number}of{count}" for number in range(1, count + 1)]


def stop_after(told: int) -> Callable[[int], None]:
    """Return what is told of progress, and stops the measurement when it was told so often."""
    left = told

    def progress(_done: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoppedError

    return progress


def assert_same(found: Result, expected: Result, *, inferences: bool = True) -> None:
    """Make sure that two results hold the same, values to 1e-12."""
    assert list(found.units) == list(expected.units)
    for key, values in expected.units.items():
        assert found.units[key].shape == values.shape
        np.testing.assert_allclose(found.units[key], values, rtol=1e-12, atol=1e-12, err_msg=key)
    one, other = found.document.model_dump(mode="json"), expected.document.model_dump(mode="json")
    one_meta, other_meta = one.pop("meta"), other.pop("meta")
    assert_alike(one, other, "document")
    for part in ("model", "data", "transforms", "options", "warnings", "class_output", "runtime"):
        assert one_meta[part] == other_meta[part], part
    if inferences:
        assert found.meta.timing.inferences == expected.meta.timing.inferences


def assert_alike(found: Any, expected: Any, where: str) -> None:
    """Make sure that two documents are the same, numbers to 1e-12 of their size, or of 1 where that is larger."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key, value in expected.items():
            assert_alike(found[key], value, f"{where}/{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, value in enumerate(expected):
            assert_alike(found[place], value, f"{where}/{place}")
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12), f"{where}: {found} is not {expected}"
    else:
        assert found == expected, where


def few_kept_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let group states be kept of 40 units of each layer, so that a small one has more."""
    for module in ("memory", "loads"):
        monkeypatch.setattr(f"onnxinv.{module}.KEPT_UNITS", 40)


def closed(setting: Setting, out: str = "out") -> int:
    """Return how many groups are kept, over all chunks of layers."""
    checkpoint = read_checkpoint(setting.folder / out / STATE)
    return 0 if checkpoint is None else len(checkpoint.manifest.entries)
