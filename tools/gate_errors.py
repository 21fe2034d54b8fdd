"""Simulates how often the gate fails where the true values of all layers are at a limit, beyond it, or short of it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from onnxinv import api
from onnxinv.baseline import Wanted, record
from onnxinv.bounds import INTERIM_LEVEL
from onnxinv.check_config import Limit
from onnxinv.counterparts import Counterpart, Counterparts
from onnxinv.covering import Covered
from onnxinv.demo import digits, model
from onnxinv.engine import _NEXT_LOOK
from onnxinv.findings import Finding, Of
from onnxinv.gate import find, is_settled
from onnxinv.measures import Values
from onnxinv.measures.jackknife import LEVEL, jackknife
from onnxinv.measures.parts import measure_part
from onnxinv.measures.summary import summarize
from onnxinv.plan import LEAST_GROUPS_TO_STOP
from onnxinv.result import MeasureSummary, Result
from tools.interval_coverage import DIGITS, TRANSFORM, Population, channel_values, draws, populations

Counts = npt.NDArray[np.float32]
Layers = tuple[MeasureSummary, ...]
Bound = Literal["max", "min", "max-regression", "max-regression of a draw"]

MEASURE = "normalized-variance"
PART = measure_part(MEASURE)
KINDS: tuple[Bound, ...] = ("max", "min", "max-regression", "max-regression of a draw")
OFS: tuple[Of, ...] = ("mean", "median", "p95")
HALF = 0.5
BEYOND = (0.0, 0.005, 0.01, 0.02, 0.05, HALF)
UNTIL_BEYOND = (-0.2, -0.05, -0.02, 0.0, 0.02, 0.05)
GROUP_SAMPLES = 20
MOST_GROUPS = 50
ALL_DIGITS = np.full((1, 1, DIGITS), 1000, np.float32)
"""The draw of which the mean of variances is their true value: of each digit so many that n - 1 is as good as n."""


@dataclass(frozen=True)
class Check:
    """What came of a check.

    Attributes:
        fails: whether it fails.
        uncertain: share of the layers of which nothing is known.
        held: share of the layers that keep to the limit.
        groups: how many groups of digits it took.
    """

    fails: bool
    uncertain: float
    held: float
    groups: int


@dataclass(frozen=True)
class Simulation:
    """Checks of one limit on all layers of a model but its input, every value in units of its true one.

    Attributes:
        populations: what all digits do in each layer.
        result: a real one, whose layers stand for those of every draw.
        truths: the layers' true values, with no error.
    """

    populations: tuple[Population, ...]
    result: Result
    truths: Layers

    @classmethod
    def of_model(cls, name: str, units: int, seed: int) -> Simulation:
        """Run a shipped model on every digit under every transform."""
        result = api.analyze(model(name), digits(), "identity", samples=2, groups=2, device="cpu", measures=(MEASURE,))
        layers = [layer for layer in result.layers if layer.op != "Input"]
        found = {each.label: each for each in populations(name, units, seed)}
        kept = tuple(found[layer.label] for layer in layers)
        document = result.document.model_copy(update={"layers": layers})
        (truths,) = _layers(kept, ALL_DIGITS)
        return cls(kept, Result(document, {}), truths)

    def draw(self, counts: Counts) -> list[Layers]:
        """Return the layers of every draw, from (draws, groups, digits) counts."""
        return _layers(self.populations, counts)

    def draw_means(self, counts: Counts) -> list[Layers]:
        """Return the layers of every draw with no more than means over channels, which is much faster."""
        return list(zip(*map(partial(_mean_summaries, counts=counts), self.populations, self.truths), strict=True))

    def check(
        self, drawn: Layers, limit: Limit, level: float = LEVEL, baseline: Layers | None = None, size: float = 1.0
    ) -> list[Finding]:
        """Hold a draw against a limit.

        Args:
            drawn: its layers.
            limit: the limit; 1 is the true value of every layer.
            level: chance of an error.
            baseline: the draw that regressions are held against; without one they are held against the truth.
            size: what the baseline is multiplied with.
        """
        result = self._result(drawn, limit.of, 1.0, "this draw")
        covered = Covered(0, limit, PART, tuple(layer.name for layer in result.layers))
        counterparts = None
        if limit.max_regression is not None:
            groups = result.meta.options.groups
            exact = tuple(_without_error(each, groups) for each in self.truths)
            of_baseline = self._result(baseline or exact, limit.of, size, "another draw")
            recorded = record(of_baseline, [], Wanted({MEASURE: [limit.of]}, [], {MEASURE: PART.bounds}))
            layers = {each.name: Counterpart(each, "") for each in recorded.layers}
            counterparts = Counterparts(Path("baseline.json"), recorded, layers, {}, [])
        return find("simulated", [covered], result, counterparts, level=level)

    def _result(self, drawn: Layers, of: Of, size: float, digest: str) -> Result:
        layers = [
            layer.model_copy(update={"measures": {MEASURE: _times(found, of, size / _value(truth, of))}})
            for layer, found, truth in zip(self.result.layers, drawn, self.truths, strict=True)
        ]
        meta = self.result.meta
        data = meta.data.model_copy(update={"digest": digest})
        options = meta.options.model_copy(update={"groups": _groups(drawn, of)})
        meta = meta.model_copy(update={"data": data, "options": options})
        return Result(self.result.document.model_copy(update={"layers": layers, "meta": meta}), {})


def main() -> None:
    """Print Markdown tables of error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=200, help="digits in a draw, with replacement")
    parser.add_argument("--groups", type=int, nargs="+", default=[10])
    parser.add_argument("--model", choices=("rotated", "plain"), default="rotated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--units", type=int, default=128, help="at most so many units a layer are looked at")
    parser.add_argument("--kind", choices=KINDS, nargs="+", default=KINDS[:1], help="kinds of bounds")
    parser.add_argument("--of", choices=OFS, nargs="+", default=OFS, help="which values of a layer, over channels")
    parser.add_argument("--until-decided", action="store_true", help="add groups until every layer is decided")
    options = parser.parse_args()
    simulation = Simulation.of_model(options.model, options.units, options.seed)
    print(f"{options.draws} draws of the {DIGITS} digits with replacement, {options.model} model, {TRANSFORM},")
    print(f"one limit on {MEASURE} of {len(simulation.truths)} layers, at most {options.units} units a layer\n")
    if options.until_decided:
        _print_until_decided(simulation, options)
    else:
        _print_rates(simulation, options)


def limit_at(kind: Bound, of: Of, beyond: float) -> tuple[Limit, float]:
    """Return a limit that true values of 1 are beyond by a share of the bound, and the size of the baseline."""
    bound = 1 / (1 - beyond if kind == "min" else 1 + beyond)
    if kind in ("max", "min"):
        return Limit.model_validate({"of": of, kind: bound}), 1.0
    return Limit.model_validate({"of": of, "max-regression": 0.0}), bound


def check_draws(simulation: Simulation, drawn: Sequence[Layers], kind: Bound, of: Of, beyond: float) -> list[Check]:
    """Check every draw for true values that are beyond the bound of each layer by a share of it."""
    limit, size = limit_at(kind, of, beyond)
    others = [*drawn[1:], drawn[0]] if kind == "max-regression of a draw" else [None] * len(drawn)
    return [
        _checked(simulation.check(one, limit, baseline=other, size=size), _groups(one, of))
        for one, other in zip(drawn, others, strict=True)
    ]


def looks(asked: int, total: int) -> list[int]:
    """Return after how many groups a run that goes on until it is decided is judged, its end last.

    Args:
        asked: groups that hold the samples that were asked for.
        total: groups of all samples.
    """
    found, due = [], LEAST_GROUPS_TO_STOP
    for groups in range(1, total):
        if groups >= due or groups == asked:
            found.append(groups)
            due = math.ceil(groups * _NEXT_LOOK)
    return [*found, total]


def check_until_decided(
    simulation: Simulation, counts: Counts, beyond: Sequence[float], asked: int
) -> dict[float, list[Check]]:
    """Check every draw of (draws, groups, digits) as `--until-decided` does, for several places of the true values.

    Args:
        simulation: the model.
        counts: all groups that there are.
        beyond: by which shares of the bound the true values are beyond it.
        asked: groups that hold the samples that were asked for.
    """
    total = counts.shape[1]
    ended: dict[float, list[Check]] = {each: [] for each in beyond}
    going = {each: set(range(len(counts))) for each in beyond}
    for groups in looks(asked, total):
        places = sorted(set().union(*going.values()))
        level = LEVEL if groups in (asked, total) else INTERIM_LEVEL
        for place, drawn in zip(places, simulation.draw_means(counts[places, :groups]), strict=True):
            for each in beyond:
                if place not in going[each]:
                    continue
                found = simulation.check(drawn, limit_at("max", "mean", each)[0], level)
                if groups == total or is_settled(found):
                    ended[each].append(_checked(found, groups))
                    going[each].remove(place)
    return ended


def _print_rates(simulation: Simulation, options: argparse.Namespace) -> None:
    print("Share of the checks that fail, by how far the true values of all layers are beyond their bounds:\n")
    names = "".join(f" {each:.1%} |" for each in BEYOND[1:])
    print(f"| groups | bound | of | at it |{names} layers uncertain at it | layers held at it |")
    print("|---" * (len(BEYOND) + 5) + "|")
    for groups in options.groups:
        drawn = list(simulation.draw(draws(options.draws, options.samples, groups, options.seed)))
        for kind in options.kind:
            for of in options.of:
                found = [check_draws(simulation, drawn, kind, of, beyond) for beyond in BEYOND]
                rates = "".join(f" {_mean(checks, lambda one: one.fails):.1%} |" for checks in found)
                layers = [_mean(found[0], value) for value in (lambda one: one.uncertain, lambda one: one.held)]
                print(f"| {groups} | {kind} | {of} |{rates}" + "".join(f" {each:.1%} |" for each in layers), flush=True)


def _print_until_decided(simulation: Simulation, options: argparse.Namespace) -> None:
    print(
        f"Judged after {', '.join(map(str, looks(options.groups[0], MOST_GROUPS)))} groups of {GROUP_SAMPLES} digits:\n"
    )
    print("| true values beyond the bound by | checks that fail | mean groups | layers uncertain in the end |")
    print("|---|---|---|---|")
    counts = draws(options.draws, GROUP_SAMPLES * MOST_GROUPS, MOST_GROUPS, options.seed)
    for beyond, checks in check_until_decided(simulation, counts, UNTIL_BEYOND, options.groups[0]).items():
        fail, uncertain = (_mean(checks, each) for each in (lambda one: one.fails, lambda one: one.uncertain))
        print(f"| {beyond:.0%} | {fail:.1%} | {_mean(checks, lambda one: one.groups):.1f} | {uncertain:.1%} |")


def _mean(checks: Sequence[Check], value: Callable[[Check], float]) -> float:
    return float(np.mean([value(one) for one in checks]))


def _checked(found: Sequence[Finding], groups: int) -> Check:
    uncertain, held = (sum(each.status == status for each in found) for status in ("uncertain", "held"))
    return Check(any(each.fails for each in found), uncertain / len(found), held / len(found), groups)


def _layers(kept: Sequence[Population], counts: Counts) -> list[Layers]:
    return list(zip(*(_summaries(each, counts) for each in kept), strict=True))


def _summaries(population: Population, counts: Counts) -> list[MeasureSummary]:
    return [
        summarize(Values(whole, np.zeros(whole.size, np.bool_)), replicates, whole, PART.bounds, interval=True)
        for whole, *replicates in channel_values(population, counts)[MEASURE]
    ]


def _mean_summaries(population: Population, truth: MeasureSummary, counts: Counts) -> list[MeasureSummary]:
    found = []
    for whole, *replicates in channel_values(population, counts)[MEASURE].mean(axis=2).tolist():
        estimate = jackknife(whole, whole, replicates, PART.bounds)
        known = {"mean": whole, "se": estimate.se, "bias": estimate.bias}
        found.append(truth.model_copy(update={**known, "ci": {"mean": estimate.interval}, "loo": {"mean": replicates}}))
    return found


def _groups(drawn: Layers, of: Of) -> int:
    return len(drawn[0].loo[of] or ())


def _value(found: MeasureSummary, of: Of) -> float:
    value = getattr(found, of)
    assert isinstance(value, float), "the layers of the shipped models vary"
    return value


def _times(found: MeasureSummary, of: Of, factor: float) -> MeasureSummary:
    """Return what would have been found if all values were larger by a factor; of one location over the channels."""
    update: dict[str, object] = {of: _value(found, of) * factor}
    if found.se is not None and found.bias is not None:
        update |= {"se": found.se * factor, "bias": found.bias * factor}
    return found.model_copy(
        update={
            **update,
            "ci": {of: tuple(end * factor for end in found.ci[of] or ()) or None},
            "loo": {of: [each * factor for each in found.loo[of] or ()]},
        }
    )


def _without_error(found: MeasureSummary, groups: int) -> MeasureSummary:
    """Return a true value as the baseline keeps one: every group says the same."""
    values = {name: _value(found, name) for name in OFS}
    ends = {name: (value, value) for name, value in values.items()}
    same = {name: [value] * groups for name, value in values.items()}
    return found.model_copy(update={"se": 0.0, "bias": 0.0, "ci": ends, "loo": same})


if __name__ == "__main__":
    main()
