"""Runs the model on a few real samples to see what can be measured and whether optimised numbers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from onnxinv.compare_freed import compare_freed
from onnxinv.errors import ModelError
from onnxinv.feeds import Feeds
from onnxinv.first_batches import Batches, first_batches, run_original, three_variants
from onnxinv.model.axes import relative_difference
from onnxinv.model.bfloat16 import uses_bfloat16
from onnxinv.model.free_batch import free_batch, reached
from onnxinv.model.layers import Candidate, Layer, candidates, locate, split_by_type
from onnxinv.model.load import Model
from onnxinv.model.precision import is_coarse
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.model.widen import WIDENED
from onnxinv.result import Skipped
from onnxinv.runtime import Device, Session
from onnxinv.sessions import NUMERIC, Array, Batch, Sessions, fetch
from onnxinv.trust import check_rewrite, doubt_optimized, trusted_difference

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
    look = _Look(Sessions(model, device, threads), chosen, tuple(beside), feeds, overrides)
    batches, expected = run_original(look.sessions, first_batches(model, feeds, samples), feeds, samples)
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

    sessions: Sessions
    chosen: Sequence[Candidate]
    beside: Sequence[Candidate]
    feeds: Feeds
    overrides: Mapping[str, int]

    def at(self, batches: Batches, expected: Mapping[str, Array]) -> tuple[Probe, _Seen]:
        """Expose the candidates and run them on two batches.

        Args:
            batches: what to run.
            expected: the model's own outputs on the second batch, by name.

        Raises:
            ModelError: nothing can be measured.
        """
        sessions, model = self.sessions, self.sessions.model
        everything = [one.name for one in candidates(model)[0]]
        exposed = expose(model.proto, [*everything, *expected])
        plain = sessions.session(exposed.proto)
        coarse = is_coarse(model.proto)
        trusted = trusted_difference(coarse=coarse)
        check_rewrite(sessions, exposed, plain, batches.other, expected, trusted)
        of_outputs = plain.output_types()
        types = {name: of_outputs[output] for name, output in exposed.outputs.items()}
        shapes = _shapes(plain, exposed, batches.one, [name for name in everything if types[name] in NUMERIC])
        kept, skipped = split_by_type(self.chosen, types)
        also = split_by_type(self.beside, types)[0]
        if self.feeds.constants:
            varying = reached(model.proto.graph, [info.name for info in self.feeds.inputs])
            skipped += [Skipped(name=one.name, op=one.op, reason=_CONSTANT) for one in kept if one.name not in varying]
            kept = [one for one in kept if one.name in varying]
        names = list(dict.fromkeys(one.name for one in (*kept, *also)))
        runs = fetch(plain, exposed, batches.one, names), fetch(plain, exposed, batches.other, names)
        again = fetch(plain, exposed, batches.one, names)
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
        doubt = doubt_optimized(sessions, layers, runs[1], batches.other, coarse=coarse)
        notices = [f"Graph optimisation is off for this model: {doubt}."] if doubt else []
        if uses_bfloat16(model.proto):
            notices.append(WIDENED)
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


def _at_a_time(size: int) -> str:
    return f"it is run {size} at a time"


def _free(look: _Look, size: int, notice: str, samples: Sequence[int]) -> Probe | str:
    """Try to free the batch, and compare with the original on real samples.

    Returns:
        What the probe sees in the copy with a free batch where it gives the same numbers, else why it cannot be used.
    """
    sessions, feeds = look.sessions, look.feeds
    first, second, turned = three_variants(feeds, samples)
    variants = [first, turned, second]
    one, other = feeds.variants([first, second]), feeds.variants(variants)
    freed = replace(sessions.model, proto=free_batch(sessions.model.proto, feeds.batch_axes, size))
    copy = replace(look, sessions=replace(sessions, model=freed))
    try:
        batches, expected = run_original(copy.sessions, Batches(one, other, (2, 3)), None, samples)
        found, seen = copy.at(batches, expected)
    except ModelError as error:
        return error.message.rstrip(".")
    if seen.unlocated:
        return f"'{seen.unlocated[0].name}' could not be measured then: {seen.unlocated[0].reason}"
    changed = compare_freed(
        sessions,
        copy.sessions,
        batches,
        [feeds.variants([variant], size) for variant in variants],
        feeds.variants([variants[place % len(variants)] for place in range(size + 1)]),
        size,
        {**expected, **seen.values},
        {layer.name: layer.batch for layer in (*found.others, *found.layers)},
        [name for name in expected if name not in seen.random],
        seen.trusted,
    )
    if changed:
        return changed
    distinct = len({sample for sample, _ in variants})
    said = f"{notice}; it was freed, and gives the same numbers on {distinct} sample{'s' * (distinct != 1)}."
    return replace(found, notices=(*found.notices, said))


def _shapes(session: Session, exposed: Exposed, feed: Batch, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the raw shapes of all tensors, also of those that are not to be measured: they tell how axes move."""
    return {name: array.shape for name, array in fetch(session, exposed, feed, names).items()}
