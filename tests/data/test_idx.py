"""MNIST's IDX files as samples."""

from __future__ import annotations

import gzip
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.data import PRIMARY, open_source
from onnxinv.data.idx import IdxSource
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo
from onnxinv.result import Result
from tests.data import opening
from tests.data.opening import all_of
from tests.networks import DIGITS
from tests.reports.command import analyze, assert_refused

INPUT = TensorInfo(name="image", dtype="float32", shape=["N", 1, 4, 5])
opened = partial(opening.opened, INPUT)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)
NAME = "t10k-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """Return the array in the IDX format: two zeros, type, number of dimensions, their lengths, the numbers."""
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, content: bytes) -> Path:
    """Write a file, compressed where its name says so."""
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        f"{NAME}.gz",
        "train-images.idx3-ubyte",
        "train-images.idx3-ubyte.gz",
        "T10K-IMAGES-IDX3-UBYTE",
        "a.idx3-ubyte",
    ],
)
def test_images_come_back_one_by_one(tmp_path, name):
    write(tmp_path / "x.gz" if name.endswith(".gz") else tmp_path / "x", idx(IMAGES)).rename(tmp_path / name)
    samples = open_source(str(tmp_path / name), [INPUT])
    assert (samples.count, samples.labels, samples.label_names, samples.layout) == (3, None, (), "HW")
    np.testing.assert_array_equal(all_of(samples), IMAGES, strict=True)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(0x08, np.uint8), (0x09, np.int8), (0x0B, np.int16), (0x0C, np.int32), (0x0D, np.float32), (0x0E, np.float64)],
)
def test_numbers_of_every_type_come_back_in_the_byte_order_of_the_machine(tmp_path, suffix, kind, dtype):
    array = np.array([[[1, 2], [100, 3]], [[-4, 5], [6, -127]]]).astype(dtype)
    path = write(tmp_path / f"a-idx3-ubyte{suffix}", idx(array, kind))
    np.testing.assert_array_equal(all_of(open_source(str(path), [INPUT])), array, strict=True)


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        pytest.param(np.arange(6, dtype=np.uint8).reshape(2, 3), None, id="vectors"),
        pytest.param(np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), None, id="colour, its layout left open"),
        pytest.param(np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), "HWC", id="colour, its layout stated"),
    ],
)
def test_other_numbers_of_dimensions_are_read(tmp_path, array, layout):
    path = write(tmp_path / f"a-images-idx{array.ndim}-ubyte", idx(array))
    samples = open_source(f"{path}:layout={layout}" if layout else str(path), [INPUT])
    assert samples.layout == layout
    np.testing.assert_array_equal(all_of(samples), array, strict=True)


def test_a_file_larger_than_memory_can_be_opened(tmp_path):
    path = tmp_path / NAME
    with path.open("wb") as stream:
        stream.write(struct.pack(">HBB3I", 0, 8, 3, 2**20, 2**10, 2**10))
        stream.truncate(stream.tell() + 2**40)
    assert IdxSource(path=path).open([INPUT]).read(2**19)[PRIMARY].shape == (2**10, 2**10)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (NAME, LABELS),
        (f"{NAME}.gz", f"{LABELS}.gz"),
        (f"{NAME}.gz", LABELS),
        (NAME, "t10k-labels.idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("images-idx3-ubyte", "labels-idx1-ubyte"),
        ("emnist-images-letters-images-idx3-ubyte", "emnist-images-letters-labels-idx1-ubyte"),
        ("T10K-IMAGES-IDX3-UBYTE", "T10K-LABELS-IDX1-UBYTE"),
        ("colour-images-idx4-ubyte", "colour-labels-idx1-ubyte"),
    ],
)
def test_labels_are_found_beside_the_images(tmp_path, images, labels):
    array = IMAGES[..., np.newaxis] if "idx4" in images else IMAGES
    write(tmp_path / images, idx(array))
    write(tmp_path / labels, idx(np.array([7, 0, 255], np.uint8)))
    found = open_source(str(tmp_path / images), [INPUT]).labels
    np.testing.assert_array_equal(found, np.array([7, 0, 255]), strict=True)


def test_labels_of_other_images_are_left_alone(tmp_path):
    write(tmp_path / NAME, idx(IMAGES))
    write(tmp_path / "train-labels-idx1-ubyte", idx(np.zeros(3, np.uint8)))
    (tmp_path / LABELS).mkdir()
    assert open_source(str(tmp_path / NAME), [INPUT]).labels is None


def test_the_labels_named_most_alike_are_taken(tmp_path):
    write(tmp_path / f"{NAME}.gz", idx(IMAGES))
    for number, name in enumerate(("t10k-labels.idx1-ubyte.gz", LABELS, f"{LABELS}.gz"), start=1):
        write(tmp_path / name, idx(np.full(3, number, np.uint8)))
        assert open_source(str(tmp_path / f"{NAME}.gz"), [INPUT]).labels.tolist() == [number] * 3


def test_labels_that_are_named_win_over_those_beside_the_images(tmp_path, monkeypatch):
    write(tmp_path / NAME, idx(IMAGES))
    write(tmp_path / LABELS, idx(np.zeros(3, np.uint8)))
    (tmp_path / "mine").mkdir()
    mine = write(tmp_path / "mine" / "own, labels", idx(np.array([500, 2, -1], np.int32), 0x0C))
    for named in (mine, "mine/own, labels"):
        assert open_source(f"{tmp_path / NAME}:labels={named}", [INPUT]).labels.tolist() == [500, 2, -1]
    assert open_source(f"idx:path={NAME},labels=mine/own, labels", [INPUT], folder=tmp_path).labels[0] == 500


def test_labels_named_as_seen_from_the_working_folder_are_refused_with_their_place(tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    write(tmp_path / "mnist" / NAME, idx(IMAGES))
    write(tmp_path / "mnist" / "own", idx(np.array([1, 2, 3], np.uint8)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="a relative path begins beside the images") as caught:
        open_source(f"mnist/{NAME}:labels=mnist/own", [INPUT])
    stated = caught.value.hint.removeprefix("Say ").removesuffix(".")
    assert open_source(f"mnist/{NAME}:{stated}", [INPUT]).labels.tolist() == [1, 2, 3]


WHOLE = idx(IMAGES)
DAMAGED = [
    pytest.param(b"", "is empty", id="an empty file"),
    pytest.param(WHOLE[:3], "ends within its header", id="cut in the magic number"),
    pytest.param(WHOLE[:15], "ends within its header", id="cut in the lengths"),
    pytest.param(WHOLE[:16], "ends before the array of shape (3, 4, 5)", id="cut after the header"),
    pytest.param(WHOLE[:-1], "ends before the array", id="one byte less"),
    pytest.param(WHOLE + b"\0", "goes on after the array", id="one byte more"),
    pytest.param(b"\x08\x03" + WHOLE[2:], "it begins with 08 03 08 03", id="no zeros in front"),
    pytest.param(b"\0\0\x0a\x03" + WHOLE[4:], "it begins with 00 00 0a 03", id="an unknown type"),
    pytest.param(b"\0\0\x08\xff" + bytes([0, 0, 0, 1]) * 255 + b"1", "it has 255 dimensions", id="255 dimensions"),
    pytest.param(struct.pack(">HBB5I", 0, 8, 5, 1, 1, 1, 1, 1) + b"1", "it has 5 dimensions", id="five dimensions"),
    pytest.param(struct.pack(">HBB", 0, 8, 0) + b"1", "is a single number", id="no dimension"),
    pytest.param(struct.pack(">HBB3I", 0, 8, 3, 0, 4, 5), "holds no samples", id="no images"),
    pytest.param(struct.pack(">HBB3I", 0, 8, 3, 4, 0, 5), "without any value", id="images without pixels"),
    pytest.param(struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3) + b"1", "ends before", id="more than anyone has"),
    pytest.param(struct.pack("<HBB3I", 0, 8, 3, 3, 4, 5) + b"1" * 60, "ends before", id="lengths in little endian"),
    pytest.param(idx(IMAGES[:, 0, 0]), "it holds labels, not images", id="labels"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), DAMAGED)
@pytest.mark.parametrize("name", [NAME, f"{NAME}.gz"])
def test_a_damaged_file_is_refused(tmp_path, content, message, name):
    path = write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        open_source(str(path), [INPUT])
    # What unpacks to nothing is no empty file, and says so in its own words.
    assert message in caught.value.message or (not content and "ends within its header" in caught.value.message)
    assert str(path) in caught.value.message


def damaged_packed(change) -> bytes:
    return change(gzip.compress(WHOLE, mtime=0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="an empty file"),
        pytest.param(WHOLE, "is not compressed with gzip, though its name ends in .gz", id="not compressed"),
        pytest.param(b"<!DOCTYPE html>", "is not compressed with gzip", id="a page that says it was not found"),
        pytest.param(damaged_packed(lambda content: content[:2]), "cannot be read", id="cut in its header"),
        pytest.param(damaged_packed(lambda content: content[:40]), "cannot be read", id="cut in the middle"),
        pytest.param(damaged_packed(lambda content: content[:-1]), "cannot be read", id="cut at the end"),
        pytest.param(
            damaged_packed(lambda content: content[:-8] + b"\0\0\0\0" + content[-4:]), "CRC check failed", id="checksum"
        ),
        pytest.param(damaged_packed(lambda content: content + b"more"), "cannot be read", id="followed by other bytes"),
        pytest.param(
            damaged_packed(lambda content: content + gzip.compress(b"more")), "goes on after", id="followed by more"
        ),
    ],
)
def test_a_damaged_compressed_file_is_refused(tmp_path, content, message):
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_source(str(path), [INPUT])
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_name_that_lies_about_compression_can_be_mended_as_the_hint_says(tmp_path):
    for name, content in ((f"{NAME}.gz", WHOLE), (NAME, gzip.compress(WHOLE))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="compressed with gzip") as caught:
            open_source(str(tmp_path / name), [INPUT])
        renamed = tmp_path / caught.value.hint.split("'")[1]
        (tmp_path / name).rename(renamed)
        assert open_source(str(renamed), [INPUT]).count == 3
        renamed.unlink()


def test_a_file_in_several_compressed_parts_is_read(tmp_path):
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(gzip.compress(WHOLE[:30]) + gzip.compress(WHOLE[30:]))
    np.testing.assert_array_equal(all_of(open_source(str(path), [INPUT])), IMAGES)


def test_what_unpacks_to_too_much_is_refused_and_taken_as_the_hint_says(tmp_path):
    path = write(tmp_path / f"{NAME}.gz", idx(np.zeros((1100, 32, 32), np.uint8)))
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"unpacks to 1\.1MiB, above the limit of 1\.0MiB") as caught:
        open_source(f"{path}:max_size=1MiB", [INPUT])
    stated = caught.value.hint.split()[3].rstrip(",")
    assert open_source(f"{path}:{stated}", [INPUT]).count == 1100


def test_a_promise_that_the_compressed_bytes_cannot_keep_is_refused_at_once(tmp_path):
    path = write(tmp_path / f"{NAME}.gz", struct.pack(">HBB3I", 0, 8, 3, 2**20, 2**10, 2**10) + bytes(1000))
    with pytest.raises(DataError, match="is truncated"):
        open_source(f"{path}:max_size=64TiB", [INPUT])


def test_the_limit_counts_for_the_labels_too(tmp_path):
    write(tmp_path / NAME, WHOLE)
    write(tmp_path / f"{LABELS}.gz", idx(np.zeros(2000, np.uint8)))
    with pytest.raises(DataError, match=r"labels-idx1-ubyte\.gz' unpacks to"):
        open_source(f"{tmp_path / NAME}:max_size=1000", [INPUT])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(idx(np.zeros(2, np.uint8)), "holds 3 images, and", id="fewer labels"),
        pytest.param(idx(np.zeros(4, np.uint8)), "4 labels", id="more labels"),
        pytest.param(WHOLE, "are not one per sample (their shape is (3, 4, 5))", id="images"),
        pytest.param(idx(np.array([0, 0.5, 1]), 0x0E), "are not whole numbers", id="fractions"),
        pytest.param(b"", "is empty", id="an empty file"),
        pytest.param(idx(np.zeros(3, np.uint8))[:-1], "is truncated", id="cut"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, content, message):
    write(tmp_path / NAME, WHOLE)
    write(tmp_path / LABELS, content)
    with pytest.raises(DataError) as caught:
        open_source(str(tmp_path / NAME), [INPUT])
    assert message in caught.value.message
    assert str(tmp_path / LABELS) in caught.value.message


def test_whoever_names_the_labels_learns_where_the_images_are(tmp_path):
    labels = write(tmp_path / f"{LABELS}.gz", idx(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match="holds labels") as caught:
        open_source(str(labels), [INPUT])
    assert caught.value.hint.startswith("Name the file of the images; ")
    images = write(tmp_path / "t10k-images.idx3-ubyte", WHOLE)
    with pytest.raises(DataError, match="holds labels") as caught:
        open_source(str(labels), [INPUT])
    assert str(images) in caught.value.hint


def test_missing_labels_and_a_folder_are_refused(tmp_path):
    write(tmp_path / NAME, WHOLE)
    write(tmp_path / LABELS, idx(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match="no such file or folder") as caught:
        open_source(f"{tmp_path / NAME}:labels=t10k-label-idx1-ubyte", [INPUT])
    assert LABELS in caught.value.hint
    with pytest.raises(DataError, match="is not a file"):
        open_source(f"{tmp_path / NAME}:labels=.", [INPUT])
    with pytest.raises(DataError, match="is not a file"):
        IdxSource(path=tmp_path).open([INPUT])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(length=st.integers(0, len(WHOLE) - 1), packed=st.booleans())
def test_any_cut_is_refused(folder, length, packed):
    path = write(folder / f"{NAME}{'.gz' if packed else ''}", WHOLE[:length])
    with pytest.raises(DataError, match=NAME):
        open_source(str(path), [INPUT])


@given(position=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_any_other_byte_is_refused_or_read_as_it_stands(folder, position, byte):
    content = bytearray(WHOLE)
    content[position] = byte
    path = write(folder / NAME, bytes(content))
    found = opened(str(path))
    if isinstance(found, DataError):
        assert position < 16
        assert str(path) in found.message
    else:
        assert all_of(found).tobytes() == content[16:]


PACKED = gzip.compress(WHOLE, mtime=0)


@given(changes=st.dictionaries(st.integers(0, len(PACKED) - 1), st.integers(0, 255), min_size=1, max_size=4))
def test_any_other_compressed_byte_is_refused_or_changes_nothing(folder, changes):
    content = bytearray(PACKED)
    for position, byte in changes.items():
        content[position] = byte
    path = folder / f"{NAME}.gz"
    path.write_bytes(content)
    found = opened(str(path))
    if isinstance(found, DataError):
        assert str(path) in found.message
    else:
        np.testing.assert_array_equal(all_of(found), IMAGES, strict=True)


@given(start=st.sampled_from([b"", b"\0\0", b"\0\0\x08\x03", b"\x1f\x8b\x08"]), rest=st.binary(max_size=80))
def test_any_bytes_are_refused_or_read(folder, start, rest):
    for name in (NAME, f"{NAME}.gz"):
        (folder / name).write_bytes(start + rest)
        found = opened(str(folder / name))
        if isinstance(found, DataError):
            assert str(folder / name) in found.message
        else:
            assert all_of(found).size


def test_an_analysis_of_idx_files_is_that_of_the_same_digits_elsewhere(capsys, tmp_path):
    with np.load(DIGITS) as digits:
        data = write(tmp_path / f"{NAME}.gz", idx(digits["x"]))
        write(tmp_path / LABELS, idx(digits["y"].astype(np.uint8)))
    results = []
    for name, source in (("idx", data), ("npz", DIGITS)):
        options = ("--samples", 24, "--stratify", "-o", tmp_path / name, "-q")
        found = analyze(capsys, *options, data=source, transform="rotation:steps=3", samples=None)
        assert (found.status, found.err) == (0, "")
        results.append(Result.load(tmp_path / name))
    mine, other = results
    assert [layer.name for layer in mine.layers] == [layer.name for layer in other.layers]
    assert mine.meta.data.preprocessing == other.meta.data.preprocessing
    for layer in mine.layers:
        assert layer.measures
        for measure in layer.measures:
            np.testing.assert_array_equal(mine.values(measure, layer), other.values(measure, layer))


def test_the_command_line_refuses_labels_in_place_of_images(capsys, tmp_path):
    path = write(tmp_path / LABELS, idx(np.zeros(3, np.uint8)))
    assert_refused(analyze(capsys, data=path), "it holds labels, not images", "Name the file of the images")
