"""Runs the models that the onnx package ships and generates through inspect and analyze, and says what became of them.

Every model is either measured or refused with a sentence; anything else is a defect, and makes this command fail. Where
the hint of a refusal names an option, the model is tried again as it says; a hint that leads nowhere is a defect too,
and so is a measured model whose outputs are not those of the file. The models run in one child process, which is
started again where the runtime takes it down.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import onnx
from followed_hints import follow

KINDS = {
    "measured": "measured",
    "hinted": "measured as the hint says",
    "refused": "refused",
    "defect": "defect",
    "crash": "crash",
}
"""What may become of a model, and how the table calls it."""

HINTS = 3
"""How many hints are followed, one after the other."""

PATIENCE = 300
"""Seconds that one model may take."""


@dataclass(frozen=True)
class Case:
    """One model.

    Attributes:
        name: what it is called, with the kind in front.
        path: its file.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a model.

    Attributes:
        kind: one of `KINDS`; a defect is another exception, nothing said, a hint that is of no use, or other outputs.
        reason: why, where it was not measured.
        hint: what to try, where it was refused.
    """

    kind: str
    reason: str = ""
    hint: str = ""


def shipped() -> Iterator[Case]:
    """Yield the models that lie in the onnx package."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for path in sorted(folder.rglob("*.onnx")):
        kind = path.relative_to(folder).parts[0]
        yield Case(f"{kind}/{path.parent.name if path.stem == 'model' else path.stem}", path)


def generated(folder: Path) -> Iterator[Case]:
    """Write the node models that the onnx package generates to a folder, and yield them."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the models are made of the corner cases of numpy
        cases = collect_testcases(None)
    for case in cases:
        if case.model is not None:
            path = folder / f"{case.name}.onnx"
            onnx.save(case.model, path)
            yield Case(f"node/{case.name.removeprefix('test_')}", path)


def choose(cases: Sequence[Case], share: float, seed: int) -> list[Case]:
    """Return a seeded share of the cases, in their order."""
    if share >= 1:
        return list(cases)
    kept = set(random.Random(seed).sample(range(len(cases)), round(share * len(cases))))  # no secret
    return [case for position, case in enumerate(cases) if position in kept]


def measure(path: Path) -> Outcome:
    """Inspect and measure one model with random data, following the hints of refusals."""
    outcome = attempt(path, {})
    options: dict[str, object] = {}
    for _ in range(HINTS):
        changed = follow(outcome.hint, options)
        if outcome.kind != "refused" or changed == options:
            break
        options, refused = changed, outcome
        outcome = attempt(path, options)
        if outcome.kind == "measured":
            return Outcome("hinted", f"with {options}")
        if outcome.kind == "refused" and (outcome.reason == refused.reason or outcome.reason.startswith("--")):
            return Outcome("defect", f"a hint did not help: {refused.reason} {refused.hint} Then: {outcome.reason}")
    return outcome


def attempt(path: Path, options: dict[str, object]) -> Outcome:
    """Inspect and measure one model with random data and these options."""
    from same_outputs import difference

    from onnxinv import api
    from onnxinv.errors import OnnxinvError

    try:
        plan = api.inspect(path, "random:n=4", device="cpu", threads=1, **options)
        image = plan.feeds.layout is not None
        floats = plan.feeds.primary.dtype.startswith("float")
        transform = "flip" if image else "scale-amplitude:steps=2" if floats else "identity"
        result = api.analyze(path, "random:n=4", transform, groups=2, device="cpu", threads=1, **options)
        differs = difference(path, plan)
    except OnnxinvError as error:
        return Outcome("refused" if len(error.message) > 10 else "defect", error.message, error.hint)
    except Exception as error:  # whatever else is raised is what this looks for
        return Outcome("defect", f"{type(error).__name__}: {error}")
    if not result.layers or not all(layer.measures for layer in result.layers):
        return Outcome("defect", "nothing was measured, and nothing was said")
    return Outcome("defect", differs) if differs else Outcome("measured")


def serve(connection: Connection) -> None:
    """Measure models in a child process for as long as paths come."""
    while (path := connection.recv()) is not None:
        outcome = measure(path)
        connection.send((outcome.kind, outcome.reason, outcome.hint))


class Child:
    """A process that measures models one after another, and is replaced where it dies."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def measure(self, path: Path) -> Outcome:
        """Return what became of a model."""
        self._connection.send(path)
        try:
            if self._connection.poll(PATIENCE):
                return Outcome(*self._connection.recv())
            reason = f"no answer in {PATIENCE} s"
        except (EOFError, ConnectionResetError):
            self._process.join(10)
            reason = f"the process ended with {self._process.exitcode}"
        self._process.kill()
        self._start()
        return Outcome("crash", reason)

    def stop(self) -> None:
        """End the process."""
        self._connection.send(None)
        self._process.join(10)

    def _start(self) -> None:
        self._connection, other = self._context.Pipe()
        self._process = self._context.Process(target=serve, args=(other,), daemon=True)
        self._process.start()
        other.close()


def run(cases: Sequence[Case], *, verbose: bool = False) -> dict[str, Outcome]:
    """Measure all cases and return the outcomes by name."""
    child = Child()
    outcomes = {}
    for case in cases:
        outcomes[case.name] = outcome = child.measure(case.path)
        if verbose or outcome.kind in ("defect", "crash"):
            print(f"{outcome.kind:9} {case.name}  {outcome.reason} {outcome.hint}", file=sys.stderr, flush=True)
    child.stop()
    return outcomes


def kind_of(reason: str) -> str:
    """Return a reason without what is particular to one model."""
    general = re.sub(r"'[^']*'", "'...'", reason)
    return re.sub(r"\d+", "N", general)[:110]


def table(outcomes: dict[str, Outcome]) -> str:
    """Return a Markdown table of outcomes by kind of model, and the reasons with their counts."""
    groups = sorted({name.split("/")[0] for name in outcomes})
    lines = ["| models | " + " | ".join(KINDS.values()) + " |", "|---" * (1 + len(KINDS)) + "|"]
    for group in groups:
        counts = Counter(outcome.kind for name, outcome in outcomes.items() if name.split("/")[0] == group)
        lines.append(f"| {group} | " + " | ".join(str(counts[kind]) for kind in KINDS) + " |")
    reasons = Counter(
        kind_of(f"{outcome.reason} {outcome.hint}") for outcome in outcomes.values() if outcome.kind == "refused"
    )
    return "\n".join([*lines, "", *(f"{count:5}  {reason}" for reason, count in reasons.most_common())])


def main() -> None:
    """Print the table; exit 1 where a model is neither measured nor refused with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="which share of the models, a seeded choice")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only models whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="say of every model what became of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = [case for case in (*shipped(), *generated(Path(folder))) if options.only in case.name]
        outcomes = run(choose(cases, options.share, options.seed), verbose=options.verbose)
    print(table(outcomes))
    sys.exit(any(outcome.kind in ("defect", "crash") for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
