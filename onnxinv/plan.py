"""From a configuration to an immutable plan: what will be measured, in which pieces, with how much memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from onnxinv.applicable import Offer, applicable, asked_measures
from onnxinv.config import RunConfig
from onnxinv.cutting import cut
from onnxinv.data import Samples, open_source
from onnxinv.data.preprocess import Preprocess
from onnxinv.data.selection import select
from onnxinv.draw_layers import draw_layers, drawing_notices
from onnxinv.errors import UsageError
from onnxinv.feeds import Feeds
from onnxinv.grouping import Group, check_classes, further_groups, group_samples
from onnxinv.loads import load_of
from onnxinv.measures import Measure
from onnxinv.measures.normalized_variance import NormalizedVariance
from onnxinv.memory import Layout, Work, largest_bytes, lay_out, passing_bytes, summing_bytes
from onnxinv.model.cautions import cautions
from onnxinv.model.class_output import ClassOutput, doubt_labels, find_class_output
from onnxinv.model.cut import sources_of
from onnxinv.model.fed_inputs import fed_inputs
from onnxinv.model.layers import Layer, candidates, choose
from onnxinv.model.load import Model, load
from onnxinv.picture_plan import PicturePlan, plan_pictures
from onnxinv.probe import Probe, run_probe
from onnxinv.provenance import Json, SkippedMeasure, SkippedSample
from onnxinv.pushable import Pushable, in_graph, pushable
from onnxinv.result import Skipped
from onnxinv.runtime import Device, choose_device
from onnxinv.schedule import stretches
from onnxinv.spec import explain_validation
from onnxinv.statistics.compiled import Compiled, compiled
from onnxinv.subjects import Subject, Subjects
from onnxinv.transforms import Transform, expand
from onnxinv.transforms.together import MOST_BYTES
from onnxinv.transforms.transform import IDENTITY
from onnxinv.usable import beginning_with_usable, left_out, usable
from onnxinv.variants import Variants

LEAST_GROUPS_TO_STOP = 4
"""Groups that are measured before a precision can be reached: an interval from fewer says little about itself."""

_DESKS_OF_A_GPU = 2
"""Groups that are measured at the same time on a GPU: one is reduced while another is run."""

FEW_OF_A_CLASS = 10
"""Samples of a class below which the user is told that intervals are rough: their bias correction is as large."""

_MANY_ACTIVATIONS = 5 * 10**8
"""Activations of a run from which compiled code is made ready: half a second, once it was compiled on a machine."""


@dataclass(frozen=True)
class Plan:
    """Everything decided before the first measured inference.

    Attributes:
        config: what was asked for.
        model: the model that is run, its batch freed where that was possible.
        feeds: makes the batches; its transforms are those of the set, and the identity where the set lacks it.
        transforms: the transform set, m of them.
        columns: how many variants are run of each sample: m, or one more where the untransformed sample is needed too.
        untransformed: which variant of the feeds is the untransformed sample.
        measures: what is computed.
        decisive: the measure whose interval ends the run early; None where all samples are measured.
        dropped: measures that were asked for with all others and do not apply, with reasons.
        subjects: layers in the views that the measures ask for.
        probe: layers, skipped tensors, and whether optimised numbers can be trusted.
        class_output: which output holds classes, or why none does.
        labels: class of every sample of the source; None where they cannot be compared with the model's classes.
        samples: indices of the n samples, ascending.
        bad_samples: those that were to be among them and cannot be used, with reasons, where that is no error.
        classes: names of the classes, where samples are taken class by class.
        groups: the samples, shuffled and cut; the unit of work.
        asked_groups: how many of them hold the samples that were asked for; the others are taken where a run may take
            more.
        device: where it runs.
        layout: batch, chunks and memory.
        pushed: names of the tensors that are summed in the graph.
        code: compiled code that sums the others, where float32 holds them; None where numpy does.
        pictures: what is kept beside the measures, to be looked at.
        notices: what the user should know.
    """

    config: RunConfig
    model: Model
    feeds: Feeds
    transforms: tuple[Transform, ...]
    columns: int
    untransformed: int
    measures: tuple[Measure, ...]
    decisive: Measure | None
    dropped: tuple[SkippedMeasure, ...]
    subjects: Subjects
    probe: Probe
    class_output: ClassOutput | str
    labels: npt.NDArray[np.int64] | None
    samples: npt.NDArray[np.int64]
    bad_samples: tuple[SkippedSample, ...]
    classes: tuple[str, ...]
    groups: tuple[Group, ...]
    asked_groups: int
    device: Device
    layout: Layout
    pushed: frozenset[str]
    code: Compiled | None
    pictures: PicturePlan
    notices: tuple[str, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is measured, in topological order."""
        return self.probe.layers

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What is not, with reasons."""
        return self.probe.skipped

    @property
    def transform_items(self) -> list[Json]:
        """Name and parameters of every transform."""
        return [{"name": each.name, **each.parameters} for each in self.transforms]

    @property
    def first_pass(self) -> bool:
        """Whether the untransformed samples are run once beforehand."""
        return any(subject.untransformed for subject in self.subjects.every)

    @property
    def own_groups(self) -> range:
        """Numbers of the groups that are measured: all, or those of the shard."""
        number, count = self.config.part
        return range(number - 1, len(self.groups), count)

    def subjects_of(self, chunk: int) -> tuple[Subject, ...]:
        """Return what is measured with the layers of a chunk; the class output with the layer that it is."""
        chunks, layout = self.layout.chunks, self.layout
        with_output = 0
        if layout.carries and not isinstance(self.class_output, str):
            name = self.class_output.name
            holding = [number for number, layers in enumerate(chunks) if name in {layer.name for layer in layers}]
            with_output = (*holding, len(chunks) - 1)[0]
        return self.subjects.of(chunks[chunk], with_output=chunk == with_output)

    @property
    def inferences(self) -> int:
        """How many variants are run through the model, over all passes."""
        own = sum(len(part) for group in self.own_groups for part in self.groups[group])
        return (own * self.columns + len(self.samples) * self.first_pass) * self.layout.passes

    @property
    def steps(self) -> int:
        """How many variants blocks are of, over all chunks: what progress is told of."""
        return self.inferences // self.layout.passes * len(self.layout.chunks)


def make_plan(config: RunConfig, source: Samples | None = None, made: Variants | None = None) -> Plan:
    """Resolve names, open model and data, probe the model, and lay out the work.

    Args:
        config: what was asked for.
        source: the samples where they are open already, for another model.
        made: what transforms have made of them.

    Raises:
        OnnxinvError: anything that was named cannot be used; nothing has been written or measured yet.
    """
    asked = asked_measures(config.measures)
    transforms = expand(config.transforms)
    model = load(config.model)
    inputs, constants = fed_inputs(model, config.shape, config.set_input)
    source = _opened(source or open_source(config.data, inputs), config)
    samples = select(source, config.samples, config.seed)
    further = further_groups(samples, source, config)
    device = choose_device(config.device)
    untransformed = next((place for place, each in enumerate(transforms) if each.is_identity), len(transforms))
    variants = transforms if untransformed < len(transforms) else (*transforms, Transform(IDENTITY))
    feeds = Feeds(
        inputs, source, variants, _preprocess(config), config.seed, constants, made,
        min(MOST_BYTES, (config.memory or 8 * MOST_BYTES) // 8),
    )  # fmt: skip
    samples, bad = usable(feeds, samples) if config.skip_bad_samples else (samples, ())
    classes, groups = group_samples(source, samples, config)
    samples, groups = np.sort(np.concatenate([samples, *further])), (*groups, *((group,) for group in further))
    probe = _probe(config, model, feeds, groups, device)
    model = probe.model
    output = find_class_output(model, probe.outputs, config.class_output, config.class_kind)
    beside = {each.name: each for each in probe.others}
    labels = None if source.labels is None else source.labels[samples]
    no_labels = output if isinstance(output, str) else doubt_labels(labels, output.classes, source.label_names)
    drawn = draw_layers(probe.layers, config, whole=() if isinstance(output, str) else (output.name,))
    measures, dropped, subjects = applicable(
        asked,
        Offer(
            samples=len(samples),
            together=min(max(map(len, parts)) for parts in zip(*groups, strict=True)),
            transforms=transforms,
            layers=drawn,
            image=beside.get(feeds.primary.name) if feeds.layout else None,
            class_output=output if isinstance(output, str) else (beside[output.name], output),
            no_labels=no_labels,
            aggregate=config.aggregate,
            sampled=any(layer.drawn for layer in drawn),
            stratified=config.stratify,
            may_stop_early=config.may_stop_early,
        ),
    )
    check_classes(source, samples, classes, measures)
    needs_reference = any(subject.reference for subject in subjects.every)
    columns = len(variants) if needs_reference else len(transforms)
    threads = config.threads or os.cpu_count() or 1
    found = pushable(
        model.proto, drawn, subjects.every,
        transforms=len(transforms), columns=columns, fixed_batch=probe.fixed_batch,
    )  # fmt: skip
    lands = device.kind == "cpu" and all(layer.batch.axis == 0 for layer in drawn)
    work = Work(
        [
            load_of(layer, subjects, transforms=len(transforms), columns=columns, samples=len(samples),
                    groups=len(groups), classes=max(len(classes), 1), single=config.reduce != "host",
                    lands=lands)
            for layer in drawn
        ],
        groups=len(groups),
        columns=columns,
        batch=probe.fixed_batch or config.batch,
        variant_bytes=feeds.variant_bytes,
        operator_bytes=feeds.operator_bytes,
        passing_bytes=passing_bytes(probe.layers, drawn),
        largest_bytes=largest_bytes(probe.layers) if lands and _comes_apart(feeds, drawn) else 0,
        threads=threads,
        desks=threads if device.kind == "cpu" else min(threads, _DESKS_OF_A_GPU),
        joins=0 if config.may_stop_early or config.keeps_states or classes else len(stretches(groups, joined=True)),
        sources=sources_of(model.proto, drawn) if lands and _may_carry(config, feeds, probe, drawn, subjects) else None,
        variants=len(samples) * columns,
    )  # fmt: skip
    layout, pushed, refused = _lay_out(work, config.memory, found if in_graph(config.reduce, device) else None)
    if config.may_stop_early and len(layout.chunks) > 1:
        option = "--until-decided" if config.precision is None else "--precision"
        raise UsageError(
            f"{option} needs all layers together, and the memory takes them in {len(layout.chunks)} chunks.",
            "Raise --memory or choose fewer layers with --layers.",
        )
    activations = len(samples) * len(transforms) * sum(layer.units for layer in drawn if layer.name not in pushed)
    many = config.reduce != "host" and activations >= _MANY_ACTIVATIONS
    code = compiled() if many else None
    decisive = _decisive(config, measures)
    pictures = plan_pictures(
        config.keep_units, measures, samples=len(samples), transforms=len(transforms), layers=len(drawn)
    )
    notices = [
        *left_out(bad, len(samples)),
        *model.notices,
        *cautions(model.proto),
        *probe.notices,
        *drawing_notices(drawn, config),
        *pictures.notices,
    ]
    if config.reduce == "pushdown" and not pushed:
        notices.append(f"No layer is summed in the graph, as --reduce pushdown asks for: {refused}.")
    if isinstance(code, str):
        notices.append(f"Much is to be summed, which compiled code does in less than half the time, but {code}.")
    if len(transforms) == 1:
        notices.append("There is one transform: nothing can vary with it, so transformational variance is 0.")
    if config.precision is not None and len(groups) < LEAST_GROUPS_TO_STOP:
        notices.append(
            f"--precision is looked at from {LEAST_GROUPS_TO_STOP} groups on, and there are {len(groups)}: "
            "all samples are measured."
        )
    if classes and min(together := [sum(map(len, parts)) for parts in zip(*groups, strict=True)]) < FEW_OF_A_CLASS:
        notices.append(
            f"The class '{classes[together.index(min(together))]}' has {min(together)} samples: intervals from so few "
            "are rough, and under three there is none."
        )
    return Plan(
        config, model, feeds, transforms, columns, untransformed, measures, decisive, dropped, subjects, probe,
        output, None if no_labels else source.labels, samples, bad, classes, groups, len(groups) - len(further), device,
        layout, pushed, None if isinstance(code, str) else code, pictures, tuple(notices),
    )  # fmt: skip


def _opened(source: Samples, config: RunConfig) -> Samples:
    return beginning_with_usable(source) if config.skip_bad_samples else source


def _lay_out(work: Work, budget: int | None, found: Pushable | None) -> tuple[Layout, frozenset[str], str]:
    """Return the layout, what is summed in the graph, and why the other layers are not.

    Args:
        work: what is laid out.
        budget: bytes; None for half of the machine's memory.
        found: what can be summed in the graph; None where nothing is to be.

    Raises:
        UsageError: not even one layer at a time fits.
    """
    if found is None or not found.layers:
        return cut(work, lay_out(work, budget)), frozenset(), "" if found is None else found.reasons
    loads = [replace(load, summed=load.layer.name in found.layers) for load in work.loads]
    passing = max(work.passing_bytes, summing_bytes(loads))
    layout = lay_out(replace(work, loads=loads, passing_bytes=passing, largest_bytes=0, joins=0), budget)
    if layout.batch >= work.columns:
        return layout, found.layers, found.reasons
    reason = f"a run of {layout.batch} does not hold all {work.columns} variants of a sample"
    return cut(work, lay_out(work, budget)), frozenset(), reason


def _may_carry(config: RunConfig, feeds: Feeds, probe: Probe, layers: Sequence[Layer], subjects: Subjects) -> bool:
    """Whether a chunk may go on from what others have left: all samples go through one after the other."""
    in_order = not (config.may_stop_early or config.keeps_states or any(each.untransformed for each in subjects.every))
    return in_order and not probe.fixed_batch and _comes_apart(feeds, layers)


def _comes_apart(feeds: Feeds, layers: Sequence[Layer]) -> bool:
    """Whether runs of a few variants, one after the other, fill the arrays that one run of all of them fills."""
    return not any(feeds.batch_axes.values()) and not any(layer.batch.outer for layer in layers)


def _decisive(config: RunConfig, measures: Sequence[Measure]) -> Measure | None:
    """Return the measure whose interval ends the run: normalized variance, else the first one named."""
    if config.precision is None:
        return None
    named = [each for each in measures if each.scope != "output"]
    usual = (each for each in named if isinstance(each, NormalizedVariance) and each.view == "plain")
    decisive = next(usual, named[0] if named else None)
    if decisive is None or not decisive.interval:
        lacking = f"'{decisive.result_keys()[0]}' has none" if decisive else "no measure of layers is taken"
        raise UsageError(
            f"--precision is about the interval of a measure of layers, and {lacking}.",
            "Name a measure that has one first, such as normalized-variance.",
        )
    return decisive


def _probe(config: RunConfig, model: Model, feeds: Feeds, groups: Sequence[Group], device: Device) -> Probe:
    found, hidden = candidates(model)
    outputs = [info.name for info in model.outputs]
    chosen = choose(found, outputs, config.select, config.layers, config.operators)
    order = [int(index) for group in groups for part in group for index in part]
    beside = [one for one in found if one.name in {*outputs, feeds.primary.name}]
    probe = run_probe(
        model, chosen, feeds, order, device, config.threads, config.channel_axis, beside, keep_batch=config.batch
    )
    return replace(probe, skipped=(*probe.skipped, *hidden))


def _preprocess(config: RunConfig) -> Preprocess:
    base = Preprocess.from_file(config.preprocess) if config.preprocess else Preprocess()
    flags = {
        "mean": config.mean,
        "std": config.std,
        "rescale": config.scale,
        "resize": config.resize,
        "layout": config.layout,
    }
    try:
        return base.merged(Preprocess.model_validate({key: value for key, value in flags.items() if value is not None}))
    except ValidationError as error:
        raise UsageError(*explain_validation("The preprocessing", error)) from error
