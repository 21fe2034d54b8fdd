"""Where memory is short for a run of the model, half as many variants are run at a time, and that is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv import desk, runtime_failures
from onnxinv.errors import ModelError
from onnxinv.result import Result
from onnxinv.runtime import Session
from tests.engine.networks import measure, save_images, save_network

TRANSFORMS = "rotation:steps=8"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_images(tmp_path, 24)
    return tmp_path


def network(folder: Path) -> Path:
    weights = {"w": np.random.default_rng(1).normal(size=(3, 1, 3, 3))}
    body = "a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, w) y = Relu(a)"
    return save_network(folder, body, weights)


@pytest.fixture
def run_out(monkeypatch: pytest.MonkeyPatch):
    """Return a function after which a run of more variants than that fails as the runtime fails without memory."""

    def limit(most: int, error: BaseException) -> None:
        for name in ("run", "run_into", "run_keeping"):
            whole = getattr(Session, name)

            def run(self, feeds, *arguments, whole=whole, **options):
                if any(len(each) > most for each in feeds.values() if isinstance(each, np.ndarray) and each.ndim == 4):
                    raise runtime_failures.failure("failed while it ran the model", error)
                return whole(self, feeds, *arguments, **options)

            monkeypatch.setattr(Session, name, run)

    return limit


def assert_close(found: Result, expected: Result) -> None:
    for key, values in expected.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-5, atol=1e-7, err_msg=key)


@pytest.mark.parametrize("reduce", ["host", "auto", "pushdown"])
@pytest.mark.parametrize("measures", [(), ("all",)], ids=["default measures", "all measures"])
def test_the_batch_is_halved_until_it_fits(folder, run_out, monkeypatch, reduce, measures):
    model = network(folder)
    expected = measure(folder, model, TRANSFORMS, reduce=reduce, measures=measures, batch=64)
    told = []
    failing = desk.Desk._measure

    def fail(self, *arguments):
        out_of_memory = desk.MemoryExhaustedError("onnxruntime failed while it ran the model: bad allocation.")
        if self.batch > 16:
            raise out_of_memory
        return failing(self, *arguments)

    monkeypatch.setattr(desk.Desk, "_measure", fail)
    found = measure(folder, model, TRANSFORMS, reduce=reduce, measures=measures, batch=64, progress=told.append)
    assert found.meta.runtime.batch == 16
    assert "Memory ran short with 64 variants in a run of the model: it went on with 16." in found.meta.warnings
    assert_close(found, expected)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("std::bad_alloc"), RuntimeError("Failed to allocate memory for requested buffer")],
    ids=["Python's", "C++'s", "the runtime's"],
)
def test_errors_of_memory_are_known_for_what_they_are(folder, run_out, error):
    model = network(folder)
    expected = measure(folder, model, TRANSFORMS, batch=64)
    run_out(20, error)
    found = measure(folder, model, TRANSFORMS, batch=64)
    assert found.meta.runtime.batch == 16
    assert_close(found, expected)


def test_what_was_told_of_the_progress_is_taken_back(folder, run_out):
    told: list[int] = []
    run_out(20, MemoryError())
    measure(folder, network(folder), TRANSFORMS, batch=64, progress=told.append, keep_units=0)
    assert sum(told) >= 24 * 8


def test_where_one_variant_is_too_many_it_is_an_error(folder, monkeypatch):
    model = network(folder)

    def fail(self, *arguments):
        raise desk.MemoryExhaustedError("onnxruntime failed while it ran the model: bad allocation.", "Lower --batch.")

    monkeypatch.setattr(desk.Desk, "_measure", fail)
    with pytest.raises(ModelError, match="bad allocation"):
        measure(folder, model, TRANSFORMS)


def test_other_errors_are_not_taken_for_it(folder, run_out):
    model = network(folder)
    run_out(20, RuntimeError("Non-zero status code returned while running Conv node"))
    with pytest.raises(ModelError, match="Conv node"):
        measure(folder, model, TRANSFORMS, batch=64)
