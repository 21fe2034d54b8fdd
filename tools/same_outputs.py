"""Whether the model that is measured, its layers exposed, still hands out what the original file does.

This knows nothing of what the probe has compared: the file is run by onnxruntime as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from onnxinv.model.bfloat16 import uses_bfloat16
from onnxinv.model.precision import is_coarse
from onnxinv.model.rewrite import expose
from onnxinv.model.widen import widened
from onnxinv.plan import Plan

Array = npt.NDArray[Any]

_TOLERANCE, _COARSE = 1e-4, 2e-2


def difference(path: Path, plan: Plan) -> str:
    """Return which output of the rewritten model differs from the original's on two samples; empty where none does.

    Outputs that differ from run to run are left out. Where the batch has been freed, the rewritten model takes both
    samples at once and the original one after the other: its outputs must be the same side by side.
    """
    names = [info.name for info in plan.model.outputs]
    exposed = expose(plan.model.proto, [*(layer.name for layer in plan.layers), *names])
    # The runtime lacks bfloat16, and of a model that it cannot run there is nothing else to compare with.
    narrow = uses_bfloat16(plan.model.proto)
    original = _session(widened(plan.model.proto).SerializeToString() if narrow else str(path), optimize=True)
    rewritten = _session(widened(exposed.proto).SerializeToString(), optimize=plan.probe.optimize)
    outputs = [exposed.outputs[name] for name in names]
    samples, size = [(int(index), 0) for index in plan.samples[:2]], _batch(plan)
    together = plan.feeds.variants([one for one in samples for _ in range(size or 1)])
    apart = [plan.feeds.variants([one], size) for one in samples] if size else [together]
    try:
        expected, again = [original.run(names, feed) for feed in apart], original.run(names, apart[0])
    except RuntimeError as error:
        if "No corresponding Numpy type" in str(error):  # an onnxruntime that hands out no 8-bit floats and the like
            return ""
        raise
    found = [rewritten.run(outputs, feed) for feed in (apart if plan.probe.fixed_batch else [together])]
    tolerance = _COARSE if is_coarse(plan.model.proto) else _TOLERANCE
    for place, name in enumerate(names):
        ours, theirs = [run[place] for run in found], [run[place] for run in expected]
        if not isinstance(theirs[0], np.ndarray) or theirs[0].dtype.kind not in "biuf":
            continue  # strings and sequences are no numbers to compare
        if not _close(again[place], theirs[0], tolerance):
            continue
        if len(ours) < len(theirs):
            same = any(_close(ours[0], side, tolerance) for side in _side_by_side(theirs, size or 1))
        else:
            same = all(_close(one, other, tolerance) for one, other in zip(ours, theirs, strict=True))
        if not same:
            return f"The output '{name}' of the rewritten model differs from that of the file."
    return ""


def _batch(plan: Plan) -> int | None:
    """Return the batch size that the file was made for; None where it takes any."""
    feeds = plan.feeds
    lengths = (info.shape[feeds.batch_axes[info.name]] for info in feeds.inputs if info.shape)
    return plan.probe.fixed_batch or next((length for length in lengths if isinstance(length, int)), None)


def _side_by_side(parts: Sequence[Array], size: int) -> Iterator[Array]:
    """Yield the batches of two runs as one batch, for every axis that the samples may lie along, slowest or fastest."""
    for axis, length in enumerate(parts[0].shape):
        yield np.concatenate(parts, axis)
        if length and not length % size:
            before, behind = parts[0].shape[:axis], parts[0].shape[axis + 1 :]
            split = [part.reshape(*before, length // size, size, *behind) for part in parts]
            yield np.concatenate(split, axis + 1).reshape(*before, -1, *behind)


def _session(model: str | bytes, *, optimize: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _close(found: Array, expected: Array, tolerance: float) -> bool:
    """Whether two arrays are equal but for so many root mean squares of the second."""
    if found.shape != expected.shape:
        return False
    one, other = found.astype(np.float64), expected.astype(np.float64)
    finite = other[np.isfinite(other)]
    largest = np.abs(finite).max(initial=0)
    rms = largest * np.sqrt(np.mean((finite / largest) ** 2)) if largest else 0
    return np.allclose(one, other, rtol=0, atol=tolerance * rms, equal_nan=True)
