"""From samples and transforms to what a session is fed: the variants of a block, as one batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.data import PRIMARY, Samples
from onnxinv.data.finite import check_finite
from onnxinv.data.layout import ModelLayout, check_image, model_layout, sample_layout
from onnxinv.data.preprocess import Preprocess, to_model, to_pixels
from onnxinv.errors import DataError, UsageError
from onnxinv.result import TensorInfo
from onnxinv.transforms import Context, Transform

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Prepared:
    """One sample, ready to be transformed.

    Attributes:
        index: of the sample in its source.
        primary: the image (height, width, channels) in pixel space, or the raw array of an input that is no image.
        value_range: of the image's pixels, where known.
        others: arrays of the other inputs, as the model takes them.
    """

    index: int
    primary: npt.NDArray[np.float64]
    value_range: tuple[float, float] | None
    others: dict[str, Array]


class Feeds:
    """Makes batches of variants of the samples, for one model.

    Args:
        inputs: what the model must be fed.
        samples: where the samples come from.
        transforms: the transform set.
        preprocess: what is done to images around the transform.
        seed: of the transforms that draw random numbers.

    Raises:
        DataError: the samples do not fit the model's inputs.
        UsageError: a transform of images is asked for where the input is none.
    """

    def __init__(
        self,
        inputs: Sequence[TensorInfo],
        samples: Samples,
        transforms: Sequence[Transform],
        preprocess: Preprocess,
        seed: int = 0,
    ) -> None:
        self.samples = samples
        self.transforms = transforms
        self.preprocess = preprocess
        self.seed = seed
        self._digests: dict[int, bytes] = {}
        for info in inputs:
            if not _is_numeric(info.dtype):
                raise DataError(f"The input '{info.name}' takes {info.dtype}, not numbers.", "Only numbers can be fed.")
        given = set(samples.read(0))
        self._inputs = {info.name: info for info in inputs}
        self._source_key = {
            info.name: PRIMARY if PRIMARY in given and position == 0 else info.name
            for position, info in enumerate(inputs)
        }
        for name, key in self._source_key.items():
            if key not in given:
                raise DataError(
                    f"The model needs the input '{name}', which the data '{samples.source}' lacks.",
                    "Give an npz file with one array for each input, named like it.",
                )
        self.primary = next((info for info in inputs if len(info.shape) == 4), inputs[0])
        self.layout = self._image_layout()
        if self.layout is None and any(step.needs_image for each in transforms for step in each.steps):
            raise UsageError(
                f"The transforms work on images, and the input '{self.primary.name}' is none: "
                f"its shape is {_shown(self.primary)}.",
                "Name transforms of arrays, such as time-shift, or write your own: --transform file.py:function.",
            )
        self._shape = self._variant(self._prepare(0), 0).shape

    @property
    def notes(self) -> list[str]:
        """How stored samples become model inputs, for the result."""
        if self.layout is None:
            return []
        stored = self._stored_primary(0)
        factor = self.preprocess.factor(stored.dtype, self.primary)
        notes = [f"stored as {stored.dtype.name}, model input {self.layout}"]
        notes += [f"pixels multiplied by {factor:.6g}"] if factor != 1 else []
        chosen = self.preprocess.model_dump(exclude_none=True, exclude={"layout", "rescale"}, exclude_unset=True)
        return notes + [f"{key} {value}" for key, value in chosen.items()]

    @property
    def input_channel_axes(self) -> dict[str, int]:
        """Channel axis of the image input, counted with the batch axis."""
        return {self.primary.name: self.layout.index("C")} if self.layout else {}

    @property
    def variant_bytes(self) -> int:
        """Size of one variant of the primary input."""
        return int(np.prod(self._shape)) * np.dtype(self.primary.dtype).itemsize

    def batch(self, samples: Sequence[int], transforms: slice) -> dict[str, Array]:
        """Return the feeds of a block: each sample under each of the transforms, samples varying slowest."""
        run = range(*transforms.indices(len(self.transforms)))
        primary = np.empty((len(samples) * len(run), *self._shape), dtype=self.primary.dtype)
        others: dict[str, list[Array]] = {name: [] for name in self._inputs if name != self.primary.name}
        for row, index in enumerate(samples):
            prepared = self._prepare(int(index))
            for column, transform in enumerate(run):
                variant = self._variant(prepared, transform)
                if variant.shape != self._shape:
                    raise DataError(
                        f"Sample {index} of '{self.samples.source}' has shape {variant.shape}, "
                        f"while the first has {self._shape}.",
                        "Make all samples the same size, with --resize for images.",
                    )
                primary[row * len(run) + column] = variant
            for name, parts in others.items():
                parts.extend([prepared.others[name]] * len(run))
        return {self.primary.name: primary, **{name: np.stack(parts) for name, parts in others.items()}}

    def digest(self, samples: Sequence[int]) -> str:
        """Return a SHA-256 of the content of these samples, all of which have been read, in the source's order."""
        total = hashlib.sha256()
        for index in sorted(int(sample) for sample in samples):
            total.update(self._digests[index])
        return total.hexdigest()

    def _image_layout(self) -> ModelLayout | None:
        """Return the layout of an image input, None where the input is no image."""
        if len(self.primary.shape) != 4:
            return None
        return model_layout(self.primary, self.preprocess.layout)

    def _stored_primary(self, index: int) -> Array:
        return self.samples.read(index)[self._source_key[self.primary.name]]

    def _prepare(self, index: int) -> Prepared:
        arrays = self.samples.read(index)
        check_finite(arrays, index, self.samples.source)
        if index not in self._digests:
            self._digests[index] = _hash(arrays)
        others = {
            name: self._cast(arrays[key], self._inputs[name])
            for name, key in self._source_key.items()
            if name != self.primary.name
        }
        stored = arrays[self._source_key[self.primary.name]]
        if self.layout is None:
            # Checked as the model takes it, transformed as float64 like images.
            return Prepared(index, self._cast(stored, self.primary).astype(np.float64), None, others)
        source = self.samples.source
        stored_layout = sample_layout(stored.shape, self.primary, self.layout, self.samples.layout, source=source)
        image, value_range = to_pixels(stored, stored_layout, self.preprocess, self.primary)
        check_image(image.shape, self.primary, self.layout, source=source)
        return Prepared(index, image, value_range, others)

    def _variant(self, prepared: Prepared, transform: int) -> Array:
        context = Context(prepared.value_range, (self.seed, prepared.index, transform))
        changed = self.transforms[transform](prepared.primary, context)
        if self.layout is None:
            # An integer that a transform has computed may lie just below it.
            whole = np.dtype(self.primary.dtype).kind in "iu"
            return (np.rint(changed) if whole else changed).astype(self.primary.dtype)
        return to_model(changed, self.preprocess, self.primary, self.layout)

    def _cast(self, array: Array, info: TensorInfo) -> Array:
        wanted = np.dtype(info.dtype)
        if wanted.kind in "iub" and array.dtype.kind not in "iub":
            raise DataError(
                f"The input '{info.name}' takes {info.dtype}, and '{self.samples.source}' holds {array.dtype.name}.",
                "Convert the array in the file.",
            )
        fits = len(array.shape) == len(info.shape) - 1 and all(
            want == have for want, have in zip(info.shape[1:], array.shape, strict=True) if isinstance(want, int)
        )
        if not fits:
            raise DataError(
                f"A sample of '{self.samples.source}' for the input '{info.name}' has shape {list(array.shape)}, "
                f"and the model takes {_shown(info)} with the batch axis.",
            )
        return array.astype(wanted)


def _hash(arrays: dict[str, Array]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.digest()


def _is_numeric(dtype: str) -> bool:
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:  # a type that numpy does not know, such as string
        return False


def _shown(info: TensorInfo) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in info.shape) + ")"
