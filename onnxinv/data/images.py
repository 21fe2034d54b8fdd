"""Samples from a folder of images; the subfolders, where there are any, are the classes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from onnxinv.data import register
from onnxinv.data.files import require_folder
from onnxinv.data.source import PRIMARY, Array, Samples, Source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What makes a file an image, in lower case; other files of the folder are left alone."""

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The decoders that may run, whatever the file is called: some of Pillow's others start programs."""

_SIXTEEN_BIT_AS_I = ("PNG", "PPM")
"""Formats whose 16-bit pixels Pillow may hand out as 32-bit integers; in others, `I` means 32 bits."""

_PILLOW_LIMIT = 178_956_970
"""Above this many pixels Pillow itself refuses an image."""


@register("images")
class ImageFolder(Source):
    """A folder of images, read one at a time: BMP, JPEG, PNG, PNM, TIFF, WebP.

    With subfolders, each is a class (numbered by sorted name, its own subfolders belong to it) and all images must lie
    in one; without, there are no labels. Images are ordered by their path relative to the folder. Hidden files are
    ignored, a linked file is followed, a linked folder is not entered. The EXIF orientation is applied, transparent
    pixels are laid over `background`, and of a file that holds several images the first is taken. 16-bit gray
    stays 16-bit.
    """

    accepted: ClassVar[str] = "a folder of images"

    path: Path = Field(description="the folder")
    mode: Literal["auto", "gray", "rgb"] = Field(
        "auto", description="channels: gray (1), rgb (3), or auto: 1 where the file is gray, else 3"
    )
    background: Literal["black", "white"] = Field("black", description="what lies behind transparent pixels")
    max_pixels: int = Field(
        64_000_000, ge=1, le=_PILLOW_LIMIT, description="an image with more pixels is refused before it is decoded"
    )

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the path is a folder."""
        return path.is_dir()

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """List the images; they are decoded when read. See `Source.open`."""
        folder = require_folder(self.path)
        files = _list_images(folder)
        classes = [file.split("/")[0] if "/" in file else "" for file in files]
        names = tuple(sorted(set(classes)))
        if "" in names and len(names) > 1:
            raise DataError(
                f"The folder '{folder}' mixes images in subfolders ('{files[classes.index(names[1])]}') with loose "
                f"ones ('{files[classes.index('')]}'), so that their classes are not known.",
                "Move the loose images into a subfolder, or name one subfolder.",
            )

        def read(index: int) -> dict[str, Array]:
            return {PRIMARY: self._decode(folder / files[index])}

        if names == ("",):
            return Samples(str(folder), len(files), read, layout="HWC")
        labels = np.array([names.index(name) for name in classes], np.int64)
        return Samples(str(folder), len(files), read, labels, names, "HWC")

    def _decode(self, file: Path) -> Array:
        """Return the image, shape (height, width, channels), uint8 or uint16."""
        from PIL import Image, ImageOps

        try:
            with warnings.catch_warnings():
                # Pillow's size warning would come before our own, stricter check and says less.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image: Image.Image = Image.open(file, formats=_FORMATS)
            with image:
                if image.width * image.height > self.max_pixels:
                    raise DataError(
                        f"The image '{file}' has {image.width} x {image.height} pixels, above the limit of "
                        f"{self.max_pixels}.",
                        "Raise it with max_pixels=N if you trust the file.",
                    )
                if image.mode == "F" or (image.mode == "I" and image.format not in _SIXTEEN_BIT_AS_I):
                    raise DataError(
                        f"The image '{file}' has 32-bit pixels, whose range is not known.",
                        "Save it with 8 or 16 bits, or as .npy.",
                    )
                return self._to_array(ImageOps.exif_transpose(image))
        except DataError:
            raise
        except Exception as error:  # a decoder may raise anything at all on a damaged file
            raise DataError(f"The image '{file}' cannot be read, or is truncated: {error}.") from error

    def _to_array(self, image: Image.Image) -> Array:
        from PIL import Image

        if image.mode.startswith("I"):
            pixels = np.asarray(image).astype(np.uint16)[:, :, np.newaxis]
            return np.repeat(pixels, 3, axis=2) if self.mode == "rgb" else pixels
        gray = self.mode == "gray" or (self.mode == "auto" and image.mode in ("1", "L", "LA"))
        if image.has_transparency_data:
            behind = Image.new("RGBA", image.size, self.background)
            image = Image.alpha_composite(behind, image.convert("RGBA"))
        if image.mode not in ("1", "L"):
            image = image.convert("RGB")
        pixels = np.asarray(image.convert("L" if gray else "RGB"))
        return pixels[:, :, np.newaxis] if gray else pixels


def _list_images(folder: Path) -> list[str]:
    """Return the images' paths relative to the folder, with forward slashes, sorted."""
    found: list[str] = []
    links: list[Path] = []

    def fail(error: OSError) -> None:
        raise error

    try:
        for parent, subfolders, files in os.walk(folder, onerror=fail):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            links += [link for name in subfolders if (link := Path(parent, name)).is_symlink()]
            found += [
                Path(parent, name).relative_to(folder).as_posix()
                for name in files
                if not name.startswith(".") and name.lower().endswith(SUFFIXES)
            ]
    except OSError as error:
        raise DataError(f"The folder '{folder}' cannot be listed: {error}.") from error
    for link in links:
        if not link.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                f"'{link}' links to a folder outside of '{folder}' and is not followed.",
                "Remove the link, or replace it by the folder that it links to.",
            )
    if not found:
        raise DataError(f"The folder '{folder}' holds no images.", f"Looked for {', '.join(SUFFIXES)}.")
    return sorted(found)
