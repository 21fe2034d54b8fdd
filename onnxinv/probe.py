"""Runs the model on a few real samples to see what can be measured and whether optimised numbers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.data.constants import how_to_set
from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.feeds import Feeds
from onnxinv.model.axes import BatchAxis, observe, relative_difference
from onnxinv.model.free_batch import free_batch, reached
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

_NUMERIC = frozenset(
    f"tensor({kind})" for kind in "float double float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
)
"""Types that the runtime hands to numpy as numbers."""

_CONSTANT = "it depends on inputs that are held constant, not on the data"
_RANDOM = "it is random, other with every run (is the model exported in training mode?)"


@dataclass(frozen=True)
class Probe:
    """What the probe saw.

    Attributes:
        model: what is to be run: the model, or its copy with a free batch.
        layers: what can be measured, with axes.
        others: the model's outputs and image input with axes, as far as they have a batch axis; also where they are
            not among the layers.
        outputs: (batch, *unit shape) values of those outputs on a few samples, by name.
        skipped: what cannot, with reasons.
        optimize: whether the optimised graph's numbers equal the unoptimised ones.
        fixed_batch: the model's batch size, where it takes no other.
        notices: what the user should know.
    """

    model: Model
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
    """Two batches that share a sample among other companions; see `observe`.

    Attributes:
        one: the first.
        other: the second.
        sizes: how many variants each holds.
        fixed: the batch size, where the model takes no other.
        notice: what the user should know about it.
    """

    one: Batch
    other: Batch
    sizes: tuple[int, int]
    fixed: int | None = None
    notice: str = ""


def run_probe(
    model: Model,
    chosen: Sequence[Candidate],
    feeds: Feeds,
    samples: Sequence[int],
    device: Device,
    threads: int,
    overrides: Mapping[str, int],
    beside: Sequence[Candidate] = (),
    keep_batch: int | None = None,
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
        keep_batch: a fixed batch size that is to stay; any other is freed where the graph allows it and the numbers
            stay the same.

    Raises:
        ModelError: the model cannot be run, its outputs are not finite, or nothing can be measured.
    """
    look = _Look(_Runner(model, device, threads), chosen, tuple(beside), feeds, overrides)
    batches, expected = _run_original(look.runner, _batches(model, feeds, samples), feeds, samples)
    if batches.fixed is None:
        return look.at(batches, expected)[0]
    if batches.fixed == keep_batch:
        notice = f"{batches.notice}; {_at_a_time(batches.fixed)}, as asked."
        return look.at(replace(batches, notice=notice), expected)[0]
    reason: Probe | str = _free(look, batches.fixed, batches.notice, samples)
    if isinstance(reason, Probe):
        return reason
    notice = f"{batches.notice}; {_at_a_time(batches.fixed)}, as freeing it failed: {reason}."
    return look.at(replace(batches, notice=notice), expected)[0]


@dataclass(frozen=True)
class _Look:
    """What is looked for in a model, or in its copy with a free batch; see `run_probe`."""

    runner: _Runner
    chosen: Sequence[Candidate]
    beside: Sequence[Candidate]
    feeds: Feeds
    overrides: Mapping[str, int]

    def at(self, batches: _Batches, expected: Mapping[str, Array]) -> tuple[Probe, _Seen]:
        """Expose the candidates and run them on two batches.

        Args:
            batches: what to run.
            expected: the model's own outputs on the second batch, by name.

        Raises:
            ModelError: nothing can be measured.
        """
        runner, model = self.runner, self.runner.model
        everything = [one.name for one in candidates(model)[0]]
        exposed = expose(model.proto, [*everything, *expected])
        plain = runner.session(exposed.proto)
        coarse = is_coarse(model.proto)
        trusted = _TRUSTED_COARSE if coarse else _TRUSTED
        _check_rewrite(runner, exposed, plain, batches.other, expected, trusted)
        types = {name: plain.output_types()[output] for name, output in exposed.outputs.items()}
        shapes = _shapes(plain, exposed, batches.one, [name for name in everything if types[name] in _NUMERIC])
        kept, skipped = split_by_type(self.chosen, types)
        also = split_by_type(self.beside, types)[0]
        if self.feeds.constants:
            varying = reached(model.proto.graph, [info.name for info in self.feeds.inputs])
            skipped += [Skipped(name=one.name, op=one.op, reason=_CONSTANT) for one in kept if one.name not in varying]
            kept = [one for one in kept if one.name in varying]
        names = list(dict.fromkeys(one.name for one in (*kept, *also)))
        runs = _fetch(plain, exposed, batches.one, names), _fetch(plain, exposed, batches.other, names)
        again = _fetch(plain, exposed, batches.one, names)
        random = [one for one in kept if relative_difference(again[one.name], runs[0][one.name]) > trusted]
        skipped += [Skipped(name=one.name, op=one.op, reason=_RANDOM) for one in random]
        kept = [one for one in kept if one not in random]
        axes = self.feeds.input_channel_axes
        layers, unlocated = locate(model, kept, runs, batches.sizes, axes, self.overrides, shapes, coarse=coarse)
        if not layers:
            reasons = (
                "; ".join(sorted({one.reason for one in (*skipped, *unlocated)})) or "no tensor depends on an input"
            )
            raise ModelError(f"Nothing in '{model.path}' can be measured: {reasons}.", "See onnxinv inspect.")
        others, _ = locate(model, also, runs, batches.sizes, axes, {}, shapes, coarse=coarse)
        outputs = {each.name: each.batch.to_front(runs[0][each.name]) for each in others if each.name in expected}
        del plain  # two sessions would hold the weights twice
        doubt = _doubt_optimized(runner, layers, runs[1], batches.other, coarse=coarse)
        notices = [f"Graph optimisation is off for this model: {doubt}."] if doubt else []
        if batches.notice:
            notices.append(batches.notice)
        left_out = (*skipped, *unlocated)
        probe = Probe(model, tuple(layers), tuple(others), outputs, left_out, not doubt, batches.fixed, tuple(notices))
        return probe, _Seen(runs[1], frozenset(one.name for one in random), tuple(unlocated), trusted)


@dataclass(frozen=True)
class _Seen:
    """What the second batch gave.

    Attributes:
        values: raw tensors by name.
        random: names of those that differ from run to run.
        unlocated: tensors whose axes were not found, with reasons.
        trusted: largest difference that counts as none, in root mean squares of a tensor.
    """

    values: Mapping[str, Array]
    random: frozenset[str]
    unlocated: tuple[Skipped, ...]
    trusted: float


def _batches(model: Model, feeds: Feeds, samples: Sequence[int]) -> _Batches:
    lengths = [info.shape[feeds.batch_axes[info.name]] for info in feeds.inputs if info.shape]
    sizes = {length for length in lengths if isinstance(length, int)}
    if len(sizes) > 1:
        listed = " and ".join(map(str, sorted(sizes)))
        options = " or ".join(how_to_set(info.name) for info in feeds.inputs if info.name != feeds.primary.name)
        raise ModelError(
            f"The inputs of '{model.path}' have different fixed batch sizes: {listed}.",
            f"Hold one that is no sample constant, with {options}.",
        )
    fixed = next(iter(sizes), None)
    first, second, turned = _variants(feeds, samples)
    if fixed is None:
        one, other = [first, second], [first, turned, second]
        return _Batches(feeds.variants(one), feeds.variants(other), (2, 3))
    notice = f"The model's batch size is fixed at {fixed}"
    one, other = [first, *[second] * (fixed - 1)], [*[turned] * (fixed - 1), first]
    return _Batches(feeds.variants(one), feeds.variants(other), (fixed, fixed), fixed, notice)


def _variants(feeds: Feeds, samples: Sequence[int]) -> list[tuple[int, int]]:
    """Return sample and transform of three variants: the first two samples as they are, the last one transformed."""
    places = range(len(feeds.transforms))
    last = max((place for place in places if not feeds.transforms[place].is_identity), default=0)
    return [(samples[0], 0), (samples[1 % len(samples)], 0), (samples[-1], last)]


def _at_a_time(size: int) -> str:
    return f"it is run {size} at a time"


def _free(look: _Look, size: int, notice: str, samples: Sequence[int]) -> Probe | str:
    """Try to free the batch, and compare with the original on real samples.

    Returns:
        What the probe sees in the copy with a free batch where it gives the same numbers, else why it cannot be used.
    """
    runner, feeds = look.runner, look.feeds
    first, second, turned = _variants(feeds, samples)
    variants = [first, turned, second]
    one, other = feeds.variants([first, second]), feeds.variants(variants)
    freed = replace(runner.model, proto=free_batch(runner.model.proto, feeds.batch_axes, size))
    copy = replace(look, runner=replace(runner, model=freed))
    try:
        batches, expected = _run_original(copy.runner, _Batches(one, other, (2, 3)), None, samples)
        found, seen = copy.at(batches, expected)
    except ModelError as error:
        return error.message.rstrip(".")
    if seen.unlocated:
        return f"'{seen.unlocated[0].name}' could not be measured then: {seen.unlocated[0].reason}"
    names = [name for name in expected if name not in seen.random]
    axes = {layer.name: layer.batch for layer in (*found.others, *found.layers)}
    outputs = _fetch_outputs(copy.runner, one, names)
    for name in names:
        if name not in axes:
            axis = observe(outputs[name], expected[name], batches.sizes)
            if isinstance(axis, str):
                return f"its output '{name}' cannot be compared: {axis}"
            axes[name] = axis
    exposed = expose(runner.model.proto, list(axes))
    session = runner.session(exposed.proto)
    rows = [_fetch(session, exposed, feeds.variants([variant], size), list(axes)) for variant in variants]
    values = {**expected, **seen.values}
    for name, axis in axes.items():
        difference = relative_difference(axis.to_front(values[name]), _stack([row[name] for row in rows], axis))
        if difference > seen.trusted:
            return f"it changes '{name}' by {difference:.1e} of its root mean square"
    distinct = len({sample for sample, _ in variants})
    said = f"{notice}; it was freed, and gives the same numbers on {distinct} sample{'s' * (distinct != 1)}."
    return replace(found, notices=(*found.notices, said))


def _stack(rows: Sequence[Array], axis: BatchAxis) -> Array:
    """Return the first sample of each of these raw tensors, as one array (rows, ...)."""
    try:
        return np.concatenate([axis.to_front(row)[:1] for row in rows])
    except ValueError:  # its axes lie elsewhere than in the freed model: nothing to compare
        return np.empty(0)


def _fetch_outputs(runner: _Runner, feed: Batch, names: Sequence[str]) -> dict[str, Array]:
    return dict(zip(names, runner.session(runner.model.proto).run(feed, names), strict=True))


def _run_original(
    runner: _Runner, batches: _Batches, feeds: Feeds | None, samples: Sequence[int]
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
    names = [name for name in dict.fromkeys(info.name for info in model.outputs) if types[name] in _NUMERIC]
    try:
        found = session.run(batches.other, names)
    except ModelError as error:
        if batches.fixed is not None or feeds is None:
            raise
        first = feeds.batch([samples[0]], slice(0, 1))
        try:
            found = session.run(first, names)
        except ModelError:
            raise error from None
        notice = "The model runs only one input at a time, although it says that its batch size is free"
        batches = replace(batches, one=first, other=first, sizes=(1, 1), fixed=1, notice=notice)
    expected = dict(zip(names, found, strict=True))
    floats = [array for array in expected.values() if array.dtype.kind == "f" and array.size]
    if floats and not any(np.isfinite(array).any() for array in floats):
        raise ModelError(
            f"The outputs of '{model.path}' are not finite on the first samples.",
            "Check the preprocessing of the data.",
        )
    return batches, expected


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
