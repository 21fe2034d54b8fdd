"""From the values of a layer to the numbers that are reported: location, spread, counts and uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from onnxinv.measures.jackknife import Estimate, jackknife
from onnxinv.measures.measure import Values
from onnxinv.measures.position_error import PositionError, Replicates, position_errors
from onnxinv.result import MeasureSummary
from onnxinv.statistics import Array

LOCATIONS: Mapping[str, Callable[[Array], Array]] = {
    "mean": lambda values: np.asarray(values.mean(axis=-1)),
    "median": lambda values: np.asarray(np.median(values, axis=-1)),
    "p95": lambda values: np.asarray(np.percentile(values, 95, axis=-1)),
}
"""The layer values that have an interval, along the last axis."""


def summarize(
    full: Values,
    replicates: Sequence[Array],
    reference: Array,
    bounds: tuple[float, float],
    *,
    interval: bool,
    trials: int | None = None,
    classes: Sequence[str] = (),
    positions: Replicates | None = None,
) -> MeasureSummary:
    """Summarise one measure of one layer.

    Args:
        full: the values on all samples.
        replicates: G arrays of values, each leaving one group out, over the units whose group states were kept.
        reference: the values of those same units on all samples.
        bounds: the measure's range; intervals are clipped to it.
        interval: whether the measure has intervals at all.
        trials: number of samples, where the values are proportions of them.
        classes: names of the classes that `full.classes` is about.
        positions: values without some of the positions, where these were drawn.
    """
    values, finite = full.values, np.isfinite(full.values)
    kept, alive = values[finite], values[finite & ~full.dead]
    chosen = {} if positions is None else position_errors(values, positions, LOCATIONS)
    estimates: Mapping[str, Estimate | None] = dict.fromkeys(LOCATIONS)
    if interval and (positions is None or chosen):
        estimates = _estimates(kept, replicates, reference, bounds, trials, chosen)
    undefined = full.dead if full.silent is None else full.dead | full.silent
    mean = estimates["mean"]
    return MeasureSummary(
        mean=_of(LOCATIONS["mean"], kept),
        mean_alive=_of(LOCATIONS["mean"], alive),
        std=_of(lambda these: float(these.std(ddof=1)), kept, least=2),
        median=_of(LOCATIONS["median"], kept),
        p05=_of(lambda these: float(np.percentile(these, 5)), kept),
        p95=_of(LOCATIONS["p95"], kept),
        min=_of(lambda these: float(these.min()), kept),
        max=_of(lambda these: float(these.max()), kept),
        finite=int(finite.sum()),
        inf=int(np.isinf(values).sum()),
        nan=int((np.isnan(values) & ~undefined).sum()),
        dead=int(full.dead.sum()),
        se=mean.se if mean else None,
        bias=mean.bias if mean else None,
        ci={name: estimate.interval if estimate else None for name, estimate in estimates.items()},
        loo={name: list(estimate.replicates) if estimate else None for name, estimate in estimates.items()},
        profile=None if full.profile is None else [_mean_of_finite(row) for row in full.profile],
        classes=None
        if full.classes is None
        else {name: _mean_of_finite(row) for name, row in zip(classes, full.classes, strict=True)},
        silent=None if full.silent is None else int(full.silent.sum()),
        position_se={name: each.se for name, each in chosen.items()} or None,
    )


def summarize_nothing(reason: str) -> MeasureSummary:
    """Return the summary of a measure that a layer cannot have.

    Args:
        reason: why.
    """
    empty = summarize(Values(np.zeros(0), np.zeros(0, dtype=np.bool_)), (), np.zeros(0), (0, 0), interval=False)
    return empty.model_copy(update={"reason": reason})


def _estimates(
    kept: Array,
    replicates: Sequence[Array],
    reference: Array,
    bounds: tuple[float, float],
    trials: int | None,
    positions: Mapping[str, PositionError],
) -> dict[str, Estimate | None]:
    common = np.logical_and.reduce([np.isfinite(values) for values in (reference, *replicates)])
    # Of a subset of units values may be finite that are not on all units.
    if not common.any() or not kept.size:
        return dict.fromkeys(LOCATIONS)
    whole = reference[common]
    parts = np.stack([one[common] for one in replicates]) if replicates else np.empty((0, whole.size))
    found: dict[str, Estimate | None] = {}
    for name, location in LOCATIONS.items():
        of_parts = location(parts).tolist() if len(parts) else []
        base = _reference(location, whole, parts, of_parts)
        other = positions.get(name, PositionError(0.0, 0.0))
        found[name] = jackknife(
            float(location(kept)), base, of_parts, bounds, trials=trials, other_se=other.se, other_bias=other.bias
        )
    return found


def _reference(location: Callable[[Array], Array], whole: Array, parts: Array, of_parts: Sequence[float]) -> float:
    """Return the value on all samples for which the jackknife finds the bias of the bias-corrected values' location.

    A quantile jumps from value to value when a group is left out, and the jackknife would multiply that jump by the
    number of groups: so every value is corrected by itself, and the bias is what that changes in the location. For the
    mean both are the same.
    """
    if len(parts) < 2:
        return float(location(whole))  # too few groups for any estimate
    corrected = whole - (len(parts) - 1) * (np.mean(parts, axis=0) - whole)
    bias = float(location(whole) - location(corrected))
    return math.fsum(of_parts) / len(parts) - bias / (len(parts) - 1)


def _mean_of_finite(values: Array) -> float | None:
    return _of(LOCATIONS["mean"], values[np.isfinite(values)])


def _of(location: Callable[[Array], Array | float], values: Array, least: int = 1) -> float | None:
    number = float(location(values)) if values.size >= least else math.nan
    return number if math.isfinite(number) else None
