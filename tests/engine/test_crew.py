"""What is asked again of whom where a worker hangs, on a cluster that is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from onnxinv.crew import Crew
from onnxinv.workplace import measure_group

pytest.importorskip("distributed")


@dataclass
class Task:
    key: str
    status: str = "pending"

    def cancelled(self) -> bool:
        return False

    def done(self) -> bool:
        return self.status == "finished"

    def add_done_callback(self, callback: Callable[[Task], None]) -> None:
        if self.done():
            callback(self)

    def result(self, timeout: float | None) -> tuple[list[object], list[object]]:
        return [], []


@dataclass
class Cluster:
    """Two workers: what goes to the first never ends, what waits for a task that never ends is with nobody."""

    tasks: dict[str, tuple[Task, str | None]] = field(default_factory=dict)

    def scheduler_info(self, n_workers: int) -> dict[str, Sequence[str]]:
        return {"workers": ["hanging", "working"]}

    def submit(self, function: object, *arguments: object, workers: Sequence[str] | None, **options: object) -> Task:
        task = Task(f"task-{len(self.tasks)}")
        worker: str | None = (workers or ["hanging"])[0]
        if function is measure_group and not arguments[1].done():
            worker = None
        task.status = "finished" if worker == "working" else "pending"
        self.tasks[task.key] = task, worker
        return task

    def processing(self) -> dict[str, list[str]]:
        return {"hanging": [key for key, (_, worker) in self.tasks.items() if worker == "hanging"]}

    def who_has(self) -> dict[str, list[str]]:
        return {key: ["working"] for key, (_, worker) in self.tasks.items() if worker == "working"}


def test_groups_that_wait_for_the_plan_of_a_worker_that_hangs_are_all_asked_again(monkeypatch):
    monkeypatch.setattr("onnxinv.crew._wait", lambda future: None)
    monkeypatch.setattr("onnxinv.crew._SHORTEST", 0.01)
    monkeypatch.setattr("onnxinv.crew._SLOWER", 0)
    crew = Crew(Cluster(), None, 0, {})
    for group in range(3):
        crew.ask(0, group)
    crew._took.append(0.001)  # some group was there before
    assert [crew.take(0, group) for group in range(3)] == [([], [])] * 3
    assert [told.split(" was")[0] for told in crew.notices] == ["The worker hanging"]
