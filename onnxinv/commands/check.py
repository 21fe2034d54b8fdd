"""The command `check`: measures the runs of a configuration and says which limits are broken."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onnxinv.commands import measuring
from onnxinv.commands.verdict import LimitBrokenError
from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.options import (
    Batch,
    CheckedModel,
    CheckFolder,
    CheckFormats,
    ConfigFile,
    Data,
    DryRun,
    Limits,
    Memory,
    Overwrite,
    OwnDevice,
    OwnThreads,
    Precision,
    Quiet,
    RunNames,
    Samples,
    Strict,
    Transforms,
    UntilDecided,
    UpdateBaseline,
    parse_formats,
)
from onnxinv.printing import discard_stdout, say_untrusted, show, write_reports

if TYPE_CHECKING:
    from onnxinv.findings import CheckReport

_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Environment variable with the file that GitHub shows beside a job's log."""


def check(
    model: CheckedModel = None,
    config: ConfigFile = None,
    run: RunNames = None,
    data: Data = None,
    transform: Transforms = None,
    samples: Samples = None,
    limit: Limits = None,
    strict: Strict = False,
    until_decided: UntilDecided = False,
    precision: Precision = None,
    update_baseline: UpdateBaseline = False,
    device: OwnDevice = None,
    threads: OwnThreads = None,
    batch: Batch = None,
    memory: Memory = None,
    formats: CheckFormats = None,
    output: CheckFolder = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Fail when a model loses invariance: hold it against the limits of a configuration."""
    from onnxinv import api
    from onnxinv.checking import baseline_path, baseline_text, measure_run, prepare, recorded_runs, report
    from onnxinv.describe import describe_plan
    from onnxinv.files import check_file, check_folder, write_file, write_folder
    from onnxinv.findings import check_json
    from onnxinv.reports.checks import check_reports

    wanted = parse_formats(formats, check_reports)
    if update_baseline and until_decided:
        raise UsageError("A baseline rests on all samples.", "Leave out --until-decided with --update-baseline.")
    asked = api.configured(
        model, data, transform, limit or (), config=config, runs=run or (), samples=samples, precision=precision,
        until_decided=until_decided or None, device=device, threads=threads, batch=batch, memory=memory,
    )  # fmt: skip
    folders = {each.name: output / each.name for each in asked.config.runs} if output else {}
    if output is not None:
        check_folder(output, marker="check.json", overwrite=overwrite)
        for folder in folders.values():
            check_folder(folder, marker="result.json", overwrite=overwrite)
    baseline = baseline_path(asked)
    if update_baseline:
        check_file(baseline)
    kept = recorded_runs(asked) if update_baseline and run else {}
    with _unfinished():
        prepared = prepare(asked, update=update_baseline)
    if dry_run:
        for each in prepared:
            show(describe_plan(each.plan, api.foretell(each.plan)))
        return
    measured = []
    for each in prepared:
        with _unfinished():
            measured.append(measuring.work(each.plan, each.run.name, partial(measure_run, each), quiet=quiet))
        for folder in filter(None, [folders.get(each.run.name)]):  # at once: what comes after may fail
            measuring.save(measured[-1].result, folder, overwrite=overwrite)
    if update_baseline:
        write_file(baseline, baseline_text(prepared, measured, kept).encode())
        if not quiet:
            say_untrusted(f"Written to {baseline}: what regressions are held against from now on.")
    found = report(asked, prepared, measured, strict=strict)
    if output is not None:
        files = {"report.html": check_reports.build("html").render(found), "check.json": check_json(found)}
        written = {name: text.encode() for name, text in files.items()}
        write_folder(output, written, marker="check.json", overwrite=overwrite)
    _tell(found, wanted, quiet=quiet)
    if not found.passed:
        raise LimitBrokenError


@contextmanager
def _unfinished() -> Iterator[None]:
    """Let a pipe that breaks in code which is called be an error: nobody has read a verdict yet."""
    try:
        yield
    except BrokenPipeError as error:
        raise OnnxinvError("The check did not end: code that onnxinv called wrote to a pipe nobody reads.") from error


def _tell(found: CheckReport, wanted: list[tuple[str, Path | None]], *, quiet: bool) -> None:
    from onnxinv.reports.checks import check_reports
    from onnxinv.reports.checks.sentences import verdict

    try:
        write_reports(found, check_reports, wanted, quiet=quiet)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever stops reading does not change the verdict
        discard_stdout()
    if any(name == "github" for name, _ in wanted):
        _append_summary(found)
    if quiet and not found.passed:
        say_untrusted(verdict(found))


def _append_summary(found: CheckReport) -> None:
    """Add the check to the summary of a job of GitHub, which earlier steps may have begun."""
    from onnxinv.reports.checks import check_reports

    path = os.environ.get(_SUMMARY)
    if not path:
        return
    text = check_reports.build("markdown").render(found)
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:  # the verdict is worth more than its place in the summary
        say_untrusted(f"The summary '{path}' cannot be written: {error.strerror}.")
