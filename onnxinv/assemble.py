"""From a plan and what was measured to a result with its provenance."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from onnxinv import runtime
from onnxinv.errors import ModelError
from onnxinv.gallery import Gallery
from onnxinv.measured import Measured
from onnxinv.measures import Measure, Values, measures
from onnxinv.measures.jackknife import LEAST_GROUPS, jackknife
from onnxinv.memory import Layout
from onnxinv.model.layers import Layer
from onnxinv.model.origins import Origin, origins
from onnxinv.plan import Plan
from onnxinv.provenance import (
    ClassOutputMeta,
    DataMeta,
    Meta,
    ModelMeta,
    OptionsMeta,
    RuntimeMeta,
    TimingMeta,
    TransformsMeta,
)
from onnxinv.result import (
    FORMAT,
    Document,
    GlobalValue,
    LayerResult,
    MeasureSummary,
    OutputValue,
    Result,
    classes_key,
    units_key,
)
from onnxinv.spent import Spent
from onnxinv.version import __version__


def assemble(plan: Plan, measured: Measured, gallery: Gallery | None = None) -> Result:
    """Return the result of a finished run.

    Args:
        plan: what was done.
        measured: what was found.
        gallery: what was kept to be looked at.

    Raises:
        ModelError: no unit of the model's outputs is finite, so that nothing it says can be trusted.
    """
    places = origins(plan.model.proto.graph, [layer.name for layer in plan.layers])
    layers = [
        _layer(layer, found.measures, origin)
        for layer, found, origin in zip(plan.layers, measured.layers, places, strict=True)
    ]
    check_outputs(plan.model.meta, layers)
    keys = list(measured.layers[0].measures)
    bounds = {key: limits for each in plan.measures for key, limits in each.bounds_by_key().items()}
    values = {key: [found.measures[key][0] for found in measured.layers] for key in keys}
    summary = global_values(layers, bounds, values)
    warnings = [
        *_of_the_shard(plan.config.shard),
        *plan.notices,
        *_memory_notice(plan, measured),
        *warnings_of(layers, [found.faint for found in measured.layers]),
    ]
    meta = _meta(plan, measured, keys, warnings)
    if gallery is not None:
        meta = meta.model_copy(update={"pictures": gallery.meta})
    outputs = {key: output_value(values, found) for key, (values, found) in measured.outputs.items()}
    document = Document(meta=meta, layers=layers, skipped=list(plan.skipped), outputs=outputs, summary=summary)
    return Result(document, _units(plan, measured), None if gallery is None else gallery.pictures)


def _units(plan: Plan, measured: Measured) -> dict[str, npt.NDArray[np.float64]]:
    """Return the arrays of `units.npz`."""
    views = {
        (subject.layer.index, key): subject.view
        for subject in plan.subjects.every
        if subject.role == "layer"
        for measure in subject.measures
        for key in measure.result_keys()
    }
    units: dict[str, npt.NDArray[np.float64]] = {}
    for layer, found in zip(plan.layers, measured.layers, strict=True):
        for key, (values, summary) in found.measures.items():
            if summary.reason is not None:
                continue
            arrange = views[layer.index, key].arrange
            units[units_key(key, layer.index)] = arrange(values.values)
            if values.classes is not None:
                units[classes_key(key, layer.index)] = np.stack([arrange(one) for one in values.classes])
    return units


def output_value(values: Values, summary: MeasureSummary) -> OutputValue:
    """Return a measure of the class output: a share or a mean of the model, the mean of its one value."""
    assert values.values.size == 1
    return OutputValue(
        value=summary.mean,
        se=summary.se,
        bias=summary.bias,
        ci=summary.ci["mean"],
        loo=summary.loo["mean"],
        profile=summary.profile,
    )


def _layer(layer: Layer, found: Mapping[str, tuple[Values, MeasureSummary]], origin: Origin) -> LayerResult:
    return LayerResult(
        index=layer.index,
        name=layer.name,
        label=layer.label,
        op=layer.op,
        shape=list(layer.shape),
        channel_axis=layer.channel_axis,
        units=layer.units,
        channels=layer.channels,
        measures={key: summary for key, (_, summary) in found.items()},
        node=origin.node,
        after=list(origin.after),
    )


def check_outputs(model: ModelMeta, layers: Sequence[LayerResult]) -> None:
    """Make sure that something the model says can be trusted.

    Args:
        model: the model.
        layers: with their measures.

    Raises:
        ModelError: no unit of its outputs is finite.
    """
    names = {info.name for info in model.outputs}
    outputs = [layer for layer in layers if layer.name in names]
    told = [[each for each in layer.measures.values() if each.reason is None] for layer in outputs]
    broken = [all(each.nan and not each.finite and not each.inf for each in found) for found in told if found]
    if broken and all(broken):
        raise ModelError(
            f"No unit of the outputs of '{model.path}' is finite on all samples and transforms.",
            "Check the preprocessing of the data, or the model.",
        )


def global_values(
    layers: Sequence[LayerResult], bounds: Mapping[str, tuple[float, float]], values: Mapping[str, Sequence[Values]]
) -> dict[str, GlobalValue]:
    """Return every measure over the whole model.

    Args:
        layers: with their measures.
        bounds: ranges that values cannot leave, by key.
        values: of the layers that have the measure, by key.
    """
    return {key: _global_value(layers, key, bounds[key], found) for key, found in values.items()}


def _global_value(
    layers: Sequence[LayerResult], key: str, bounds: tuple[float, float], values: Sequence[Values]
) -> GlobalValue:
    summaries = [layer.measures[key] for layer in layers]
    means = [summary.mean for summary in summaries if summary.mean is not None]
    pooled = np.concatenate([each.values.reshape(-1) for each in values])
    pooled = pooled[np.isfinite(pooled)]
    of_layers = math.fsum(means) / len(means) if means else None
    se, interval = _global_interval(summaries, of_layers, bounds)
    return GlobalValue(
        mean_of_layers=of_layers, mean_of_units=float(pooled.mean()) if pooled.size else None, se=se, ci=interval
    )


def _global_interval(
    summaries: Sequence[MeasureSummary], value: float | None, bounds: tuple[float, float]
) -> tuple[float | None, tuple[float, float] | None]:
    """Return standard error and interval of the mean of the layers: the layers' replicates share their groups."""
    replicates = [replicate for summary in summaries if (replicate := summary.loo["mean"]) and summary.bias is not None]
    if value is None or not replicates or len(replicates[0]) < LEAST_GROUPS:
        return None, None
    together = [math.fsum(parts) / len(parts) for parts in zip(*replicates, strict=True)]
    biases = [summary.bias for summary in summaries if summary.loo["mean"] and summary.bias is not None]
    reference = math.fsum(together) / len(together) - math.fsum(biases) / len(biases) / (len(together) - 1)
    # Layers of one shape are looked at in the same places, so these errors may go together.
    of_positions = [(summary.position_se or {}).get("mean", 0.0) for summary in summaries if summary.loo["mean"]]
    other_se = math.fsum(of_positions) / len(of_positions)
    estimate = jackknife(value, reference, together, bounds, other_se=other_se)
    return estimate.se, estimate.interval


def _memory_notice(plan: Plan, measured: Measured) -> list[str]:
    """Say where memory was shorter than planned; no value depends on it but by rounding."""
    if measured.batch == plan.layout.batch:
        return []
    return [
        f"Memory ran short with {plan.layout.batch} variants in a run of the model: it went on with {measured.batch}."
    ]


def warnings_of(layers: Sequence[LayerResult], faint: Sequence[int]) -> list[str]:
    """Say which layers have values to be wary of."""
    labels = [layer.label for layer in layers]
    broken = [max((summary.nan for summary in layer.measures.values()), default=0) for layer in layers]
    reasons = {
        "Values that are nan, because activations are not finite, are left out": broken,
        "Units that vary little more than their number format rounds (float32: a millionth of their size)": faint,
    }
    return [f"{reason}: {_listed(labels, counts)}." for reason, counts in reasons.items() if any(counts)]


def _of_the_shard(shard: str | None) -> list[str]:
    return [f"This is shard {shard} alone: onnxinv merge makes one result of all."] if shard else []


def _listed(labels: Sequence[str], counts: Sequence[int]) -> str:
    hit = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True) if count]
    return ", ".join(hit[:5]) + (f" and {len(hit) - 5} more layers" if len(hit) > 5 else "")


def _meta(plan: Plan, measured: Measured, keys: Sequence[str], warnings: Sequence[str]) -> Meta:
    config, layout = plan.config, plan.layout
    return Meta(
        format=FORMAT,
        onnxinv=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=plan.model.meta,
        data=DataMeta(
            source=config.data,
            samples=len(measured.samples),
            seed=config.seed,
            digest=measured.digest,
            labels=plan.feeds.samples.labels is not None,
            preprocessing=plan.feeds.notes,
            classes=list(plan.classes),
            skipped=list(plan.bad_samples),
        ),
        transforms=TransformsMeta(
            spec=list(config.transforms),
            count=len(plan.transforms),
            items=plan.transform_items,
        ),
        options=OptionsMeta(
            aggregate=config.aggregate,
            measures=list(keys),
            groups=measured.groups,
            sample_units=config.sample_units,
            interval_units=layout.kept_units,
            stratify=config.stratify,
            precision=config.precision,
            skipped_measures=list(plan.dropped),
            shard=config.shard,
        ),
        runtime=RuntimeMeta(
            onnxruntime=runtime.version(),
            providers=list(measured.providers),
            optimization="all" if plan.probe.optimize else "off",
            reduce=_reduce(plan),
            schedule=_schedule(layout),
            batch=measured.batch,
            threads=config.threads or os.cpu_count() or 1,
        ),
        timing=TimingMeta(
            seconds=round(measured.seconds, 3),
            inferences=measured.inferences,
            inferences_per_second=round(measured.inferences / measured.seconds, 1) if measured.seconds else 0.0,
            shares=_shares(measured.spent),
        ),
        warnings=list(warnings),
        class_output=_class_output(plan),
    )


def _schedule(layout: Layout) -> str:
    chunks = f"samples first, {len(layout.chunks)} chunk{'s' * (len(layout.chunks) != 1)}"
    linked = ", each going on from those before it" if layout.carries else ""
    return chunks + linked + (", large layers over several groups together" if layout.joined else "")


def _reduce(plan: Plan) -> str:
    """Return how activations were summed, and of how many layers that was done in the graph where any could be."""
    asked = plan.config.reduce + (", compiled" if plan.code else "")
    if plan.config.reduce != "pushdown" and not plan.pushed:
        return asked
    return f"{asked}, in the graph for {len(plan.pushed)} of {len(plan.layers)} layers"


def _class_output(plan: Plan) -> ClassOutputMeta | None:
    found = plan.class_output
    if isinstance(found, str):
        return None
    return ClassOutputMeta(name=found.name, kind=found.kind, classes=found.classes, chosen=found.chosen)


def _shares(spent: Spent[Measure | str]) -> dict[str, float]:
    """Return the share of the busy time by what it was spent on, largest first; measures by their name."""
    named: Spent[str] = Spent()
    for owner, seconds in spent.items():
        named.charge(seconds, measures.name_of(type(owner)) if isinstance(owner, Measure) else owner)
    total = math.fsum(named.values()) or 1.0
    return {name: round(named[name] / total, 4) for name in sorted(named, key=named.__getitem__, reverse=True)}
