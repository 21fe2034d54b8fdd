"""Samples of random numbers, to try a model for which there is no data at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from onnxinv.data import register
from onnxinv.data.batch_axis import batch_axis, batch_length
from onnxinv.data.constants import how_to_set
from onnxinv.data.fed_input import FedInput, spare_states
from onnxinv.data.fed_types import fed_type
from onnxinv.data.source import Array, Samples, Source
from onnxinv.data.stated_shapes import shown
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

_MOST_NUMBERS = 2**28
"""Of a sample: 2 GiB as they are drawn."""


@register("random")
class RandomSource(Source):
    """Uniform random samples of the shape that each of the model's inputs has.

    Floats lie in [low, high), integers are 0 to 9 (less where the model looks them up in a shorter table), booleans are
    fair. The first axis of an input is its batch axis, unless another is called so or marked; sample i depends on the
    seed and i alone. States of recurrent layers and caches are held at zero. What a model does on noise says little
    about what it does on data.
    """

    n: int = Field(64, ge=1, description="how many samples")
    seed: int = Field(0, ge=0, description="of the random numbers")
    low: float = Field(0.0, allow_inf_nan=False, description="lowest float")
    high: float = Field(1.0, allow_inf_nan=False, description="floats stay below this")
    integers: int = Field(10, ge=1, le=2**31, description="whole numbers stay below this")

    @model_validator(mode="after")
    def _has_a_range(self) -> RandomSource:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Work out the shapes; see `Source.open`."""
        if not any(info.shape for info in inputs):
            raise DataError(
                "The model takes single numbers only: no input has a batch axis, so that there is nothing to take "
                "samples of."
            )
        names = {batch_length(info) for info in inputs[:1]} - {None}
        states = spare_states(inputs)
        shapes = {
            info.name: (fed_type(info), _sample_shape(info, names), self._below(info))
            for info in inputs
            if info.name not in states
        }

        def read(index: int) -> dict[str, Array]:
            generator = np.random.default_rng([self.seed, index])
            return {name: self._draw(generator, *shape) for name, shape in shapes.items()}

        return Samples(f"random:n={self.n},seed={self.seed}", self.n, read, without_states=True)

    def _below(self, info: TensorInfo) -> int:
        """Return the number that whole numbers stay below, 2 for booleans."""
        if info.dtype == "bool":
            return 2
        limits = [info.entries] if isinstance(info, FedInput) and info.entries is not None else []
        with suppress(ValueError):  # floats
            limits.append(int(np.iinfo(info.dtype).max) + 1)
        return max(1, min(self.integers, *limits)) if limits else self.integers

    def _draw(self, generator: np.random.Generator, dtype: np.dtype[Any], shape: tuple[int, ...], below: int) -> Array:
        if dtype.kind == "f":
            return np.asarray(generator.uniform(self.low, self.high, shape)).astype(dtype)
        return np.asarray(generator.integers(below, size=shape)).astype(dtype)


def _sample_shape(info: TensorInfo, names: set[int | str | None]) -> tuple[int, ...]:
    if not info.shape:
        raise DataError(
            f"The input '{info.name}' is a single number without a batch axis.",
            f"Set it with {how_to_set(info.name)}.",
        )
    batch = batch_axis(info, names)
    lengths = tuple(length for axis, length in enumerate(info.shape) if axis != batch and isinstance(length, int))
    if len(lengths) < len(info.shape) - 1:
        raise DataError(
            f"The input '{info.name}' has free dimensions, so that random samples have no shape: {shown(info.shape)}.",
            f"Fix them, for example with --shape {info.name}:{_example(info)}{_or_set(info)}.",
        )
    if math.prod(lengths) > _MOST_NUMBERS:
        raise DataError(
            f"A sample for the input '{info.name}' is too large to be made at random: it has more than "
            f"{_MOST_NUMBERS:,} numbers, of {shown(info.shape)}.",
        )
    return lengths


def _example(info: TensorInfo) -> str:
    """Return a shape that fits: images of 224 pixels with 3 channels, sequences of 16."""
    image = (224, 224, 3) if info.shape[-1] in (1, 3, 4) else (3, 224, 224)
    usual = image if len(info.shape) == 4 else [16] * (len(info.shape) - 1)
    lengths = [length if isinstance(length, int) else usual[place] for place, length in enumerate(info.shape[1:])]
    return ",".join(map(str, [1, *lengths]))


def _or_set(info: TensorInfo) -> str:
    option = how_to_set(info.name)
    return f", or hold it at zero with {option}" if option.endswith("=zeros") else ""
