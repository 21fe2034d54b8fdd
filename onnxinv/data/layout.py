"""In which order the axes of images stand, in the data and in the model, and whether the two fit."""

from __future__ import annotations

from typing import Literal

from onnxinv.data.source import SampleLayout
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

ModelLayout = Literal["NCHW", "NHWC"]
"""Axes of a model's image input: batch, channels, height, width."""

_CHANNEL_COUNTS = (1, 3, 4)
_CHANNEL_NAMES = ("c", "ch", "channel", "channels", "num_channels", "n_channels", "in_channels")


def model_layout(info: TensorInfo, stated: ModelLayout | None = None) -> ModelLayout:
    """Return the layout of a model's image input.

    Where it is not stated, the one axis of the second and the last that has 1, 3 or 4 elements (or is free and called
    `channels` or the like) is the channel axis.

    Args:
        info: the input; an image input has four axes.
        stated: what the user said, which wins.

    Raises:
        DataError: the input has not four axes, or both or neither of the two axes look like channels.
    """
    if len(info.shape) != 4:
        raise DataError(f"The input '{info.name}' is not an image: it has {len(info.shape)} axes, not 4.")
    if stated is not None:
        return stated
    first, last = (_looks_like_channels(info.shape[axis]) for axis in (1, 3))
    if first == last:
        reason = "both its second and its last axis" if first else "neither its second nor its last axis"
        raise DataError(
            f"The layout of the input '{info.name}' {_shown(info.shape)} is not clear: {reason} could be channels.",
            "Say --layout NCHW or --layout NHWC.",
        )
    return "NCHW" if first else "NHWC"


def image_shape_of(info: TensorInfo, layout: ModelLayout) -> tuple[int | None, int | None, int | None]:
    """Return height, width and channels that an image input wants, each None where it is free."""
    by_axis = dict(zip(layout, info.shape, strict=True))
    height, width, channels = (length if isinstance(length := by_axis[axis], int) else None for axis in "HWC")
    return height, width, channels


def sample_layout(
    shape: tuple[int, ...],
    info: TensorInfo,
    layout: ModelLayout,
    stated: SampleLayout | None = None,
    *,
    source: str = "FILE",
) -> SampleLayout:
    """Return the layout of one image as it is stored.

    Two axes are HW. Of three, the layout is the one whose channels agree with the model's; where both do, the one
    whose height and width agree too; where both do even then, that of the model. Where the channels of neither agree,
    the one axis that has 1, 3 or 4 elements is the channel axis.

    Args:
        shape: of one sample, without the batch axis.
        info: the model's image input.
        layout: its layout.
        stated: what the user or the source said, which wins.
        source: the data as given to `--data`, for messages.

    Raises:
        DataError: the sample has not as many axes as stated, is not an image, or its layout is not clear.
    """
    if stated is not None:
        if len(stated) != len(shape):
            raise DataError(f"A sample of '{source}' has {len(shape)} axes {_shown(shape)}, but layout={stated}.")
        return stated
    if len(shape) == 2:
        return "HW"
    if len(shape) != 3:
        raise DataError(f"A sample of '{source}' is not an image: it has {len(shape)} axes {_shown(shape)}.")
    wanted = image_shape_of(info, layout)
    candidates: dict[SampleLayout, tuple[int, int, int]] = {
        "HWC": (shape[0], shape[1], shape[2]),
        "CHW": (shape[1], shape[2], shape[0]),
    }
    agreeing: list[SampleLayout] = [name for name, given in candidates.items() if wanted[2] == given[2]]
    if len(agreeing) != 1:
        agreeing = agreeing or [name for name, given in candidates.items() if given[2] in _CHANNEL_COUNTS]
        if len(agreeing) == 2:
            agreeing = [name for name in agreeing if _fits(candidates[name], wanted)]
    if len(agreeing) == 1:
        return agreeing[0]
    if len(agreeing) == 2:
        return "CHW" if layout == "NCHW" else "HWC"
    raise DataError(
        f"The layout of a sample of '{source}' {_shown(shape)} is not clear, for the input '{info.name}' "
        f"{_shown(info.shape)} in {layout}.",
        f"Say --data {source}:layout=HWC or layout=CHW.",
    )


def check_image(image_shape: tuple[int, ...], info: TensorInfo, layout: ModelLayout, *, source: str = "FILE") -> None:
    """Check that an image is one that the model takes; free dimensions take anything.

    Args:
        image_shape: (height, width, channels) after preprocessing.
        info: the model's image input.
        layout: its layout.
        source: the data as given to `--data`, for messages.

    Raises:
        DataError: the number of channels or the size is another.
    """
    height, width, channels = image_shape_of(info, layout)
    if channels is not None and image_shape[2] != channels:
        mode = {1: "gray", 3: "rgb"}.get(channels)
        hint = f"For a folder of images say --data FOLDER:mode={mode}." if mode else ""
        raise DataError(
            f"An image of '{source}' has {_count(image_shape[2], 'channel')}, but the input '{info.name}' "
            f"{_shown(info.shape)} takes {channels}.",
            hint,
        )
    if not _fits((image_shape[0], image_shape[1], image_shape[2]), (height, width, channels)):
        wanted = (height or image_shape[0], width or image_shape[1])
        raise DataError(
            f"An image of '{source}' is {image_shape[0]} high and {image_shape[1]} wide, but the input '{info.name}' "
            f"takes {wanted[0]} by {wanted[1]}.",
            f"Say --resize {wanted[0]},{wanted[1]}.",
        )


def _looks_like_channels(length: int | str | None) -> bool:
    return length in _CHANNEL_COUNTS or (isinstance(length, str) and length.lower() in _CHANNEL_NAMES)


def _fits(given: tuple[int, int, int], wanted: tuple[int | None, int | None, int | None]) -> bool:
    """Whether height and width are the wanted ones, where those are fixed."""
    return all(want in (None, have) for have, want in zip(given[:2], wanted[:2], strict=True))


def _shown(shape: tuple[int, ...] | list[int | str | None]) -> str:
    return "(" + ", ".join("?" if length is None else str(length) for length in shape) + ")"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
