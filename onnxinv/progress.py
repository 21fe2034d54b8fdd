"""Progress on stderr: a bar on a terminal, plain lines when piped, nothing when quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from onnxinv.reports.printable import printable

_LINES_EVERY = 10.0
"""Seconds between two plain lines: a log is to be read afterwards."""


@contextmanager
def progress(title: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far a run of `total` inferences is.

    Yields:
        A function to call with the number of inferences done since the last call.
    """
    title = printable(title)
    if quiet:
        yield lambda done: None
    elif sys.stderr.isatty():
        with _bar(title, total) as advance:
            yield advance
    else:
        yield _plain_lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # only where there is a terminal
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=total)
        yield lambda done: bar.advance(task, done)


def _plain_lines(title: str, total: int) -> Callable[[int], None]:
    done, start, last = 0, monotonic(), monotonic()

    def advance(more: int) -> None:
        nonlocal done, last
        done += more
        now = monotonic()
        if now - last >= _LINES_EVERY or done == total:
            last = now
            rate = done / max(now - start, 1e-9)
            with suppress(OSError):  # nobody reads stderr any more, and the work goes on
                print(f"{title}: {done:,} of {total:,} inferences, {rate:,.0f}/s", file=sys.stderr, flush=True)  # noqa: T201  # this is where progress is printed

    return advance
