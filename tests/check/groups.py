"""Results made by hand from one number a group: the value is their mean, so that its interval is Student's."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from onnxinv.check_config import Limit
from onnxinv.covering import Covered
from onnxinv.measures.parts import measure_part
from onnxinv.result import MeasureSummary, OutputValue, Result
from tests.reports.results import NV, layer, result_of, summary

CRITICAL = {3: 4.302652729911275, 5: 2.7764451051977987, 10: 2.2621571627409915}
"""The 97.5 % quantile of Student's distribution for so many groups less one, from a table."""


def loo_means(numbers: Sequence[float]) -> list[float]:
    """Return the mean of all numbers but one, for each."""
    return [(sum(numbers) - each) / (len(numbers) - 1) for each in numbers]


def error_of(numbers: Sequence[float]) -> float:
    """Return the standard error of the mean of the numbers."""
    return statistics.stdev(numbers) / len(numbers) ** 0.5


def mean_of(numbers: Sequence[float], **fields: object) -> MeasureSummary:
    """Return a layer's values over channels: each location is the mean of the numbers."""
    middle, half = statistics.fmean(numbers), CRITICAL[len(numbers)] * error_of(numbers)
    every = ("mean", "median", "p95")
    known = {
        "se": error_of(numbers),
        "ci": dict.fromkeys(every, (max(middle - half, 0.0), middle + half)),
        "loo": dict.fromkeys(every, loo_means(numbers)),
    }
    return summary(middle).model_copy(update=known | fields)


def share_of(numbers: Sequence[float]) -> OutputValue:
    """Return a share of the samples: the mean of those of the groups, with no interval of its own."""
    return OutputValue(
        value=statistics.fmean(numbers), se=error_of(numbers), bias=0.0, ci=(0.0, 1.0), loo=loo_means(numbers),
        profile=None,
    )  # fmt: skip


def measured(
    layers: Mapping[str, MeasureSummary],
    *,
    outputs: Mapping[str, OutputValue] | None = None,
    samples: int = 100,
    groups: int = 10,
    key: str = NV,
    digest: str = "1" * 64,
) -> Result:
    """Return a result with these values of its layers and of its class output."""
    made = result_of([layer(place, name, {key: found}) for place, (name, found) in enumerate(layers.items())])
    meta = made.meta.model_copy(
        update={
            "data": made.meta.data.model_copy(update={"samples": samples, "digest": digest}),
            "options": made.meta.options.model_copy(update={"groups": groups}),
        }
    )
    return Result(made.document.model_copy(update={"meta": meta, "outputs": dict(outputs or {})}), made.units)


def limit(*layers: str, measure: str = NV, **keys: object) -> Covered:
    """Return a limit on these layers; a key with hyphens is written with underscores."""
    named = {key.replace("_", "-"): value for key, value in keys.items()}
    return Covered(0, Limit.model_validate({"measure": measure, **named}), measure_part(measure), layers)
