"""Findings of single limits on results made by hand, with and without a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxinv.baseline import Baseline, Wanted, baseline_json, record
from onnxinv.counterparts import Counterparts, match
from onnxinv.covering import Covered
from onnxinv.findings import Finding
from onnxinv.gate import find
from onnxinv.result import MeasureSummary, OutputValue, Result
from tests.check.groups import CRITICAL, error_of, limit, mean_of, measured
from tests.reports.results import summary

CONSISTENCY = "top1-consistency"
SPREAD = (0.46, 0.54, 0.5, 0.47, 0.53, 0.5, 0.48, 0.52, 0.49, 0.51)
HALF = CRITICAL[10] * error_of(SPREAD)


def shifted(by: float, numbers: Sequence[float] = SPREAD) -> list[float]:
    return [each + by for each in numbers]


def judged(found: MeasureSummary | OutputValue | None, against: Result | None = None, **keys: object) -> Finding:
    """Return the finding of one limit on one value, held against that of an earlier result where there is one."""
    groups = keys.pop("groups", 10)
    if isinstance(found, OutputValue):
        result = measured({"y": mean_of(SPREAD)}, outputs={CONSISTENCY: found}, groups=groups)
        covered = limit("output", measure=CONSISTENCY, **keys)
    else:
        assert found is not None
        result, covered = measured({"y": found}, groups=groups), limit("y", **keys)
    return find("r", [covered], result, against and recorded(against, covered))[0]


def recorded(earlier: Result, *covered: Covered, looks: Sequence[Result] = ()) -> Counterparts:
    """Return a baseline of a result, having been written and read again."""
    named = [each for each in covered if not each.part.of_output]
    layers = {each.part.key: [one.limit.of for one in named if one.part.key == each.part.key] for each in named}
    outputs = [each.part.key for each in covered if each.part.of_output]
    run = record(earlier, looks, Wanted(layers, outputs, {each.part.key: each.part.bounds for each in covered}))
    kept = Baseline.model_validate_json(baseline_json({"r": run})).runs["r"]
    return match(Path("b.json"), kept, earlier.layers, "auto")


def earlier(numbers: Sequence[float] = SPREAD, **fields: object) -> Result:
    return measured({"y": mean_of(numbers)}, **fields)


def infinite() -> MeasureSummary:
    empty = dict.fromkeys(("mean", "median", "p95"))
    return summary(None, half=None, inf=4).model_copy(update={"finite": 0, "ci": empty, "loo": empty})
