"""Small results made by hand, so that reports can be tested without measuring anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnxinv.provenance import (
    DataMeta,
    Meta,
    ModelMeta,
    OptionsMeta,
    RuntimeMeta,
    TensorInfo,
    TimingMeta,
    TransformsMeta,
)
from onnxinv.result import FORMAT, Document, GlobalValue, LayerResult, MeasureSummary, Result, Skipped, units_key

NV = "normalized-variance"


def meta(*, path: str = "net.onnx", warnings: Sequence[str] = (), measures: Sequence[str] = (NV,)) -> Meta:
    """Return the provenance of a measurement that never was."""
    return Meta(
        format=FORMAT,
        onnxinv="0.0.0",
        created="2024-01-01T00:00:00+00:00",
        model=ModelMeta(
            path=path,
            sha256="0" * 64,
            opset=17,
            producer="by hand",
            inputs=[TensorInfo(name="x", dtype="float32", shape=["n", 1, 2, 2])],
            outputs=[TensorInfo(name="y", dtype="float32", shape=["n", 4])],
        ),
        data=DataMeta(source="digits.npz", samples=20, seed=0, digest="1" * 64, labels=True, preprocessing=[]),
        transforms=TransformsMeta(
            spec=["rotation:steps=2"], count=2, items=[{"name": "identity"}, {"name": "rotation 180", "degrees": 180.0}]
        ),
        options=OptionsMeta(
            aggregate="channel", measures=list(measures), groups=10, sample_units=None, interval_units=None
        ),
        runtime=RuntimeMeta(
            onnxruntime="1.0", providers=["CPUExecutionProvider"], optimization="all", reduce="host",
            schedule="samples first, 1 chunk", batch=8, threads=1,
        ),
        timing=TimingMeta(seconds=0.5, inferences=40, inferences_per_second=80.0),
        warnings=list(warnings),
    )  # fmt: skip


def summary(
    mean: float | None, *, half: float | None = 0.05, dead: int = 0, inf: int = 0, nan: int = 0
) -> MeasureSummary:
    """Return the summary of a layer of four channels, with an interval of this half width."""
    ci = None if mean is None or half is None else (mean - half, mean + half)
    return MeasureSummary(
        mean=mean, mean_alive=mean, std=0.1, median=mean, p05=mean, p95=mean, min=mean, max=mean,
        finite=4 - inf - nan, inf=inf, nan=nan, dead=dead, se=None if half is None else half / 2, bias=0.0,
        ci={"mean": ci, "median": None, "p95": None}, loo={"mean": None, "median": None, "p95": None},
    )  # fmt: skip


def layer(
    index: int,
    name: str,
    measures: dict[str, MeasureSummary],
    *,
    label: str = "",
    op: str = "Conv",
    node: str = "",
    after: Sequence[int] = (),
) -> LayerResult:
    """Return a layer of four channels of 2 x 2 units."""
    return LayerResult(
        index=index, name=name, label=label or name, op=op, shape=[4, 2, 2], channel_axis=0, units=16, channels=4,
        measures=measures, node=node, after=list(after),
    )  # fmt: skip


def result_of(
    layers: Sequence[LayerResult],
    *,
    skipped: Sequence[Skipped] = (),
    path: str = "net.onnx",
    warnings: Sequence[str] = (),
) -> Result:
    """Return a result with these layers; the global values are made up."""
    keys = list(layers[0].measures)
    whole = GlobalValue(mean_of_layers=0.5, mean_of_units=0.25, se=0.05, ci=(0.4, 0.6))
    document = Document(
        meta=meta(path=path, warnings=warnings, measures=keys),
        layers=list(layers),
        skipped=list(skipped),
        outputs={},
        summary=dict.fromkeys(keys, whole),
    )
    return Result(document, {units_key(key, each.index): np.full(4, 0.5) for each in layers for key in each.measures})


def small() -> Result:
    """Return a result that shows all that a table can show: dead, infinite, unmeasured, huge and tiny values."""
    layers = [
        layer(0, "x", {NV: summary(1.0)}, op="Input"),
        layer(1, "a", {NV: summary(0.25, dead=2)}, label="features.0.conv", node="Conv_0", after=[0]),
        layer(2, "b", {NV: summary(0.00012, half=None)}, label="features.1.relu", op="Relu", node="Relu_1", after=[1]),
        layer(
            3,
            "c",
            {NV: summary(None, nan=4)},
            label="a very long label of a layer that must be cut",
            op="Log",
            after=[1],
        ),
        layer(4, "y", {NV: summary(1.5, inf=1)}, label="fc", op="Gemm", node="Gemm_3", after=[2, 3]),
    ]
    skipped = [Skipped(name="i", op="Shape", reason="integer")]
    return result_of(layers, skipped=skipped, warnings=["Values that are nan are left out: c (4)."])
