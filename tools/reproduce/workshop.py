"""Where networks are trained and measured: jobs over a few processes, each finished for good or not at all."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.reproduce.datasets import Folders, load
from tools.reproduce.measurement import Measurement
from tools.reproduce.recipe import Recipe, checkpoint

RESULT = "result.json"
DRAFT = ".draft-"


@dataclass(frozen=True)
class Workshop:
    """A folder of networks and results, and what it is filled with.

    Attributes:
        folder: holds `data`, `networks` and `results`; what is there is not made again.
        folders: of the paper's datasets, where they are given.
        processes: how many jobs run at the same time, each on one thread.
    """

    folder: Path
    folders: Folders
    processes: int

    def network(self, recipe: Recipe) -> Path:
        """Return the folder of a trained network."""
        return self.folder / "networks" / recipe.key

    def result(self, measurement: Measurement) -> Path:
        """Return the folder of a result."""
        return self.folder / "results" / measurement.key

    def data(self, name: str) -> Path:
        """Return the file of a dataset's held-out images, as onnxinv reads it."""
        return self.folder / "data" / f"{name}.npz"

    def fill(self, measurements: Sequence[Measurement]) -> None:
        """Train and measure what is not there yet; an interrupted call leaves only what is finished."""
        self.clear()
        for name in dict.fromkeys(each.recipe.dataset for each in measurements):
            _hold_out(self, name)
        self._run("training", train_one, self.untrained(measurements))
        self._run("measuring", measure_one, self.unmeasured(measurements))

    def clear(self) -> None:
        """Remove what a run that was killed had not finished; no other run may be at work in the folder."""
        for draft in (*self.folder.glob(f"*/{DRAFT}*"), *self.folder.glob("results/*/.onnxinv.*.partial")):
            if draft.is_dir():
                shutil.rmtree(draft)
            else:
                draft.unlink()

    def untrained(self, measurements: Sequence[Measurement]) -> list[Recipe]:
        """Return the networks that some measurements need and that are not there yet, each once."""
        recipes = dict.fromkeys(each.recipe for each in measurements)
        return [each for each in recipes if not self.network(each).exists()]

    def unmeasured(self, measurements: Sequence[Measurement]) -> list[Measurement]:
        """Return the measurements that are not there yet, each once."""
        return [each for each in dict.fromkeys(measurements) if not (self.result(each) / RESULT).exists()]

    def _run(self, what: str, job: Callable[[Workshop, object], None], todo: Sequence[object]) -> None:
        if not todo:
            return
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # A fork of a process that has run threads may hang, and torch runs them.
        context = multiprocessing.get_context("spawn")
        with (
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
            ProcessPoolExecutor(self.processes, context, initializer=_one_thread) as pool,
        ):
            task = progress.add_task(what, total=len(todo))
            waiting = [pool.submit(job, self, each) for each in todo]
            try:
                for done, future in enumerate(as_completed(waiting), 1):
                    future.result()
                    progress.advance(task)
                    if not console.is_terminal and (done % 20 == 0 or done == len(todo)):
                        console.print(f"{what}: {done} of {len(todo)}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def train_one(workshop: Workshop, recipe: Recipe) -> None:
    """Train one network."""
    from tools.reproduce.train import train

    with finished(workshop.network(recipe)) as folder:
        train(recipe, load(recipe.dataset, workshop.folders), folder)


def measure_one(workshop: Workshop, measurement: Measurement) -> None:
    """Measure one network."""
    import onnxinv

    result = onnxinv.analyze(
        workshop.network(measurement.recipe) / checkpoint(measurement.percent),
        f"{workshop.data(measurement.recipe.dataset)}:layout=HWC",
        measurement.transforms,
        measures=measurement.measures,
        samples=measurement.samples,
        stratify=measurement.stratify,
        threads=1,
    )
    result.save(workshop.result(measurement))


@contextmanager
def finished(folder: Path) -> Iterator[Path]:
    """Hand out a folder to write to, which gets its name only when all is written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=folder.parent))
    try:
        yield draft
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _hold_out(workshop: Workshop, name: str) -> None:
    path = workshop.data(name)
    if path.exists():
        return
    test = load(name, workshop.folders).test
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{DRAFT}{path.name}")
    np.savez_compressed(draft, x=test.x, y=test.y)
    draft.rename(path)


def _one_thread() -> None:
    """Make a worker process run on one thread, and leave the keyboard's interrupt to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
