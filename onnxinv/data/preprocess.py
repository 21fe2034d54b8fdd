"""From a stored image to the model's input: resize, crop and rescale, then (after the transform) normalise and cast."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from onnxinv.data.layout import ModelLayout
from onnxinv.data.preprocessor_config import read_preprocessor_config
from onnxinv.data.source import Array, SampleLayout
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo
from onnxinv.spec import explain_validation

Image = npt.NDArray[np.float64]

MOST_PIXELS = 64_000_000
"""Of an image, however small the file was that it came from."""

_ORDER = {"nearest": 0, "bilinear": 1, "bicubic": 3}


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


Finite = Annotated[float, Field(allow_inf_nan=False)]
Length = Annotated[int, Field(ge=1, le=1_000_000)]
"""Pixels along a side."""

PerChannel = Annotated[tuple[Finite, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
"""One number for all channels, or one a channel."""


class Preprocess(BaseModel):
    """What is done to an image around the transform; the order is resize, crop, rescale, transform, normalise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: Length | tuple[Length, Length] | None = Field(
        None, description="(height, width), or one number for the shortest edge, which keeps the proportions"
    )
    resample: Literal["nearest", "bilinear", "bicubic"] = Field("bilinear", description="how pixels are interpolated")
    crop: tuple[Length, Length] | None = Field(None, description="(height, width) cut out of the centre")
    rescale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="factor on the pixels; None: 1/255 for uint8, 1/65535 for uint16, else 1"
    )
    mean: PerChannel | None = Field(None, description="subtracted after rescaling, one or one a channel")
    std: PerChannel | None = Field(None, description="divided by afterwards, one or one a channel")
    layout: ModelLayout | None = Field(None, description="the model's layout; None: worked out from its input")

    @model_validator(mode="after")
    def _can_divide(self) -> Preprocess:
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std must be above zero")
        return self

    @classmethod
    def from_file(cls, path: Path) -> Preprocess:
        """Read a Hugging Face `preprocessor_config.json`; other keys of the file are ignored.

        Raises:
            DataError: the file is missing or broken, or a value cannot be used; names the file and the key.
        """
        try:
            return cls.model_validate(read_preprocessor_config(path))
        except ValidationError as error:
            raise DataError(*explain_validation(f"'{path}'", error)) from error

    def merged(self, other: Preprocess) -> Preprocess:
        """Return this preprocessing with what `other` explicitly sets (and not to None) in its place."""
        return self.model_copy(
            update={name: getattr(other, name) for name in other.model_fields_set if getattr(other, name) is not None}
        )

    def factor(self, dtype: np.dtype[Any], info: TensorInfo | None = None) -> float:
        """Return the factor on pixels stored as `dtype`; the automatic one is 1 for a model that takes integers."""
        if self.rescale is not None:
            return self.rescale
        wants_integers = info is not None and _input_dtype(info).kind in "biu"
        highest = _highest(dtype)
        return 1.0 if highest is None or wants_integers else 1.0 / highest


def to_pixels(
    array: Array, layout: SampleLayout, preprocess: Preprocess, info: TensorInfo | None = None
) -> tuple[Image, tuple[float, float] | None]:
    """Bring a stored image into pixel space: resized, cropped and rescaled, but not normalised.

    Resizing is `skimage.transform.resize` on float64, without rounding in between, with edge pixels repeated; where an
    axis shrinks, a Gaussian filter goes first (not for `nearest`). Pillow, which Hugging Face uses, filters and rounds
    differently, so that single pixels differ a little from theirs.

    Args:
        array: one image in the order of `layout`, dtype as stored; it is not changed.
        layout: of the array.
        preprocess: what to do.
        info: the model's input; where it takes integers, pixels are not rescaled unless told to.

    Returns:
        The image, shape (height, width, channels), float64; and the lowest and highest value that a pixel can have,
        known for bool, uint8 and uint16, else None.

    Raises:
        DataError: the array has not the axes of the layout, or is smaller than the crop.
    """
    if array.ndim != len(layout):
        raise DataError(f"An image in {layout} has {len(layout)} axes, but this one has {array.ndim}.")
    image: Image = array.astype(np.float64)
    if layout == "HW":
        image = image[:, :, np.newaxis]
    elif layout == "CHW":
        image = np.moveaxis(image, 0, -1)
    if preprocess.resize is not None:
        image = _resize(image, _target(image.shape, preprocess.resize), _ORDER[preprocess.resample])
    if preprocess.crop is not None:
        image = _crop(image, preprocess.crop)
    factor = preprocess.factor(array.dtype, info)
    highest = _highest(array.dtype)
    # Divided for the automatic factor, so that the highest value becomes exactly 1.
    image = image / highest if highest is not None and factor == 1.0 / highest else image * factor
    value_range = None if highest is None else (0.0, 1.0 if factor == 1.0 / highest else highest * factor)
    return np.ascontiguousarray(image), value_range


def to_model(image: Image, preprocess: Preprocess, info: TensorInfo, layout: ModelLayout) -> Array:
    """Turn an image in pixel space into the model's input for one sample: `(x - mean) / std`, cast, axes reordered.

    Args:
        image: shape (height, width, channels), from `to_pixels`, transformed or not.
        preprocess: its mean and std are used.
        info: the model's input; for an integer input values are rounded and clipped to what it can hold.
        layout: of the model's input.

    Returns:
        The input without the batch axis: shape (channels, height, width) for NCHW, (height, width, channels) for NHWC.

    Raises:
        DataError: mean or std has neither one value nor one a channel, or the input's type cannot hold an image.
    """
    height, width, channels = image.shape
    shape = (channels, height, width) if layout == "NCHW" else image.shape
    given = np.empty(shape, _input_dtype(info))
    write_to_model(image[np.newaxis], preprocess, layout, given[np.newaxis])
    return given


def write_to_model(images: Image, preprocess: Preprocess, layout: ModelLayout, given: Array) -> None:
    """Do what `to_model` does to several images, into the rows of a batch.

    Args:
        images: shape (N, height, width, channels), in any order in memory; not changed.
        preprocess: its mean and std are used.
        layout: of the model's input.
        given: shape (N, channels, height, width) for NCHW, (N, height, width, channels) for NHWC, of the input's type:
            what is written.

    Raises:
        DataError: mean or std has neither one value nor one a channel.
    """
    planes = images.transpose(0, 3, 1, 2)
    wanted = given if layout == "NCHW" else given.transpose(0, 3, 1, 2)
    if preprocess.mean is not None or preprocess.std is not None:
        mean, std = (
            None if values is None else _per_channel(values, planes.shape[1], name).reshape(-1, 1, 1)
            for values, name in ((preprocess.mean, "mean"), (preprocess.std, "std"))
        )
        apart = np.empty(planes.shape)
        _copy_planes(planes, apart)
        planes = apart if mean is None else np.subtract(apart, mean, out=apart)
        planes = planes if std is None else np.divide(planes, std, out=planes)
    if given.dtype.kind == "b":
        wanted[...] = planes >= 0.5
    elif given.dtype.kind in "iu":
        limits = np.iinfo(given.dtype)
        wanted[...] = np.clip(np.rint(planes), limits.min, limits.max)
    else:
        _copy_planes(planes, wanted)


def _copy_planes(planes: Array, to: Array) -> None:
    """Copy (N, channels, height, width): numpy is slow where the fastest axis is one of three numbers."""
    for channel in range(planes.shape[1]):
        to[:, channel] = planes[:, channel]


def _highest(dtype: np.dtype[Any]) -> float | None:
    """Return the highest value of pixels of this type, None where the type does not tell."""
    return {"bool": 1.0, "uint8": 255.0, "uint16": 65535.0}.get(dtype.name)


def _input_dtype(info: TensorInfo) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(info.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "biuf":
        raise DataError(f"The input '{info.name}' of type {info.dtype} cannot take an image.")
    return dtype


def _target(shape: tuple[int, ...], resize: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(resize, tuple):
        return resize
    height, width = shape[:2]
    # Truncated, not rounded, as Hugging Face and torchvision do.
    return (resize, int(resize * width / height)) if height <= width else (int(resize * height / width), resize)


def _resize(image: Image, target: tuple[int, int], order: int) -> Image:
    if image.shape[:2] == target:
        return image
    if math.prod(target) > MOST_PIXELS:
        raise DataError(
            f"An image of {target[0]} by {target[1]} pixels, as it is to be resized to, is above the limit of "
            f"{MOST_PIXELS:,}.",
            "Resize to less.",
        )
    from skimage.transform import resize

    shrinks = target[0] < image.shape[0] or target[1] < image.shape[1]
    filtered = shrinks and order > 0
    resized: Image = resize(  # type: ignore[no-untyped-call]  # scikit-image has no types
        image, target, order=order, mode="edge", anti_aliasing=filtered, preserve_range=True
    )
    return resized


def _crop(image: Image, size: tuple[int, int]) -> Image:
    if image.shape[0] < size[0] or image.shape[1] < size[1]:
        raise DataError(
            f"An image of {image.shape[0]} by {image.shape[1]} is smaller than the crop of {size[0]} by {size[1]}.",
            f"Say --resize {size[0]},{size[1]}, or crop less.",
        )
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    return image[top : top + size[0], left : left + size[1]]


def _per_channel(values: tuple[float, ...], channels: int, name: str) -> npt.NDArray[np.float64]:
    if len(values) not in (1, channels):
        raise DataError(
            f"The {name} has {len(values)} values, but the image has {channels} channel{'s' * (channels != 1)}.",
            "Give one value, or one a channel.",
        )
    return np.asarray(values)
