"""From samples and transforms to what a session is fed: the variants of a block, as one batch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.data import PRIMARY, Samples
from onnxinv.data.batch_axis import batch_axis, batch_length, marked_axis
from onnxinv.data.constants import Constant, hold_constant, how_to_set
from onnxinv.data.fed_input import FedInput
from onnxinv.data.fed_types import fed_type
from onnxinv.data.finite import check_finite
from onnxinv.data.layout import ModelLayout, check_image, model_layout, sample_layout
from onnxinv.data.preprocess import Preprocess, to_pixels, write_to_model
from onnxinv.data.stated_shapes import shown
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo
from onnxinv.transforms import Context, Transform
from onnxinv.transforms.together import MOST_BYTES, Stack, Together
from onnxinv.variants import Variants, content_digest

Array = npt.NDArray[Any]

_LARGEST_EXACT = 2**53
"""Whole numbers up to this are exact as float64, which transforms compute with."""

_AT_ONCE = 1 << 20
"""Bytes of samples that are transformed together: enough to be quick, and little beside a processor's cache."""


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

    @cached_property
    def digest(self) -> bytes:
        """Digest of what is transformed."""
        return content_digest(self.primary)


@dataclass(frozen=True)
class _Wanted:
    """A sample, and the transform of each row of a batch that is for it."""

    prepared: Prepared
    rows: dict[int, int]


class Feeds:
    """Makes batches of variants of the samples, for one model; several threads may ask for batches.

    Args:
        inputs: what the samples must feed.
        samples: where the samples come from.
        transforms: the transform set.
        preprocess: what is done to images around the transform.
        seed: of the transforms that draw random numbers.
        constants: inputs that are fed the same numbers for every sample, by name.
        variants: what was made for other models.
        most_operator_bytes: what may be kept to warp samples quickly; transforms beyond are slower.

    Attributes:
        inputs: what the samples feed.
        constants: what is fed besides.
        primary: the input that is transformed: the first with four axes, else the first.
        layout: order of its axes where it takes images, else None.

    Raises:
        DataError: the samples do not fit the model's inputs, or numpy cannot hold what an input takes.
        UsageError: a transform of images is asked for where the input is none.
    """

    def __init__(
        self,
        inputs: Sequence[TensorInfo],
        samples: Samples,
        transforms: Sequence[Transform],
        preprocess: Preprocess,
        seed: int = 0,
        constants: Mapping[str, Constant] | None = None,
        variants: Variants | None = None,
        most_operator_bytes: int = MOST_BYTES,
    ) -> None:
        for info in inputs:
            fed_type(info)
        self._zeros = samples.held_at_zero(inputs)
        zeros = hold_constant(inputs, [f"{name}=zeros" for name in self._zeros])
        inputs = [info for info in inputs if info.name not in zeros]
        self.inputs = tuple(inputs)
        self.constants = {**(constants or {}), **zeros}
        self.samples = samples
        self.transforms = transforms
        self.preprocess = preprocess
        self.seed = seed
        self._variants = variants
        self._digests: dict[int, bytes] = {}
        # Sources, code of the user and what models share are one thread's at a time.
        alone = variants is not None or any(step.alone for each in transforms for step in each.steps)
        self._reading = Lock()
        self._making: AbstractContextManager[object] = Lock() if alone else nullcontext()
        given = set(samples.read(samples.first))
        self._inputs = {info.name: info for info in inputs}
        self._source_key = {
            info.name: PRIMARY if PRIMARY in given and position == 0 else info.name
            for position, info in enumerate(inputs)
        }
        for name, key in self._source_key.items():
            if key not in given:
                option = how_to_set(name, is_state=_is_state(self._inputs[name]))
                raise DataError(
                    f"The model needs the input '{name}', which the data '{samples.source}' lacks.",
                    f"Hold it constant with {option}, or give an npz file with one array for each input, named like "
                    "it.",
                )
        self.primary = next((info for info in inputs if len(info.shape) == 4), inputs[0])
        names = {batch_length(self.primary)} - {None}
        image = len(self.primary.shape) == 4 and not marked_axis(self.primary)
        self._batch_axis = {
            info.name: 0 if image and marked_axis(info) is None else batch_axis(info, names) for info in inputs
        }
        self.layout = self._image_layout()
        if self.layout is None and any(step.needs_image for each in transforms for step in each.steps):
            raise UsageError(
                f"The transforms work on images, and the input '{self.primary.name}' is none: "
                f"its shape is {shown(self.primary.shape)}.",
                "Name transforms of arrays, such as time-shift, or write your own: --transform file.py:function.",
            )
        self._last: Prepared | None = None
        first = self._prepared(samples.first)
        self._shape = self._fed_shape(first)
        self._together = Together(transforms, first.primary.shape if self.layout else (), most_operator_bytes)
        self.variants([(samples.first, 0)])

    @property
    def notes(self) -> list[str]:
        """How stored samples become model inputs, for the result."""
        held = [
            f"input '{each.name}' held at {each.text}"
            + (": a state, and the data have none" if each.name in self._zeros else "")
            for each in self.constants.values()
        ]
        if self.layout is None:
            return held
        stored = self._stored_primary(self.samples.first)
        factor = self.preprocess.factor(stored.dtype, self.primary)
        notes = [f"stored as {stored.dtype.name}, model input {self.layout}"]
        notes += [f"pixels multiplied by {factor:.6g}"] if factor != 1 else []
        chosen = self.preprocess.model_dump(exclude_none=True, exclude={"layout", "rescale"}, exclude_unset=True)
        return notes + [f"{key} {value}" for key, value in chosen.items()] + held

    @property
    def input_channel_axes(self) -> dict[str, int]:
        """Channel axis of the image input, counted with the batch axis."""
        return {self.primary.name: self.layout.index("C")} if self.layout else {}

    @property
    def batch_axes(self) -> dict[str, int]:
        """Batch axis of each input that has one, the primary input first."""
        axes = {info.name: self._batch_axis[info.name] for info in (self.primary, *self.inputs)}
        held = {each.name: each.batch_axis for each in self.constants.values() if each.batch_axis is not None}
        return axes | held

    @property
    def variant_bytes(self) -> int:
        """Size of one variant of the primary input."""
        return int(np.prod(self._shape)) * np.dtype(self.primary.dtype).itemsize

    @property
    def operator_bytes(self) -> int:
        """What is kept, at most, to warp samples quickly."""
        return self._together.operator_bytes

    def batch(self, samples: Sequence[int], transforms: slice, size: int | None = None) -> dict[str, Array]:
        """Return the feeds of a block: each sample under each of the transforms, samples varying slowest.

        Args:
            samples: indices in the source.
            transforms: which transforms of the set.
            size: least number of rows; where there are fewer variants, the last one is repeated.
        """
        columns = range(*transforms.indices(len(self.transforms)))
        return self.variants([(int(index), column) for index in samples for column in columns], size)

    def variants(self, wanted: Sequence[tuple[int, int]], size: int | None = None) -> dict[str, Array]:
        """Return the feeds of these pairs of a sample and a transform, the primary input first; see `batch`."""
        rows = max(len(wanted), size or 0)
        primary = np.empty((rows, *self._shape), dtype=self.primary.dtype)
        others: dict[str, list[Array]] = {name: [] for name in self._inputs if name != self.primary.name}
        group: list[_Wanted] = []
        size_of_group = 0
        for index, places in groupby(range(len(wanted)), lambda row: wanted[row][0]):
            prepared = self._prepared(index)
            shape = self._fed_shape(prepared)
            if shape != self._shape:
                raise DataError(
                    f"Sample {index} of '{self.samples.source}' has shape {shape}, while the first has {self._shape}.",
                    "Make all samples the same size, with --resize for images.",
                )
            if group and size_of_group + prepared.primary.nbytes > _AT_ONCE:
                self._write(group, primary)
                group, size_of_group = [], 0
            group.append(_Wanted(prepared, {row: wanted[row][1] for row in places}))
            size_of_group += prepared.primary.nbytes
            for name, parts in others.items():
                parts.extend([prepared.others[name]] * len(group[-1].rows))
        self._write(group, primary)
        primary[len(wanted) :] = primary[len(wanted) - 1]
        stacked = {
            name: np.stack([*parts, *[parts[-1]] * (rows - len(parts))], self._batch_axis[name])
            for name, parts in others.items()
        }
        held = {name: each.batch(rows) for name, each in self.constants.items()}
        along = np.ascontiguousarray(np.moveaxis(primary, 0, self._batch_axis[self.primary.name]))
        return {self.primary.name: along, **stacked, **held}

    def pixels(self, sample: int, transforms: Sequence[int]) -> tuple[Array, tuple[float, float] | None]:
        """Return (transforms, height, width, channels) an image as it is fed, before it becomes the model's input.

        Args:
            sample: index in the source.
            transforms: places in the set.

        Returns:
            The pixels, and their range where it is known.
        """
        prepared = self._prepared(sample)
        stack = Stack((prepared.primary,))
        made = np.concatenate([self._made(transform, [prepared], stack) for transform in transforms])
        return made, prepared.value_range

    def digest(self, samples: Sequence[int]) -> str:
        """Return a SHA-256 of the content of these samples, in the source's order; what was not read yet is read."""
        return digest_of_all({int(index): self.digest_of(int(index)) for index in samples})

    def digest_of(self, index: int) -> bytes:
        """Return a SHA-256 of the content of one sample, which is read if it was not yet."""
        if index not in self._digests:
            self._prepare(index)
        return self._digests[index]

    def _image_layout(self) -> ModelLayout | None:
        """Return the layout of an image input, None where the input is no image."""
        if len(self.primary.shape) != 4 or self._batch_axis[self.primary.name]:
            return None
        wants_image = any(step.needs_image for each in self.transforms for step in each.steps)
        if not wants_image and not self.preprocess.model_fields_set:
            # What has four axes and no channels to be seen may be anything, and nothing here needs to know.
            with suppress(DataError):
                return model_layout(self.primary)
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

    def _prepared(self, index: int) -> Prepared:
        # A block may hold only some variants of a sample; the next one holds others.
        with self._reading:
            last = self._last
            if last is None or last.index != index:
                last = self._last = self._prepare(index)
            return last

    def _fed_shape(self, prepared: Prepared) -> tuple[int, ...]:
        if self.layout != "NCHW":
            return prepared.primary.shape
        height, width, channels = prepared.primary.shape
        return channels, height, width

    def _write(self, group: Sequence[_Wanted], primary: Array) -> None:
        """Write variants of samples, transform by transform, to their rows of a batch."""
        stack = Stack(tuple(each.prepared.primary for each in group))
        by_transform: dict[int, list[tuple[int, int]]] = {}
        for place, each in enumerate(group):
            for row, transform in each.rows.items():
                by_transform.setdefault(transform, []).append((place, row))
        for transform, cells in by_transform.items():
            places, rows = [place for place, _ in cells], [row for _, row in cells]
            made = self._made(transform, [group[place].prepared for place in places], stack.of(places))
            steps = {after - before for before, after in pairwise(rows)}
            if len(steps) < 2:
                self._to_model(made, primary[rows[0] : rows[-1] + 1 : min(steps, default=1)])
                continue
            for one, row in zip(made, rows, strict=True):
                self._to_model(one[np.newaxis], primary[row : row + 1])

    def _made(self, transform: int, samples: Sequence[Prepared], stack: Stack) -> Array:
        """Return (samples, *shape) the samples under one transform, before they become the model's input."""
        contexts = [Context(each.value_range, (self.seed, each.index, transform)) for each in samples]
        with self._making:
            return self._make(transform, samples, stack, contexts)

    def _make(self, transform: int, samples: Sequence[Prepared], stack: Stack, contexts: Sequence[Context]) -> Array:
        def make(missing: Sequence[int]) -> list[Array]:
            return list(self._together.apply(transform, stack.of(missing), [contexts[place] for place in missing]))

        if self._variants is None:
            return self._together.apply(transform, stack, contexts)
        keys = [(each.digest, each.index, each.value_range, transform) for each in samples]
        return np.stack(self._variants.get_all(keys, make))

    def _to_model(self, made: Array, given: Array) -> None:
        if self.layout is not None:
            write_to_model(made, self.preprocess, self.layout, given)
            return
        # An integer that a transform has computed may lie just below it.
        given[...] = np.rint(made) if given.dtype.kind in "iu" else made

    def _cast(self, array: Array, info: TensorInfo) -> Array:
        wanted = np.dtype(info.dtype)
        if wanted.kind in "iub" and array.dtype.kind not in "iub":
            raise DataError(
                f"The input '{info.name}' takes {info.dtype}, and '{self.samples.source}' holds {array.dtype.name}.",
                "Convert the array in the file.",
            )
        unit = [length for axis, length in enumerate(info.shape) if axis != self._batch_axis[info.name]]
        fits = len(array.shape) == len(info.shape) - 1 and all(
            want == have for want, have in zip(unit, array.shape, strict=True) if isinstance(want, int)
        )
        if not fits:
            raise DataError(
                f"A sample of '{self.samples.source}' for the input '{info.name}' has shape {list(array.shape)}, "
                f"and the model takes {shown(info.shape)} with the batch axis.",
            )
        if wanted.kind in "iu" and array.size and max(abs(int(array.max())), abs(int(array.min()))) > _LARGEST_EXACT:
            raise DataError(
                f"The input '{info.name}' holds whole numbers above 2^53 in '{self.samples.source}', which transforms "
                "cannot keep exactly."
            )
        return array.astype(wanted)


def _is_state(info: TensorInfo) -> bool:
    return isinstance(info, FedInput) and info.is_state


def digest_of_all(samples: Mapping[int, bytes]) -> str:
    """Return the SHA-256 that stands for samples in a result.

    Args:
        samples: the digest of the content of each, by its index in the source.
    """
    return hashlib.sha256(b"".join(samples[index] for index in sorted(samples))).hexdigest()


def _hash(arrays: dict[str, Array]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        told = f"{name}:" if len(arrays) > 1 else ""  # models call their only input what they like
        digest.update(f"{told}{array.dtype.str}:{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.digest()
