"""Folders of images as samples."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnxinv.data import PRIMARY, open_source
from onnxinv.data.images import ImageFolder
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo

INPUT = TensorInfo(name="image", dtype="float32", shape=["N", 3, 4, 5])
GRADIENT = np.arange(60, dtype=np.uint8).reshape(4, 5, 3) * 4


def save(path: Path, array=GRADIENT, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def only_image(folder: Path, **parameters) -> np.ndarray:
    samples = ImageFolder(path=folder, **parameters).open([INPUT])
    assert samples.count == 1
    return samples.read(0)[PRIMARY]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tif", ".tiff", ".PNG"])
def test_a_lossless_image_round_trips(tmp_path, suffix):
    save(tmp_path / f"a{suffix}")
    image = only_image(tmp_path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, GRADIENT)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_a_lossy_image_comes_close(tmp_path, suffix):
    save(tmp_path / f"a{suffix}", np.full((8, 8, 3), 100, np.uint8), quality=95)
    image = only_image(tmp_path)
    assert image.shape == (8, 8, 3)
    np.testing.assert_allclose(image, 100, atol=3)


def test_classes_are_the_sorted_subfolders_and_images_are_in_order_of_their_paths(tmp_path):
    for value, name in enumerate(["dog/b.png", "ant/z.png", "dog/B.png", "dog/a/deep.png", "ant/10.png", "ant/9.png"]):
        save(tmp_path / name, np.full((2, 2), value, np.uint8))
    samples = open_source(str(tmp_path), [INPUT])
    assert [int(samples.read(i)[PRIMARY][0, 0, 0]) for i in range(6)] == [4, 5, 1, 2, 3, 0]
    assert samples.label_names == ("ant", "dog")
    assert samples.labels.dtype == np.int64
    assert samples.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert samples.layout == "HWC"


def test_a_flat_folder_has_no_labels(tmp_path):
    save(tmp_path / "a.png")
    samples = open_source(str(tmp_path), [INPUT])
    assert samples.labels is None
    assert samples.label_names == ()


def test_images_of_different_sizes_are_read(tmp_path):
    save(tmp_path / "a.png", np.zeros((2, 3), np.uint8))
    save(tmp_path / "b.png", np.zeros((5, 4, 3), np.uint8))
    samples = ImageFolder(path=tmp_path).open([INPUT])
    assert [samples.read(i)[PRIMARY].shape for i in range(2)] == [(2, 3, 1), (5, 4, 3)]


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".cache" / "b.png")
    (tmp_path / "notes.txt").write_text("hello")
    assert ImageFolder(path=tmp_path).open([INPUT]).count == 1


def test_a_folder_whose_own_name_is_hidden_or_strange_is_read(tmp_path):
    folder = tmp_path / ".früh: jahr=1, ü"
    save(folder / "ä b.png")
    assert open_source(str(folder), [INPUT]).count == 1
    assert open_source(f"{folder}:mode=gray", [INPUT]).read(0)[PRIMARY].shape == (4, 5, 1)
    assert open_source(f"images:path={folder},mode=gray", [INPUT]).read(0)[PRIMARY].shape == (4, 5, 1)


GRAY = np.array([[0, 100], [200, 255]], np.uint8)
GRAY16 = np.array([[0, 1000], [40000, 65535]], np.uint16)


@pytest.mark.parametrize(
    ("image", "suffix", "mode", "expected"),
    [
        pytest.param(Image.fromarray(GRAY), ".png", "auto", GRAY[..., None], id="gray stays gray"),
        pytest.param(Image.fromarray(GRAY), ".png", "rgb", np.dstack([GRAY] * 3), id="gray -> rgb"),
        pytest.param(
            Image.fromarray(GRAY > 150), ".png", "auto", np.array([[0, 0], [255, 255]])[..., None], id="1 bit -> 0, 255"
        ),
        pytest.param(Image.fromarray(GRAY16), ".png", "auto", GRAY16[..., None], id="16-bit PNG"),
        pytest.param(Image.fromarray(GRAY16), ".tif", "gray", GRAY16[..., None], id="16-bit TIFF"),
        pytest.param(Image.fromarray(GRAY16), ".pgm", "auto", GRAY16[..., None], id="16-bit PGM"),
        pytest.param(Image.fromarray(GRAY16), ".png", "rgb", np.dstack([GRAY16] * 3), id="16-bit -> rgb"),
        pytest.param(
            Image.fromarray(np.dstack([GRAY] * 3)).quantize(4), ".png", "auto", np.dstack([GRAY] * 3), id="palette"
        ),
        pytest.param(
            Image.new("CMYK", (2, 2), (0, 255, 255, 0)), ".tif", "auto", np.full((2, 2, 3), [255, 0, 0]), id="CMYK"
        ),
        pytest.param(Image.new("RGB", (2, 2), (255, 0, 0)), ".png", "gray", np.full((2, 2, 1), 76), id="rgb -> luma"),
        pytest.param(
            Image.new("RGBA", (2, 2), (200, 100, 50, 255)),
            ".png",
            "auto",
            np.full((2, 2, 3), [200, 100, 50]),
            id="opaque",
        ),
        pytest.param(
            Image.new("RGBA", (2, 2), (200, 100, 50, 0)), ".png", "auto", np.zeros((2, 2, 3)), id="transparent -> black"
        ),
        pytest.param(Image.new("LA", (2, 2), (200, 128)), ".png", "auto", np.full((2, 2, 1), 100), id="half gray"),
    ],
)
def test_what_becomes_of_a_mode(tmp_path, image, suffix, mode, expected):
    image.save(tmp_path / f"a{suffix}")
    result = only_image(tmp_path, mode=mode)
    assert result.dtype == (np.uint16 if expected.dtype == np.uint16 else np.uint8)
    np.testing.assert_array_equal(result, expected)


def test_transparent_pixels_can_be_laid_over_white(tmp_path):
    Image.new("RGBA", (2, 2), (200, 100, 50, 0)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only_image(tmp_path, background="white"), 255)


def test_a_transparent_palette_colour_is_laid_over_the_background(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(only_image(tmp_path), [[[0, 0, 0], [0, 255, 0]]])


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        pytest.param(1, lambda a: a, id="upright"),
        pytest.param(2, np.fliplr, id="mirrored"),
        pytest.param(3, lambda a: np.rot90(a, 2), id="upside down"),
        pytest.param(6, lambda a: np.rot90(a, -1), id="to be turned clockwise"),
        pytest.param(8, lambda a: np.rot90(a, 1), id="to be turned counter-clockwise"),
    ],
)
@pytest.mark.parametrize("array", [pytest.param(GRADIENT, id="rgb"), pytest.param(GRAY16, id="16-bit")])
def test_the_exif_orientation_is_applied(tmp_path, orientation, expected, array):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "a.png", array, exif=exif)
    upright = array if array.ndim == 3 else array[..., None]
    np.testing.assert_array_equal(only_image(tmp_path), expected(upright))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".ppm"])
@pytest.mark.parametrize("keep", [0, 6, 0.5, 0.9])
def test_a_truncated_image_is_refused_when_read(tmp_path, suffix, keep):
    path = save(tmp_path / f"cut{suffix}", np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    samples = ImageFolder(path=tmp_path).open([INPUT])
    with pytest.raises(DataError, match="cannot be read, or is truncated") as caught:
        samples.read(0)
    assert str(path) in caught.value.message


def test_something_else_called_png_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(DataError, match=r"a\.png"):
        only_image(tmp_path)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_known_range_are_refused(tmp_path, mode):
    Image.new(mode, (2, 2), 7).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif' has 32-bit pixels"):
        only_image(tmp_path)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param((10_000, 7_000), id="above our limit"),
        pytest.param((10_000, 10_000), id="where Pillow warns"),
        pytest.param((60_000, 60_000), id="where Pillow refuses"),
    ],
)
def test_a_decompression_bomb_is_refused_without_a_warning(tmp_path, size, recwarn):
    (tmp_path / "bomb.png").write_bytes(png_header(*size))
    with pytest.raises(DataError, match="pixels") as caught:
        only_image(tmp_path)
    assert "bomb.png" in caught.value.message
    assert not recwarn.list


def test_the_limit_on_pixels_can_be_moved(tmp_path):
    save(tmp_path / "a.png")
    assert only_image(tmp_path, max_pixels=20).shape == (4, 5, 3)
    with pytest.raises(DataError, match="5 x 4 pixels, above the limit of 19") as caught:
        only_image(tmp_path, max_pixels=19)
    assert "max_pixels=N" in caught.value.hint
    with pytest.raises(UsageError, match="max_pixels"):
        open_source(f"{tmp_path}:max_pixels=1000000000000", [INPUT])


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="holds no images") as caught:
        open_source(str(tmp_path), [INPUT])
    assert str(tmp_path) in caught.value.message
    assert ".png" in caught.value.hint


def test_loose_images_beside_subfolders_are_refused(tmp_path):
    save(tmp_path / "loose.png")
    save(tmp_path / "dog" / "a.png")
    with pytest.raises(
        DataError, match=r"mixes images in subfolders \('dog/a\.png'\) with loose ones \('loose\.png'\)"
    ):
        open_source(str(tmp_path), [INPUT])


def test_a_folder_linked_from_outside_is_refused(tmp_path):
    save(tmp_path / "elsewhere" / "a.png")
    save(tmp_path / "data" / "dog" / "b.png")
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"cat' links to a folder outside"):
        open_source(str(tmp_path / "data"), [INPUT])


def test_a_link_back_into_the_folder_is_not_entered_and_a_linked_file_is_read(tmp_path):
    folder = tmp_path / "data"
    save(folder / "dog" / "b.png")
    save(tmp_path / "other.png")
    (folder / "dog" / "loop").symlink_to(folder)
    (folder / "dog" / "c.png").symlink_to(tmp_path / "other.png")
    samples = open_source(str(folder), [INPUT])
    assert samples.count == 2
    assert samples.read(1)[PRIMARY].shape == (4, 5, 3)


def test_the_folder_itself_may_be_a_link(tmp_path):
    save(tmp_path / "data" / "dog" / "b.png")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert open_source(str(tmp_path / "link"), [INPUT]).count == 1


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path, monkeypatch):
    save(tmp_path / "dog" / "b.png")

    def refuse(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"cannot be listed: .*Permission denied"):
        open_source(str(tmp_path), [INPUT])


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match="no such file or folder"):
        ImageFolder(path=tmp_path / "nothing").open([INPUT])
    with pytest.raises(DataError, match="is not a folder"):
        ImageFolder(path=tmp_path / "a.png").open([INPUT])


def test_an_image_removed_after_listing_is_named(tmp_path):
    path = save(tmp_path / "a.png")
    samples = open_source(str(tmp_path), [INPUT])
    path.unlink()
    with pytest.raises(DataError, match=r"a\.png"):
        samples.read(0)
