"""Results made by hand whose values are given group by group, and activations and weights to go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from onnxinv.activations import Activations
from onnxinv.comparing import Observed
from onnxinv.model.weights import Weights
from onnxinv.provenance import TensorInfo
from onnxinv.result import LayerResult, MeasureSummary, OutputValue, Result, units_key
from tests.reports.results import result_of, summary

GROUPS = 5


def spread(mean: float, seed: int = 0, width: float = 0.01) -> MeasureSummary:
    """Return a value with leave-one-group-out values around it; equal seeds make groups deviate alike."""
    steps = np.random.default_rng(seed).normal(size=GROUPS)
    loo = mean + width * (steps - steps.mean())
    se = float(np.sqrt((GROUPS - 1) / GROUPS * ((loo - loo.mean()) ** 2).sum()))
    return summary(mean).model_copy(update={"se": se, "loo": {"mean": loo.tolist(), "median": None, "p95": None}})


def model(
    layers: Sequence[LayerResult],
    *,
    path: str = "a.onnx",
    values: Mapping[tuple[str, str], Sequence[float]] | None = None,
    outputs: Mapping[str, OutputValue] | None = None,
    ends: Sequence[str] = ("y",),
) -> Result:
    """Return a result.

    Args:
        layers: its layers.
        path: of the model.
        values: of the channels, by measure and layer; the mean of the layer where they are not given.
        outputs: measures of the class output.
        ends: names of the model's outputs.
    """
    plain = result_of(layers, path=path)
    info = [TensorInfo(name=name, dtype="float32", shape=["n", 4]) for name in ends]
    named = plain.meta.model.model_copy(update={"outputs": info})
    meta = plain.meta.model_copy(update={"model": named})
    document = plain.document.model_copy(update={"meta": meta, "outputs": dict(outputs or {})})
    units = {
        units_key(key, each.index): np.array((values or {}).get((key, each.name), [found.mean or 0.0] * 4))
        for each in layers
        for key, found in each.measures.items()
    }
    return Result(document, units)


def observed(activations: Sequence[np.ndarray], weights: Mapping[str, int]) -> Observed:
    """Return what is known of a model: activations layer by layer, and a number for the weights behind each tensor."""
    known = {name: Weights(9, digest) for name, digest in weights.items()}
    return Observed(Activations(tuple(activations)), known, own={})
