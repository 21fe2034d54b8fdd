"""Measures the model of a plan, with notices and progress on stderr."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from onnxinv.printing import say_untrusted

if TYPE_CHECKING:
    from onnxinv.plan import Plan
    from onnxinv.result import Result

T = TypeVar("T")


def measure(plan: Plan, title: str, *, quiet: bool) -> Result:
    """Measure the model of a plan; see `work`."""
    from onnxinv import api

    return work(plan, title, partial(api.run, plan), quiet=quiet)


def save(result: Result, folder: Path, *, overwrite: bool) -> None:
    """Write a result with its page, `report.html`: all files or none.

    Raises:
        OutputError: as `Result.save`.
    """
    from onnxinv.files import write_folder
    from onnxinv.reports import reports
    from onnxinv.result import OPTIONAL

    files = {"report.html": reports.build("html").render(result).encode(), **result.files()}
    write_folder(folder, files, marker="result.json", overwrite=overwrite, outdated=OPTIONAL)


def work(plan: Plan, title: str, task: Callable[[Callable[[int], None]], T], *, quiet: bool) -> T:
    """Do what a plan says.

    Args:
        plan: what to measure, and on what.
        title: what the progress is called.
        task: the work; it is given what to tell of its progress.
        quiet: whether notices and progress are left out.

    Raises:
        OnnxinvError: as `api.run`.
    """
    from onnxinv.progress import progress

    if not quiet:
        for notice in filter(None, (plan.device.notice, *plan.notices)):
            say_untrusted(notice)
    with progress(title, plan.steps + plan.pictures.inferences, quiet=quiet) as advance:
        return task(advance)
