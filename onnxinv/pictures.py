"""What `pictures.npz` holds: variants as they were fed, raw activations of a few units, and a few feature maps."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from onnxinv.errors import OutputError
from onnxinv.stored_arrays import BROKEN, open_archive, read_header

MOST_BYTES = 64 << 20
"""Size of everything in the file, at most: what would be larger is not kept, and not read."""

LONGEST_SIDE = 96
"""Pixels of a picture in one direction, at most."""

Which = Literal["most", "least"]
"""The most invariant one, or the least."""

Direction = Literal["lower", "higher", "neither"]

Array = npt.NDArray[Any]


class PicturesMeta(BaseModel):
    """What was pictured.

    Attributes:
        keep_units: how many units a layer were asked for.
        by: the measure by which they were chosen; None where there are none.
        direction: which way is more invariant by it; where neither is, the lowest were taken for the most invariant.
        samples: of the rows of activations, as indices in the source.
        shown: of the variants and of the feature maps, likewise.
        transforms: of the variants and of the feature maps, as places in the transform set.
        inferences: how many variants were run once more.
        seconds: that it took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_units: int
    by: str | None
    direction: Direction
    samples: list[int]
    shown: list[int]
    transforms: list[int]
    inferences: int
    seconds: float

    @property
    def words(self) -> tuple[str, str]:
        """What the first and the last of the kept units and channels are called."""
        return ("lowest", "highest") if self.direction == "neither" else ("most invariant", "least invariant")


@dataclass(frozen=True, eq=False)
class LayerPictures:
    """What was kept of a layer, from its most invariant unit or channel to its least invariant one.

    Attributes:
        units: (k,) int64 places of the units in the layer's tensor of one sample, in C order.
        rows: (samples, transforms, k) float32 activations of these units, all transforms.
        channels: (2,) int64 the channels of the maps, most and least invariant; None where the layer has no maps.
        maps: (2, samples, transforms, height, width) uint8 maps of the samples and transforms that are shown.
        ranges: (2, 2) float32 what 0 and 255 stand for in the maps of each channel.
    """

    units: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float32]
    channels: npt.NDArray[np.int64] | None = None
    maps: npt.NDArray[np.uint8] | None = None
    ranges: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """The content of `pictures.npz`.

    Attributes:
        variants: (samples, transforms, height, width, colours) uint8 what was fed, in 1 colour or 3; None where it was
            no image.
        layers: what was kept of each layer, by its index.
    """

    variants: npt.NDArray[np.uint8] | None = None
    layers: Mapping[int, LayerPictures] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        arrays: dict[str, Array] = {} if self.variants is None else {"variants": self.variants}
        for index, kept in self.layers.items():
            for name, array in vars(kept).items():
                if array is not None:
                    arrays[f"{name}/{index:04d}"] = array
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # takes keywords for options
        return content.getvalue()


def read_pictures(
    path: Path, told: PicturesMeta, transforms: int, layers: Mapping[int, tuple[Sequence[int], int]]
) -> Pictures | None:
    """Return the content of a file; None where there is none.

    Nothing is taken on trust: no pickles, no array of another type or shape than the result tells of, and none that
    is unpacked before its size is known.

    Args:
        path: of the file.
        told: what the result says of it.
        transforms: how many there are.
        layers: shape and channel axis of each layer, by its index.

    Raises:
        OutputError: the file cannot be read, or contradicts the result.
    """
    try:
        with open_archive(path) as archive:
            return _Reader(archive, told, transforms).read(layers)
    except FileNotFoundError:
        return None
    except BROKEN as error:
        raise OutputError(f"'{path}' cannot be read: {error}.", "Remove it, or measure the model again.") from error


class _Reader:
    """Reads arrays that are as they must be; raises ValueError of others."""

    def __init__(self, archive: zipfile.ZipFile, told: PicturesMeta, transforms: int) -> None:
        self._archive = archive
        self._names = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
        if sum(each.file_size for each in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it holds more than {MOST_BYTES >> 20} MiB")
        if any(not 0 <= place < transforms for place in told.transforms):
            raise ValueError("the result tells of transforms that it does not have")
        self._rows = (len(told.samples), transforms)
        self._shown = (len(told.shown), len(told.transforms))

    def read(self, layers: Mapping[int, tuple[Sequence[int], int]]) -> Pictures:
        variants = None
        if "variants" in self._names:
            variants = self._array("variants", np.uint8, (*self._shown, None, None, None))
            if variants.shape[-1] not in (1, 3):
                raise ValueError(f"'variants' has {variants.shape[-1]} colours")
        having = {index: told for index, told in layers.items() if f"units/{index:04d}" in self._names}
        return Pictures(variants, {index: self._layer(f"{index:04d}", *told) for index, told in having.items()})

    def _layer(self, index: str, shape: Sequence[int], channel_axis: int) -> LayerPictures:
        if min(*self._rows, *shape, 1) < 1 or not 0 <= channel_axis < len(shape):
            raise ValueError(f"the result tells of no activations for 'rows/{index}'")
        kept = self._places(f"units/{index}", None, math.prod(shape))
        rows = self._array(f"rows/{index}", np.float32, (*self._rows, len(kept)))
        if f"maps/{index}" not in self._names:
            return LayerPictures(kept, rows)
        return LayerPictures(
            kept,
            rows,
            self._places(f"channels/{index}", 2, shape[channel_axis]),
            self._array(f"maps/{index}", np.uint8, (2, *self._shown, None, None)),
            self._array(f"ranges/{index}", np.float32, (2, 2)),
        )

    def _places(self, name: str, length: int | None, count: int) -> npt.NDArray[np.int64]:
        places = self._array(name, np.int64, (length,))
        if not places.size or places.min() < 0 or places.max() >= count:
            raise ValueError(f"'{name}' points outside the layer")
        return places

    def _array(self, name: str, dtype: type[np.generic], shape: Sequence[int | None]) -> Array:
        """Return an array of this type and shape; None stands for a length that is not known beforehand."""
        if name not in self._names:
            raise ValueError(f"it lacks '{name}'")
        content = io.BytesIO(self._archive.read(self._names[name]))
        header = read_header(content)
        have = header.shape
        fits = len(have) == len(shape) and all(
            1 <= length <= LONGEST_SIDE if want is None and len(shape) > 1 else want in (None, length)
            for want, length in zip(shape, have, strict=True)
        )
        if not fits or header.fortran or header.dtype != np.dtype(dtype):
            raise ValueError(f"'{name}' has another type or shape than the result tells of")
        return np.frombuffer(content.read(), dtype).reshape(have)
