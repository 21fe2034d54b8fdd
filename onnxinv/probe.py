"""Runs the model on a few real samples to see what can be measured and whether optimised numbers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.feeds import Feeds
from onnxinv.model.layers import Candidate, Layer, locate, split_by_type
from onnxinv.model.load import Model
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.result import Skipped
from onnxinv.runtime import Device, Session

Array = npt.NDArray[Any]

_TRUSTED = {"float16": 2e-2}
_TRUSTED_DEFAULT = 1e-4
"""Largest difference to the unoptimised graph, in root mean squares of the layer."""


@dataclass(frozen=True)
class Probe:
    """What the probe saw.

    Attributes:
        layers: what can be measured, with axes.
        skipped: what cannot, with reasons.
        optimize: whether the optimised graph's numbers equal the unoptimised ones.
        fixed_batch: the model's batch size, where it takes no other.
        notices: what the user should know.
    """

    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...]
    optimize: bool
    fixed_batch: int | None
    notices: tuple[str, ...]


def run_probe(
    model: Model,
    chosen: Sequence[Candidate],
    feeds: Feeds,
    samples: Sequence[int],
    device: Device,
    threads: int,
    overrides: Mapping[str, int],
) -> Probe:
    """Expose the candidates, run the model on real samples, and find out.

    Args:
        model: the model.
        chosen: candidate tensors.
        feeds: makes batches.
        samples: the samples of the run; the first few are used.
        device: where to run.
        threads: of the CPU provider.
        overrides: channel axis by glob.

    Raises:
        ModelError: the model cannot be run, its outputs are not finite, or nothing can be measured.
    """
    fixed = _fixed_batch(model)
    batches = _batches(feeds, samples, fixed)
    outputs = [info.name for info in model.outputs]
    exposed = expose(model.proto, [one.name for one in chosen] + outputs)
    serialized = exposed.proto.SerializeToString()
    plain = Session(serialized, device, threads=threads, optimize=False, folder=model.path.parent)
    types = plain.output_types()
    kept, skipped = split_by_type(chosen, {name: types[output] for name, output in exposed.outputs.items()})
    names = [one.name for one in kept]
    runs = [_fetch(plain, exposed, feed, names) for feed in batches]
    _check_rewrite(model, exposed, plain, batches[-1], device, threads)
    sizes = (_size(batches[0]), _size(batches[-1]))
    layers, unlocated = locate(model, kept, runs, sizes, feeds.input_channel_axes, overrides)
    if not layers:
        reasons = "; ".join(sorted({one.reason for one in (*skipped, *unlocated)})) or "no tensor depends on an input"
        raise ModelError(f"Nothing in '{model.path}' can be measured: {reasons}.", "See onnxinv inspect.")
    doubt = _optimized_differs(serialized, exposed, layers, runs[-1], batches[-1], device, threads, model)
    notices = [f"Graph optimisation is off for this model: {doubt}."] if doubt else []
    if fixed is not None:
        notices.append(f"The model's batch size is fixed at {fixed}; it is run {fixed} at a time.")
    return Probe(tuple(layers), (*skipped, *unlocated), not doubt, fixed, tuple(notices))


def _fixed_batch(model: Model) -> int | None:
    sizes = {info.shape[0] for info in model.inputs if info.shape and isinstance(info.shape[0], int)}
    if len(sizes) > 1:
        raise ModelError(f"The inputs of '{model.path}' have different fixed batch sizes: {sorted(map(str, sizes))}.")
    return next((size for size in sizes if isinstance(size, int)), None)


def _batches(feeds: Feeds, samples: Sequence[int], fixed: int | None) -> list[dict[str, Array]]:
    """Return two batches of different size and companions that begin with the same sample, or one of the fixed size."""
    last = len(feeds.transforms) - 1
    variants = [feeds.batch([samples[position % len(samples)]], slice(0, 1)) for position in range(3)]
    turned = feeds.batch([samples[-1]], slice(last, last + 1))
    if fixed is not None:
        return [_join(([*variants, turned] * fixed)[:fixed])]
    return [_join(variants[:2]), _join([variants[0], turned, variants[2]])]


def _join(feeds: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}


def _size(feed: Mapping[str, Array]) -> int:
    return int(next(iter(feed.values())).shape[0])


def _fetch(session: Session, exposed: Exposed, feed: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    return dict(zip(names, session.run(feed, [exposed.outputs[name] for name in names]), strict=True))


def _check_rewrite(
    model: Model, exposed: Exposed, plain: Session, feed: Mapping[str, Array], device: Device, threads: int
) -> None:
    """Compare the rewritten model's own outputs with the original's."""
    original = Session(
        model.proto.SerializeToString(), device, threads=threads, optimize=False, folder=model.path.parent
    )
    types = original.output_types()
    names = [
        info.name
        for info in model.outputs
        if types[info.name].startswith("tensor(") and "string" not in types[info.name]
    ]
    expected = dict(zip(names, original.run(feed, names), strict=True))
    floats = [array for array in expected.values() if array.dtype.kind == "f"]
    if floats and not any(np.isfinite(array).any() for array in floats):
        raise ModelError(
            f"The outputs of '{model.path}' are not finite on the first samples.",
            "Check the preprocessing of the data.",
        )
    for name, array in _fetch(plain, exposed, feed, names).items():
        if _difference(array, expected[name]) > _TRUSTED_DEFAULT:
            raise OnnxinvError(
                f"Exposing the layers of '{model.path}' changed its output '{name}'.",
                "This is a bug in onnxinv; please report it with the model.",
            )


def _optimized_differs(
    serialized: bytes,
    exposed: Exposed,
    layers: Sequence[Layer],
    expected: Mapping[str, Array],
    feed: Mapping[str, Array],
    device: Device,
    threads: int,
    model: Model,
) -> str:
    """Return why the optimised graph cannot be trusted, empty where it can."""
    try:
        session = Session(serialized, device, threads=threads, optimize=True, folder=model.path.parent)
        found = _fetch(session, exposed, feed, [layer.name for layer in layers])
    except ModelError as error:
        return error.message.rstrip(".")
    for layer in layers:
        difference = _difference(found[layer.name], expected[layer.name])
        if difference > _TRUSTED.get(layer.dtype, _TRUSTED_DEFAULT):
            return f"it changes '{layer.label}' by {difference:.1e} of its root mean square"
    return ""


def _difference(found: Array, expected: Array) -> float:
    """Return the largest difference, in root mean squares of the expected array; infinite where shapes differ."""
    if found.shape != expected.shape:
        return float("inf")
    one, other = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    rms = float(np.sqrt(np.mean(np.square(other[finite]))))
    largest = float(np.max(np.abs(one[finite] - other[finite])))
    return largest / rms if rms else (float("inf") if largest else 0.0)
