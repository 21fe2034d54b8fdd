"""After measuring, looks once more at a few samples: what was fed, and what the most and least invariant units do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.close_look import CloseLook
from onnxinv.extremes import Places, extremes
from onnxinv.measured import Measured
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer
from onnxinv.model.rewrite import expose
from onnxinv.picture_plan import draw_samples
from onnxinv.pictures import LONGEST_SIDE, LayerPictures, Pictures, PicturesMeta
from onnxinv.plan import Plan
from onnxinv.sessions import Sessions
from onnxinv.shrink import range_of, shrink, to_bytes

Array = npt.NDArray[Any]
Told = Callable[[int], None]

_FETCHED_SHARE = 8
"""Part of the memory that the activations of one run may take."""


@dataclass(frozen=True)
class Gallery:
    """What was kept, and what there is to say of it."""

    pictures: Pictures
    meta: PicturesMeta


# Non-finite activations are pictured as they are; numpy would warn of each.
@np.errstate(all="ignore")
def take_pictures(plan: Plan, measured: Measured, progress: Told = lambda done: None) -> Gallery | None:
    """Keep the variants of two samples where they are images, and activations where that was asked for.

    Args:
        plan: what was measured.
        measured: what was found.
        progress: is told of every run.

    Returns:
        None where there is nothing to keep.

    Raises:
        ModelError: the runtime fails on a batch.
        DataError: a sample cannot be read.
    """
    asked = plan.pictures
    images = plan.feeds.layout is not None
    if not images and not asked.keep_units:
        return None
    samples, shown = draw_samples(measured.samples, asked, plan.config.seed)
    variants = _variants(plan, shown) if images else None
    start, done = perf_counter(), 0

    def ran(variants: int) -> None:
        nonlocal done
        done += variants
        progress(variants)

    kept = {} if asked.by is None else _look_again(plan, measured, asked.by, samples, shown, ran)
    meta = PicturesMeta(
        keep_units=asked.keep_units,
        by=asked.by,
        direction=asked.direction,
        samples=samples if kept else [],
        shown=shown,
        transforms=list(asked.transforms),
        inferences=done,
        seconds=round(perf_counter() - start, 3) if done else 0.0,
    )
    return Gallery(Pictures(variants, kept), meta)


def _variants(plan: Plan, shown: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return (samples, transforms, height, width, colours) what was fed, in grey unless it has three colours."""
    made: list[npt.NDArray[np.uint8]] = []
    for sample in shown:
        pixels, value_range = plan.feeds.pixels(sample, plan.pictures.transforms)
        colours = pixels if pixels.shape[-1] == 3 else pixels.mean(axis=-1, keepdims=True)
        small = np.moveaxis(shrink(np.moveaxis(colours, -1, 1), LONGEST_SIDE), 1, -1)
        made.append(to_bytes(small, *(value_range or range_of(small))))
    return np.stack(made)


def _look_again(
    plan: Plan, measured: Measured, by: str, samples: Sequence[int], shown: Sequence[int], progress: Told
) -> dict[int, LayerPictures]:
    """Return what is kept of each layer, by its index."""
    asked, count = plan.pictures, len(plan.transforms)
    looks = [CloseLook(each, asked.side) for each in extremes(plan, measured, by, asked.keep_units)]
    layers = [look.layer for look in looks]
    first = [(sample, transform) for sample in shown for transform in asked.transforms]
    others = [(sample, transform) for sample in samples if sample not in shown for transform in asked.glimpsed]
    for start, seen in _runs(plan, layers, [look.places for look in looks], [*first, *others], progress):
        for look, activations in zip(looks, seen, strict=True):
            look.add(activations, shown=max(0, len(first) - start))
    units = [look.units() for look in looks]
    rows = [np.empty((len(samples) * count, len(some)), np.float32) for some in units]
    every = [(sample, transform) for sample in samples for transform in range(count)]
    for start, seen in _runs(plan, layers, units, every, progress):
        for array, activations in zip(rows, seen, strict=True):
            array[start : start + len(activations)] = activations
    return {
        look.layer.index: look.kept(some, array.reshape(len(samples), count, -1), len(shown))
        for look, some, array in zip(looks, units, rows, strict=True)
    }


def _runs(
    plan: Plan,
    layers: Sequence[Layer],
    wanted: Sequence[Places],
    variants: Sequence[tuple[int, int]],
    progress: Told,
) -> Iterator[tuple[int, list[Array]]]:
    """Run some variants.

    Args:
        plan: what was measured.
        layers: where to look.
        wanted: for each, the places of the units that are looked at; nothing else leaves the runtime where the graph
            can gather them.
        variants: pairs of a sample and a transform.
        progress: is told of every run.

    Yields:
        For a run, how many variants came before it, and (variants, units) activations of each layer.
    """
    if not layers:
        return
    gathered = {layer.name: at for layer, at in zip(layers, wanted, strict=True) if layer.batch == BatchAxis()}
    exposed = expose(plan.model.proto, [layer.name for layer in layers], gathered)
    sessions = Sessions(plan.model, plan.device, plan.config.threads)
    session = sessions.session(exposed.proto, optimize=plan.probe.optimize)
    fetched = sum(len(gathered.get(layer.name, range(layer.units))) * layer.number_bytes for layer in layers)
    room = max(1, plan.layout.memory.budget // _FETCHED_SHARE // fetched)
    at_once = plan.probe.fixed_batch or min(plan.layout.batch, room)
    for start in range(0, len(variants), at_once):
        some = variants[start : start + at_once]
        feed = plan.feeds.variants(some, plan.probe.fixed_batch)
        raw = session.run(feed, [exposed.outputs[layer.name] for layer in layers])
        fronts = [layer.batch.to_front(tensor)[: len(some)] for layer, tensor in zip(layers, raw, strict=True)]
        yield (
            start,
            [
                front if layer.name in gathered else front.reshape(len(some), -1)[:, at]
                for layer, at, front in zip(layers, wanted, fronts, strict=True)
            ],
        )
        progress(len(some))
