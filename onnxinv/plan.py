"""From a configuration to an immutable plan: what will be measured, in which pieces, with how much memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from onnxinv.config import Aggregate, RunConfig
from onnxinv.data import open_source
from onnxinv.data.preprocess import Preprocess
from onnxinv.data.selection import select
from onnxinv.errors import DataError, UsageError
from onnxinv.feeds import Feeds
from onnxinv.measures import DEFAULT, Measure, Units, measures
from onnxinv.memory import Layout, lay_out
from onnxinv.model.layers import Layer, candidates, choose
from onnxinv.model.load import Model, load
from onnxinv.probe import Probe, run_probe
from onnxinv.result import Skipped
from onnxinv.runtime import Device, choose_device
from onnxinv.spec import explain_validation
from onnxinv.statistics import Statistic
from onnxinv.transforms import Transform, expand


@dataclass(frozen=True)
class Plan:
    """Everything decided before the first measured inference.

    Attributes:
        config: what was asked for.
        model: the model.
        feeds: makes the batches.
        transforms: the transform set, m of them.
        measures: what is computed.
        statistics: what is accumulated for the measures, each once.
        probe: layers, skipped tensors, and whether optimised numbers can be trusted.
        samples: indices of the n samples, ascending.
        groups: the samples, shuffled and cut; the unit of work.
        device: where it runs.
        layout: batch, chunks and memory.
        notices: what the user should know.
    """

    config: RunConfig
    model: Model
    feeds: Feeds
    transforms: tuple[Transform, ...]
    measures: tuple[Measure, ...]
    statistics: tuple[type[Statistic], ...]
    probe: Probe
    samples: npt.NDArray[np.int64]
    groups: tuple[npt.NDArray[np.int64], ...]
    device: Device
    layout: Layout
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
    def inferences(self) -> int:
        """How many variants are run through the model, over all chunks."""
        return len(self.samples) * len(self.transforms) * len(self.layout.chunks)

    def units_of(self, layer: Layer) -> Units:
        """Return how the units of a layer fall into values, after aggregation."""
        return _units(layer, self.config.aggregate)


def make_plan(config: RunConfig) -> Plan:
    """Resolve names, open model and data, probe the model, and lay out the work.

    Raises:
        OnnxinvError: anything that was named cannot be used; nothing has been written or measured yet.
    """
    chosen_measures = _measures(config.measures or DEFAULT)
    transforms = expand(config.transforms)
    model = load(config.model)
    source = open_source(config.data, model.inputs)
    samples = select(source, config.samples, config.seed)
    _check_count(chosen_measures, len(samples), source.source)
    device = choose_device(config.device)
    feeds = Feeds(model.inputs, source, transforms, _preprocess(config), config.seed)
    groups = _groups(samples, config.groups, config.seed)
    found, hidden = candidates(model)
    outputs = [info.name for info in model.outputs]
    chosen = choose(found, outputs, config.select, config.layers, config.operators)
    order = [int(index) for group in groups for index in group]
    probe = run_probe(model, chosen, feeds, order, device, config.threads, config.channel_axis)
    probe = replace(probe, skipped=(*probe.skipped, *hidden))
    statistics = tuple(dict.fromkeys(kind for measure in chosen_measures for kind in measure.statistics))
    layout = lay_out(
        probe.layers,
        state_bytes=sum(kind.bytes_per_unit(len(transforms)) for kind in statistics),
        reduced_units=[_units(layer, config.aggregate).channel.size for layer in probe.layers],
        groups=len(groups),
        batch=probe.fixed_batch or config.batch,
        variant_bytes=feeds.variant_bytes,
        threads=config.threads,
        budget=config.memory,
    )
    notices = list(probe.notices)
    if len(transforms) == 1:
        notices.append("There is one transform: nothing can vary with it, so transformational variance is 0.")
    return Plan(
        config, model, feeds, transforms, chosen_measures, statistics, probe, samples, groups, device, layout,
        tuple(notices),
    )  # fmt: skip


def _measures(texts: Sequence[str]) -> tuple[Measure, ...]:
    built = [measures.build(text) for text in texts]
    return tuple(dict.fromkeys(built))


def _check_count(chosen: Sequence[Measure], count: int, source: str) -> None:
    for measure in chosen:
        if count < measure.samples_needed:
            raise DataError(
                f"'{measures.name_of(type(measure))}' needs {measure.samples_needed} samples, "
                f"and '{source}' gives {count}.",
                "Take more samples.",
            )


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


def _groups(samples: npt.NDArray[np.int64], groups: int, seed: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Shuffle the samples once and cut them into groups whose sizes differ by at most one."""
    shuffled = np.random.default_rng(seed).permutation(samples)
    return tuple(np.array_split(shuffled, min(groups, len(shuffled))))


def _units(layer: Layer, aggregate: Aggregate) -> Units:
    if aggregate in ("activation-mean", "activation-max"):
        return Units.of((layer.channels,), 0, layer.dtype, per_unit=False)
    return Units.of(layer.shape, layer.channel_axis, layer.dtype, per_unit=aggregate == "unit")
