"""Samples that were opened for one model, handed to another whose input may have another name and layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnxinv.data.layout import ModelLayout, sample_layout
from onnxinv.data.source import PRIMARY, Array, Samples
from onnxinv.provenance import TensorInfo


def shared(samples: Samples, inputs: Sequence[TensorInfo], layout: ModelLayout | None) -> Samples:
    """Return samples for another model.

    Args:
        samples: as opened for the first.
        inputs: what the first model is fed; the array of a single one goes to whatever the other's is called.
        layout: of the first model's images, None where it takes none. As it takes the samples, so does the other.
    """
    given = samples.read(samples.first)
    info, *others = inputs
    name = PRIMARY if PRIMARY in given else info.name
    if others or set(given) != {name}:
        return samples

    def read(index: int) -> dict[str, Array]:
        return {PRIMARY: samples.read(index)[name]}

    stored = samples.layout
    if stored is None and layout is not None and given[name].ndim == 3:
        stored = sample_layout(given[name].shape, info, layout, source=samples.source)
    return replace(samples, read=read, layout=stored)
