"""Arrays whose headers lie are refused before anything is allocated, unpickled or waited for on their word."""

from __future__ import annotations

import io
import lzma
import os
import struct
import zipfile

import numpy as np
import pytest

from onnxinv.stored_arrays import BROKEN, open_archive, read_array, read_header, read_member


def content(told: str, body: bytes = b"\1\2\3\4") -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(told)) + told.encode() + body


def header(shape: str = "(4,)", kind: str = "'|u1'", order: str = "False") -> str:
    return f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def read(stored: bytes) -> np.ndarray:
    return read_array(io.BytesIO(stored), len(stored))


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=">f4").reshape(2, 3), np.asfortranarray(np.eye(3)), np.array(["a", "bc"]), np.int8(3)]
)
def test_an_array_is_read_as_numpy_wrote_it(array):
    stream = io.BytesIO()
    np.save(stream, array)
    found = read(stream.getvalue())
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(header("(-4,)"), id="a negative length"),
        pytest.param(header("(4.0,)"), id="a length that is no whole number"),
        pytest.param(header("(True,)"), id="a truth for a length"),
        pytest.param(header("('a',)"), id="a word for a length"),
        pytest.param(header("(4"), id="a shape that does not end"),
        pytest.param(header(kind="'no'"), id="no type"),
        pytest.param(header(order="2"), id="no order"),
        pytest.param("(" * 5000, id="nested deeply"),
        pytest.param("-" * 9000 + "1", id="a long sum"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_broken_header_is_a_value_error(told):
    with pytest.raises(ValueError, match=r"broken|[Hh]eader"):
        read(content(told))


@pytest.mark.parametrize("shape", ["(5,)", "(9223372036854775807,)", "(4294967296, 4294967296)", f"({'9' * 400},)"])
def test_a_header_that_promises_more_than_there_is_is_refused_before_anything_is_allocated(shape):
    with pytest.raises(ValueError, match=r"truncated|broken"):
        read(content(header(shape)))


@pytest.mark.parametrize("shape", ["(18446744073709551616,)", "(4294967296, 4294967296, 0)"])
def test_lengths_that_no_array_has_are_refused_also_where_they_take_no_bytes(shape):
    with pytest.raises(ValueError, match="broken"):
        read(content(header(shape, "'|V0'")))


@pytest.mark.parametrize("kind", ["'|O'", "'float32, object'", "[('a', '<f4'), ('b', '|O')]"])
def test_pickles_are_never_loaded(kind):
    with pytest.raises(ValueError, match="pickled"):
        read(content(header("(1,)", kind)))


def test_the_end_of_the_array_is_told():
    found = read_header(io.BytesIO(content(header("(2, 2)"))))
    assert (found.shape, found.end - found.start) == ((2, 2), 4)


def test_a_damaged_member_is_broken_however_it_is_packed(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.arange(1000))
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{packing}.npz"
        with zipfile.ZipFile(path, "w", packing) as archive:
            archive.writestr("x.npy", stream.getvalue())
        stored = bytearray(path.read_bytes())
        stored[50:60] = bytes(10)
        path.write_bytes(stored)
        with pytest.raises(BROKEN), open_archive(path) as archive:
            read_member(archive, "x.npy")
    assert lzma.LZMAError in BROKEN


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.npz")
    with pytest.raises(OSError, match="no file"):
        open_archive(tmp_path / "x.npz")


@pytest.mark.parametrize("order", ["<", ">"])
def test_texts_of_characters_that_there_are_not_are_refused(order):
    with pytest.raises(ValueError, match="characters that there are not"):
        read(content(header("(1,)", f"'{order}U2'"), b"\x41\0\0\x41" * 2))
