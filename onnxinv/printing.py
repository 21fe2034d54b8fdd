"""Writes to the terminal, to pipes and to files: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from onnxinv.registry import Registry


def write_reports(subject: object, known: Registry[Any], wanted: list[tuple[str, Path | None]], *, quiet: bool) -> None:
    """Write a result, or a comparison, in several formats.

    Args:
        subject: what the formats are of.
        known: the formats.
        wanted: names of formats, each with a file, or None for stdout.
        quiet: whether what adapts to a terminal is left out.
    """
    from onnxinv.files import write_file
    from onnxinv.reports.report import Report
    from onnxinv.result import Result

    # Files first: they are complete even where whoever reads stdout stops reading.
    for name, path in sorted(wanted, key=lambda each: each[1] is None):
        made = known.build(name)
        if path is not None:
            write_file(path, made.render(subject).encode())
            # Nothing lies beside a device or a pipe.
            if isinstance(made, Report) and isinstance(subject, Result) and path.is_file():
                for measure, text in made.beside(subject).items():
                    write_file(_file_of(path, measure), text.encode())
            continue
        shown = made.renderable(subject)
        if shown is None:
            sys.stdout.write(made.render(subject))
        elif not quiet:
            show(shown)


def show(shown: RenderableType) -> None:
    """Print something that adapts to the terminal; piped, it is plain text of 80 columns."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console().print(shown)
        return
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(shown)
    sys.stdout.writelines(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def say(text: str) -> None:
    """Print a line on stderr."""
    with suppress(OSError):  # nobody reads stderr any more, and the work goes on
        print(text, file=sys.stderr)


def say_untrusted(text: str) -> None:
    """Print a line on stderr that may hold what a model's author wrote: control characters, endless names."""
    from onnxinv.reports.printable import printable

    say(printable(text, 400))


def prepare_streams() -> None:
    """Stand in for closed streams, and keep a character that a stream cannot show from ending the run."""
    # The lowest free descriptor is taken: while 1 and 2 are free, a file that is opened would receive stray output.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # lives as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def discard_stdout() -> None:
    """Keep the interpreter from failing when it flushes what nobody can take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _file_of(path: Path, measure: str) -> Path:
    """Return the file of a further measure: `graph.linear-cka.dot` beside `graph.dot`, or beside what that links to."""
    written = Path(os.path.realpath(path))
    return written.with_name(f"{written.stem}.{re.sub('[^A-Za-z0-9.]+', '-', measure)}{written.suffix}")
