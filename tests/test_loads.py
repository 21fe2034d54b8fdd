"""The memory that a layer is said to take is what it takes, and at most twice that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import desk, engine
from onnxinv.api import plan
from onnxinv.collect import Collector
from onnxinv.loads import load_of
from onnxinv.measures import DEFAULT
from onnxinv.memory import Load
from onnxinv.plan import Plan
from onnxinv.reduce import Windows
from onnxinv.schedule import BlockPlan
from onnxinv.statistics import State
from onnxinv.subjects import Subject
from tests.networks import save_text

SAMPLES, TRANSFORMS, GROUPS = 60, 8, 10
SHAPE = (4, 12, 12)
DISTANCES = "normalized-distance:distance"
SETS = {
    "the default ones": DEFAULT,
    "firing": ("goodfellow", "goodfellow-top20", "firing-ratio"),
    "a profile": ("transform-profile",),
    "distances of units": ("normalized-distance",),
    "squared distances": (f"{DISTANCES}=euclidean-squared",),
    "distances of maps": ("normalized-distance:map=true", "normalized-distance:map=true,normalize=true"),
    "whole vectors": ("linear-cka", "orbit-deviation"),
    "same-equivariance": ("normalized-variance-se", "equivariance-error"),
    "all": ("all",),
}
SLACK = 1024
"""Bytes of a state that speak of a layer as a whole; they are not counted, since they do not grow with the layer."""


@dataclass
class Held:
    """Bytes of the arrays that a run keeps for one layer, and for the floors that belong to it.

    Attributes:
        groups: closed states, group by group.
        open: states just before they are closed.
        windows: activations that are collected, the largest.
        first: statistics of the first pass, the largest.
    """

    groups: list[int]
    open: int = 0
    windows: int = 0
    first: int = 0

    @property
    def total(self) -> int:
        return sum(self.groups) + self.open + self.windows + self.first


def array_bytes(*things: object) -> int:
    """Return the size of all arrays that can be reached; of views that of the whole array that they keep alive."""
    arrays: dict[int, np.ndarray] = {}
    seen: set[int] = set()
    left: list[object] = list(things)
    while left:
        thing = left.pop()
        if isinstance(thing, np.ndarray):
            while isinstance(thing.base, np.ndarray):
                thing = thing.base
            arrays[id(thing)] = thing
        elif id(thing) not in seen and not isinstance(thing, type):
            seen.add(id(thing))
            left += thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else []
            left += vars(thing).values() if hasattr(thing, "__dict__") else []
    return sum(array.nbytes for array in arrays.values())


def measured(decided: Plan, monkeypatch: pytest.MonkeyPatch) -> Held:
    """Carry out a plan for one layer and watch what it keeps."""
    held = Held([])
    watched = len(decided.subjects.of(decided.layers, with_output=False))

    class WatchedCollector(Collector):
        def __init__(self, subject: Subject, *others: Any, **more: Any) -> None:
            super().__init__(subject, *others, **more)
            self._counted = subject.role != "output"

        def add(self, place: int, closed: State) -> None:
            before = array_bytes(self._groups[-1])
            super().add(place, closed)
            if self._counted:
                held.groups.append(array_bytes(self._groups[-1]) - before)

    class WatchedWindows(Windows):
        def add(self, raw: Sequence[np.ndarray], block: BlockPlan) -> Sequence[np.ndarray] | None:
            found = super().add(raw, block)
            held.windows = max(held.windows, array_bytes(self._buffers[: len(decided.layers)]))
            return found

    opened: list[int] = []
    close, first_pass = State.close, engine.first_pass

    def watched_close(self: State, samples: int) -> None:
        opened.append(array_bytes(self))
        close(self, samples)

    def watched_first_pass(*given: Any) -> Any:
        found = first_pass(*given)
        held.first = max(array_bytes(found), sum(opened))
        opened.clear()
        return found

    monkeypatch.setattr(engine, "Collector", WatchedCollector)
    monkeypatch.setattr(desk, "Windows", WatchedWindows)
    monkeypatch.setattr(State, "close", watched_close)
    monkeypatch.setattr(engine, "first_pass", watched_first_pass)
    engine.measure(decided)
    # The class output comes last of the subjects; a part has one state of each.
    parts = np.array(opened).reshape(-1, len(decided.subjects.of(decided.layers, with_output=True)))
    held.open = int(parts[:, :watched].sum(axis=1).max())
    return held


def load(decided: Plan) -> Load:
    (layer,) = decided.layers
    return load_of(
        layer, decided.subjects, transforms=TRANSFORMS, columns=decided.columns, samples=SAMPLES,
        groups=len(decided.groups), classes=max(len(decided.classes), 1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("loads")
    labels = np.where(np.arange(SAMPLES) < 45, 0, np.arange(SAMPLES) % 3)
    np.savez(found / "images.npz", x=np.random.default_rng(0).random((SAMPLES, *SHAPE), dtype=np.float32), y=labels)
    shape = ",".join(map(str, SHAPE))
    save_text(found / "net.onnx", f"net (float[n,{shape}] image) => (float[n,{shape}] y) {{ y = Sigmoid(image) }}")
    return found


def decide(folder: Path, named: Iterable[str], **options: Any) -> Plan:
    """Plan one layer of 576 units; a batch of less than a sample's variants makes every window be collected."""
    defaults: dict[str, Any] = {"layers": ("y",), "device": "cpu", "threads": 1, "groups": GROUPS, "batch": 5}
    images = folder / "images.npz"
    transforms = f"rotation:steps={TRANSFORMS}"
    return plan(folder / "net.onnx", images, transforms, measures=tuple(named), **{**defaults, **options})


@pytest.mark.parametrize(
    ("name", "stratify"),
    [
        *(pytest.param(name, False, id=name) for name in SETS),
        *(pytest.param(name, True, id=f"{name}, by class") for name in SETS if name != "whole vectors"),
    ],
)
def test_a_load_is_what_is_held(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, stratify: bool) -> None:
    decided = decide(folder, SETS[name], stratify=stratify, groups=4 if stratify else GROUPS)
    held, said = measured(decided, monkeypatch), load(decided)
    groups = len(decided.groups)
    slack = SLACK * (groups + 1)
    estimate = groups * said.group + said.open + said.buffers
    assert sum(held.groups) <= groups * said.group + slack
    assert held.open <= said.open + slack
    assert max(held.windows, held.first) <= said.buffers
    assert held.total - slack <= estimate <= 2 * held.total
    assert held.total - slack <= decided.layout.memory.peak


def test_what_only_an_open_state_holds_is_not_counted_for_every_group(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = decide(folder, ["relative-invariance"])
    held, said = measured(decided, monkeypatch), load(decided)
    assert GROUPS * said.group + said.open + said.buffers <= 2 * held.total


@pytest.mark.parametrize("name", ["the default ones", "firing", "distances of units"])
def test_the_load_of_kept_units_is_what_is_held_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    decided = decide(folder, SETS[name])
    everything = load(decided)
    monkeypatch.setattr("onnxinv.loads.KEPT_UNITS", 100)
    said = load(decided)
    assert (said.group, said.full) == (everything.group, everything.full)
    held = measured(replace(decided, layout=replace(decided.layout, kept_units=100)), monkeypatch)
    assert sum(held.groups) <= GROUPS * said.kept <= 2 * sum(held.groups)
    assert GROUPS * said.kept < GROUPS * everything.kept / 5


def test_a_window_is_no_larger_than_a_group(folder: Path) -> None:
    sizes = [load(decide(folder, ["sample-distance"], groups=groups)).buffers for groups in (2, 3, 10)]
    one = TRANSFORMS * int(np.prod(SHAPE)) * 4
    assert sizes == [16 * one, 16 * one, 6 * one]


def test_the_first_pass_and_the_windows_are_part_of_the_peak(folder: Path) -> None:
    plain = decide(folder, DEFAULT)
    assert load(plain).buffers == 0
    for more in ("goodfellow", "sample-distance"):
        decided = decide(folder, (*DEFAULT, more))
        grown = decided.layout.memory.activations - plain.layout.memory.activations
        assert grown == load(decided).buffers > 0


def test_only_layers_that_are_wanted_whole_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measures of the class output want whole rows; the layers, which are larger, do not."""
    np.savez(tmp_path / "images.npz", x=np.random.default_rng(0).random((SAMPLES, *SHAPE), dtype=np.float32))
    shape = ",".join(map(str, SHAPE))
    body = "y = Sigmoid(image) g = GlobalMaxPool(y) z = Flatten(g)"
    save_text(tmp_path / "net.onnx", f"net (float[n,{shape}] image) => (float[n,4] z) {{ {body} }}")
    decided = decide(tmp_path, (), layers=("y",))
    assert [subject.role for subject in decided.subjects.every] == ["layer", "output"]
    assert load(decided).buffers == 0
    assert measured(decided, monkeypatch).windows < TRANSFORMS * int(np.prod(SHAPE)) * 4
