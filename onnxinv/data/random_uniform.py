"""Samples of random numbers, to try a model for which there is no data at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field, model_validator

from onnxinv.data import register
from onnxinv.data.source import Array, Samples, Source
from onnxinv.errors import DataError
from onnxinv.result import TensorInfo

_INTEGERS = 10
"""Whole numbers stay below this, so that they are valid in any vocabulary or list of classes."""


@register("random")
class RandomSource(Source):
    """Uniform random samples of the shape that each of the model's inputs has.

    Floats lie in [low, high), integers are 0 to 9, booleans are fair. The first axis of an input is its batch axis;
    sample i depends on the seed and i alone. What a model does on noise says little about what it does on data.
    """

    n: int = Field(64, ge=1, description="how many samples")
    seed: int = Field(0, ge=0, description="of the random numbers")
    low: float = Field(0.0, allow_inf_nan=False, description="lowest float")
    high: float = Field(1.0, allow_inf_nan=False, description="floats stay below this")

    @model_validator(mode="after")
    def _has_a_range(self) -> RandomSource:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Work out the shapes; see `Source.open`."""
        shapes = {info.name: (_sample_shape(info), _dtype(info)) for info in inputs}

        def read(index: int) -> dict[str, Array]:
            generator = np.random.default_rng([self.seed, index])
            return {name: self._draw(generator, *shape) for name, shape in shapes.items()}

        return Samples(f"random:n={self.n},seed={self.seed}", self.n, read)

    def _draw(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
        if dtype.kind == "f":
            return np.asarray(generator.uniform(self.low, self.high, shape)).astype(dtype)
        return np.asarray(generator.integers(2 if dtype.kind == "b" else _INTEGERS, size=shape)).astype(dtype)


def _sample_shape(info: TensorInfo) -> tuple[int, ...]:
    if not info.shape:
        raise DataError(
            f"The input '{info.name}' is a single number without a batch axis.",
            f"Set it with --set-input {info.name}=VALUE.",
        )
    lengths = tuple(length for length in info.shape[1:] if isinstance(length, int))
    if len(lengths) < len(info.shape) - 1:
        shown = ", ".join("?" if length is None else str(length) for length in info.shape)
        raise DataError(
            f"The input '{info.name}' has free dimensions, so that random samples have no shape: ({shown}).",
            f"Fix them, for example with --shape {info.name}:1,3,224,224.",
        )
    return lengths


def _dtype(info: TensorInfo) -> np.dtype[np.generic]:
    try:
        dtype: np.dtype[np.generic] = np.dtype(info.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "biuf":
        raise DataError(f"Random samples cannot be made for the input '{info.name}' of type {info.dtype}.")
    return dtype
