"""Runs the model on a few real samples to see what can be measured and whether optimised numbers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.feeds import Feeds
from onnxinv.model.axes import relative_difference
from onnxinv.model.layers import Candidate, Layer, candidates, locate, split_by_type
from onnxinv.model.load import Model
from onnxinv.model.precision import is_coarse
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.result import Skipped
from onnxinv.runtime import Device, Session

Array = npt.NDArray[Any]
Batch = Mapping[str, Array]

_TRUSTED = 1e-4
_TRUSTED_COARSE = 2e-2
"""Largest difference to the unoptimised graph, in root mean squares of the layer; the second for fp16 and int8."""

_RANDOM = "it is random, other with every run (is the model exported in training mode?)"


@dataclass(frozen=True)
class Probe:
    """What the probe saw.

    Attributes:
        layers: what can be measured, with axes.
        others: the model's outputs and image input with axes, as far as they have a batch axis; also where they are
            not among the layers.
        outputs: (batch, *unit shape) values of those outputs on a few samples, by name.
        skipped: what cannot, with reasons.
        optimize: whether the optimised graph's numbers equal the unoptimised ones.
        fixed_batch: the model's batch size, where it takes no other.
        notices: what the user should know.
    """

    layers: tuple[Layer, ...]
    others: tuple[Layer, ...]
    outputs: Mapping[str, Array]
    skipped: tuple[Skipped, ...]
    optimize: bool
    fixed_batch: int | None
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Runner:
    """Makes sessions of one model, all alike but for the graph."""

    model: Model
    device: Device
    threads: int

    def session(self, proto: onnx.ModelProto, *, optimize: bool = False) -> Session:
        return Session(
            proto.SerializeToString(),
            self.device,
            threads=self.threads,
            optimize=optimize,
            folder=self.model.path.parent,
        )


@dataclass(frozen=True)
class _Batches:
    """Two batches that begin with the same sample among other companions; see `observe`.

    Attributes:
        one: the first.
        other: the second.
        fixed: the batch size, where the model takes no other.
        notice: what the user should know about it.
    """

    one: Batch
    other: Batch
    fixed: int | None = None
    notice: str = ""

    @property
    def sizes(self) -> tuple[int, int]:
        one, other = (int(next(iter(batch.values())).shape[0]) for batch in (self.one, self.other))
        return one, other


def run_probe(
    model: Model,
    chosen: Sequence[Candidate],
    feeds: Feeds,
    samples: Sequence[int],
    device: Device,
    threads: int,
    overrides: Mapping[str, int],
    beside: Sequence[Candidate] = (),
) -> Probe:
    """Expose the candidates, run the model on real samples, and find out.

    Args:
        model: the model.
        chosen: candidate tensors.
        feeds: makes batches.
        samples: the samples of the run; the first few and the last are used.
        device: where to run.
        threads: of the CPU provider.
        overrides: channel axis by glob.
        beside: tensors whose axes are wanted too, whether they are layers or not.

    Raises:
        ModelError: the model cannot be run, its outputs are not finite, or nothing can be measured.
    """
    runner = _Runner(model, device, threads)
    batches, expected = _run_original(runner, _batches(model, feeds, samples), feeds, samples)
    everything = [one.name for one in candidates(model)[0]]
    exposed = expose(model.proto, [*everything, *expected])
    plain = runner.session(exposed.proto)
    coarse = is_coarse(model.proto)
    trusted = _TRUSTED_COARSE if coarse else _TRUSTED
    _check_rewrite(runner, exposed, plain, batches.other, expected, trusted)
    types = {name: plain.output_types()[output] for name, output in exposed.outputs.items()}
    shapes = _shapes(plain, exposed, batches.one, [name for name in everything if _is_numeric(types[name])])
    kept, skipped = split_by_type(chosen, types)
    also = split_by_type(beside, types)[0]
    names = list(dict.fromkeys(one.name for one in (*kept, *also)))
    runs = _fetch(plain, exposed, batches.one, names), _fetch(plain, exposed, batches.other, names)
    again = _fetch(plain, exposed, batches.one, names)
    random = [one for one in kept if relative_difference(again[one.name], runs[0][one.name]) > trusted]
    skipped += [Skipped(name=one.name, op=one.op, reason=_RANDOM) for one in random]
    kept = [one for one in kept if one not in random]
    axes = feeds.input_channel_axes
    layers, unlocated = locate(model, kept, runs, batches.sizes, axes, overrides, shapes, coarse=coarse)
    if not layers:
        reasons = "; ".join(sorted({one.reason for one in (*skipped, *unlocated)})) or "no tensor depends on an input"
        raise ModelError(f"Nothing in '{model.path}' can be measured: {reasons}.", "See onnxinv inspect.")
    others, _ = locate(model, also, runs, batches.sizes, axes, {}, shapes, coarse=coarse)
    outputs = {each.name: each.batch.to_front(runs[0][each.name]) for each in others if each.name in expected}
    doubt = _doubt_optimized(runner, layers, runs[1], batches.other, coarse=coarse)
    notices = [f"Graph optimisation is off for this model: {doubt}."] if doubt else []
    if batches.notice:
        notices.append(batches.notice)
    left_out = (*skipped, *unlocated)
    return Probe(tuple(layers), tuple(others), outputs, left_out, not doubt, batches.fixed, tuple(notices))


def _batches(model: Model, feeds: Feeds, samples: Sequence[int]) -> _Batches:
    sizes = {info.shape[0] for info in model.inputs if info.shape and isinstance(info.shape[0], int)}
    if len(sizes) > 1:
        listed = " and ".join(map(str, sorted(sizes)))
        raise ModelError(f"The inputs of '{model.path}' have different fixed batch sizes: {listed}.")
    fixed = next((size for size in sizes if isinstance(size, int)), None)
    places = range(len(feeds.transforms))
    last = max((place for place in places if not feeds.transforms[place].is_identity), default=0)
    first, second = (feeds.batch([samples[position % len(samples)]], slice(0, 1)) for position in range(2))
    turned = feeds.batch([samples[-1]], slice(last, last + 1))
    if fixed is None:
        return _Batches(_join([first, second]), _join([first, turned, second]))
    notice = f"The model's batch size is fixed at {fixed}; it is run {fixed} at a time."
    companions = fixed - 1
    return _Batches(_join([first, *[second] * companions]), _join([first, *[turned] * companions]), fixed, notice)


def _join(feeds: Sequence[Batch]) -> dict[str, Array]:
    return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}


def _run_original(
    runner: _Runner, batches: _Batches, feeds: Feeds, samples: Sequence[int]
) -> tuple[_Batches, dict[str, Array]]:
    """Run the model as it is on the second batch; one that says its batch size is free may turn out to take only one.

    Returns:
        The batches that the model takes, and its tensor outputs by name.

    Raises:
        ModelError: the model cannot be run, or none of its outputs is finite.
    """
    model = runner.model
    session = runner.session(model.proto)
    types = session.output_types()
    names = [name for name in dict.fromkeys(info.name for info in model.outputs) if _is_numeric(types[name])]
    try:
        found = session.run(batches.other, names)
    except ModelError as error:
        if batches.fixed is not None:
            raise
        first = feeds.batch([samples[0]], slice(0, 1))
        try:
            found = session.run(first, names)
        except ModelError:
            raise error from None
        notice = "The model runs only one input at a time, although it says that its batch size is free."
        batches = replace(batches, one=first, other=first, fixed=1, notice=notice)
    expected = dict(zip(names, found, strict=True))
    floats = [array for array in expected.values() if array.dtype.kind == "f" and array.size]
    if floats and not any(np.isfinite(array).any() for array in floats):
        raise ModelError(
            f"The outputs of '{model.path}' are not finite on the first samples.",
            "Check the preprocessing of the data.",
        )
    return batches, expected


def _is_numeric(kind: str) -> bool:
    """Whether onnxruntime hands a tensor of this type to numpy as numbers."""
    return kind.startswith("tensor(") and "string" not in kind


def _fetch(session: Session, exposed: Exposed, feed: Batch, names: Sequence[str]) -> dict[str, Array]:
    return dict(zip(names, session.run(feed, [exposed.outputs[name] for name in names]), strict=True))


def _shapes(session: Session, exposed: Exposed, feed: Batch, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the raw shapes of all tensors, also of those that are not to be measured: they tell how axes move."""
    return {name: array.shape for name, array in _fetch(session, exposed, feed, names).items()}


def _check_rewrite(
    runner: _Runner, exposed: Exposed, plain: Session, feed: Batch, expected: Mapping[str, Array], trusted: float
) -> None:
    """Compare the rewritten model's own outputs with the original's.

    Half-precision models differ a little: the runtime computes in float32 between tensors that are not exposed.
    """
    path = runner.model.path
    found = _fetch(plain, exposed, feed, list(expected))
    for name in expected:
        if relative_difference(found[name], expected[name]) <= trusted:
            continue
        original = runner.session(runner.model.proto)
        again = [original.run(feed, [name])[0] for _ in range(2)]
        if all(relative_difference(each, expected[name]) <= trusted for each in again):
            raise OnnxinvError(
                f"Exposing the layers of '{path}' changed its output '{name}'.",
                "This is a bug in onnxinv; please report it with the model.",
            )


def _doubt_optimized(
    runner: _Runner, layers: Sequence[Layer], expected: Mapping[str, Array], feed: Batch, *, coarse: bool
) -> str:
    """Return why the optimised graph cannot be trusted, empty where it can.

    Just the layers are exposed, as when they are measured: what is exposed decides what the runtime can fuse.
    """
    exposed = expose(runner.model.proto, [layer.name for layer in layers])
    try:
        session = runner.session(exposed.proto, optimize=True)
        found = _fetch(session, exposed, feed, [layer.name for layer in layers])
    except ModelError as error:
        return error.message.rstrip(".")
    for layer in layers:
        difference = relative_difference(found[layer.name], expected[layer.name])
        if difference > (_TRUSTED_COARSE if coarse or layer.dtype == "float16" else _TRUSTED):
            return f"it changes '{layer.label}' by {difference:.1e} of its root mean square"
    return ""
