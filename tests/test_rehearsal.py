"""A rehearsal times the plan's own steps on a few variants, and stops before anything is finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from onnxinv import rehearsal
from onnxinv.api import plan, run
from onnxinv.plan import Plan
from onnxinv.rehearsal import seconds_per_inference
from onnxinv.schedule import blocks
from tests.networks import DIGITS, SHIPPED, save_text


class Clock:
    """A clock, and a measurement that takes known times by it.

    Args:
        seconds: that a variant takes in a block of so many.
        touching: seconds that a block takes besides while the first row is not whole.
    """

    def __init__(self, seconds: Callable[[int], float], touching: float = 0.001) -> None:
        self.now = 0.0
        self.runs: list[int] = []
        self._seconds = seconds
        self._touching = touching

    def __call__(self) -> float:
        return self.now

    def measure(self, decided: Plan, advance: Callable[[int], None]) -> None:
        self.now += 0.02  # making the session
        done = 0
        for block in blocks(decided.samples, decided.columns, decided.layout.batch):
            size = len(block.samples) * (block.columns.stop - block.columns.start)
            self.now += size * self._seconds(size) + self._touching * (done < decided.columns)
            done += size
            self.runs.append(size)
            advance(size)
        raise AssertionError("it was carried to its end")


def rehearsed(
    monkeypatch: pytest.MonkeyPatch, decided: Plan, seconds: Callable[[int], float], touching: float = 0.001
) -> tuple[float, Clock]:
    clock = Clock(seconds, touching)
    monkeypatch.setattr(rehearsal, "perf_counter", clock)
    monkeypatch.setattr(rehearsal, "measure", clock.measure)
    return seconds_per_inference(decided), clock


@pytest.fixture(scope="module")
def digits() -> Plan:
    return plan(SHIPPED[0], DIGITS, "rotation:steps=4", samples=5, device="cpu", threads=1, batch=100)


@pytest.mark.parametrize("seconds", [1e-5, 1e-3, 0.5, 20.0])
def test_the_first_block_is_not_counted(digits, monkeypatch, seconds):
    assert rehearsed(monkeypatch, digits, lambda size: seconds)[0] == pytest.approx(seconds)


@pytest.mark.parametrize(("steps", "batch", "expected"), [(4, 100, 8), (16, 100, 16), (40, 100, 8), (16, 10, 8)])
def test_memory_that_is_touched_for_the_first_time_is_not_counted(monkeypatch, steps, batch, expected):
    decided = plan(SHIPPED[0], DIGITS, f"rotation:steps={steps}", samples=5, device="cpu", threads=1, batch=batch)
    found, clock = rehearsed(monkeypatch, decided, lambda size: 0.01, 0.03)
    assert found == pytest.approx(0.01)
    assert clock.runs[0] == expected


def test_blocks_that_are_run_again_for_want_of_memory_do_not_end_it(monkeypatch):
    times = iter([0.0, 1.0, 2.0, 5.0, 6.0, 8.0])
    monkeypatch.setattr(rehearsal, "perf_counter", lambda: next(times))
    watch = rehearsal._Watch(1, 8, 24)
    for more in (8, 8, -16, 8):
        watch(more)
    with pytest.raises(rehearsal._EnoughError):
        watch(16)
    assert watch.seconds() == pytest.approx(7 / 16)


def test_a_fast_model_is_timed_in_the_blocks_of_the_run(digits, monkeypatch):
    found, clock = rehearsed(monkeypatch, digits, lambda size: 1e-4 if size == 100 else 5e-4)
    assert found == pytest.approx(1e-4)
    assert clock.runs[-1] == 100


def test_a_slow_model_is_run_in_two_small_blocks(digits, monkeypatch):
    assert rehearsed(monkeypatch, digits, lambda size: 10.0)[1].runs == [8, 8]


def test_the_parts_of_a_long_rehearsal_keep_within_the_patience(digits, monkeypatch):
    found, clock = rehearsed(monkeypatch, digits, lambda size: 2e-3)
    assert found == pytest.approx(2e-3)
    assert clock.now < 2.2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stratify": True},
        {"precision": 0.1, "groups": 4},
        {"memory": "40MiB"},
        {"samples": 2},
        {"measures": ("goodfellow", "linear-cka", "relative-invariance")},
        {"transforms": "scale:steps=1,min=0.5,max=1.5"},
    ],
    ids=lambda options: ", ".join(options) or "plain",
)
def test_every_kind_of_plan_can_be_rehearsed_and_runs_as_before(options):
    given = {"transforms": "rotation:steps=3", "samples": 40, "layers": ("conv1", "fc2"), **options}
    decided = plan(SHIPPED[0], DIGITS, device="cpu", threads=1, **given)
    first = run(decided)
    assert 0 < seconds_per_inference(decided) < 60
    assert [layer.measures for layer in run(decided).layers] == [layer.measures for layer in first.layers]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_model_of_fixed_batch_size_is_rehearsed_with_it(tmp_path: Path, batch: int):
    model = save_text(tmp_path / "net.onnx", f"g (float[{batch}, 6] x) => (float[{batch}, 6] y) {{ y = Relu(x) }}")
    decided = plan(model, "random:n=5", "identity", device="cpu", threads=1, batch=batch)
    assert decided.probe.fixed_batch == batch
    assert 0 < seconds_per_inference(decided) < 60
