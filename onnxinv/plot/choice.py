"""Which measure of a result a figure shows."""

from __future__ import annotations

from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.result import LayerResult, Result
from onnxinv.spec import did_you_mean


def chosen_measure(result: Result, measure: str | None) -> str:
    """Return the measure that was asked for, or the first of the result.

    Raises:
        UsageError: the result has no such measure; the hint offers the closest.
        OnnxinvError: the result has no measure of layers at all.
    """
    if not result.measures:
        raise OnnxinvError(
            f"The result of '{result.meta.model.path}' has no measure of layers.",
            "Measure one, for example normalized-variance.",
        )
    if measure is None:
        return result.measures[0]
    if measure not in result.measures:
        raise UsageError(
            f"The result of '{result.meta.model.path}' has no measure '{measure}'.",
            did_you_mean(measure, result.measures),
        )
    return measure


def having(result: Result, measure: str) -> list[LayerResult]:
    """Return the layers that have a measure, from the input to the output.

    Raises:
        OnnxinvError: none has.
    """
    layers = [layer for layer in result.layers if layer.measures[measure].reason is None]
    if not layers:
        reason = next((layer.measures[measure].reason for layer in result.layers), None)
        told = f": {reason}" if reason else ""
        raise OnnxinvError(f"No layer of '{result.meta.model.path}' has {measure}{told}.", "Plot another measure.")
    return layers
