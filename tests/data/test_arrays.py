"""NumPy files as samples."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from onnxinv.data import PRIMARY, open_source
from onnxinv.data.arrays import NpySource, NpzSource
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo

IMAGE = TensorInfo(name="image", dtype="float32", shape=["N", 1, 4, 4])
STATE = TensorInfo(name="state", dtype="float32", shape=["N", 2])


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def npz(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def raw_npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.arange(24, dtype=np.uint8).reshape(3, 2, 4), id="uint8"),
        pytest.param(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), id="float32"),
        pytest.param(np.arange(6, dtype=">i4").reshape(3, 2), id="big endian"),
        pytest.param(np.asfortranarray(np.arange(24.0).reshape(4, 2, 3)), id="Fortran order"),
        pytest.param(np.array([True, False]), id="booleans, one a sample"),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_an_array_comes_back_sample_by_sample(tmp_path, array, kind):
    path = tmp_path / f"data.{kind}"
    np.save(path, array) if kind == "npy" else np.savez_compressed(path, x=array)
    samples = open_source(str(path), [IMAGE])
    assert (samples.count, samples.labels, samples.layout) == (len(array), None, None)
    for index, expected in enumerate(array):
        sample = samples.read(index)
        assert list(sample) == [PRIMARY]
        np.testing.assert_array_equal(sample[PRIMARY], expected)
        assert sample[PRIMARY].dtype == array.dtype.newbyteorder("=")


def test_a_sample_is_a_copy_that_may_be_changed(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    samples = NpySource(path=tmp_path / "a.npy").open([IMAGE])
    samples.read(0)[PRIMARY][:] = 1
    np.testing.assert_array_equal(samples.read(0)[PRIMARY], 0)


def test_a_npy_file_larger_than_memory_can_be_opened(tmp_path):
    path = tmp_path / "sparse.npy"
    shape = (2**20, 2**20)
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        stream.truncate(stream.tell() + 2**40)
    assert NpySource(path=path).open([IMAGE]).read(2**19)[PRIMARY].shape == (2**20,)


@pytest.mark.parametrize("layout", ["HW", "HWC", "CHW"])
def test_the_stated_layout_is_handed_on(tmp_path, layout):
    path = npz(tmp_path / "a.npz", x=np.zeros((2, 3, 4)))
    assert open_source(f"{path}:layout={layout}", [IMAGE]).layout == layout


def test_an_unknown_layout_is_refused(tmp_path):
    path = npz(tmp_path / "a.npz", x=np.zeros((2, 3, 4)))
    with pytest.raises(UsageError, match="layout"):
        open_source(f"{path}:layout=NCHW", [IMAGE])


@pytest.mark.parametrize(
    ("inputs", "keys", "expected"),
    [
        pytest.param([IMAGE, STATE], ["image", "state"], {"image": "image", "state": "state"}, id="named like inputs"),
        pytest.param([IMAGE], ["image", "x"], {"image": "image"}, id="an input's name wins over x"),
        pytest.param([IMAGE], ["mask", "x"], {PRIMARY: "x"}, id="x among others"),
        pytest.param([IMAGE], ["pixels", "labels"], {PRIMARY: "pixels"}, id="the only array that is no label"),
        pytest.param([IMAGE, STATE], ["state", "x"], {PRIMARY: "x", "state": "state"}, id="x joins a second input"),
        pytest.param([], ["anything"], {PRIMARY: "anything"}, id="no inputs known"),
    ],
)
def test_which_arrays_are_inputs(tmp_path, inputs, keys, expected):
    path = npz(tmp_path / "a.npz", **{key: np.full(2, number) for number, key in enumerate(keys)})
    sample = NpzSource(path=path).open(inputs).read(1)
    assert {name: keys[int(array)] for name, array in sample.items()} == expected


def test_an_unrelated_array_is_not_even_loaded(tmp_path):
    path = npz(tmp_path / "a.npz", x=np.zeros((2, 3)), note=np.array(Bomb(tmp_path / "bomb"), dtype=object))
    assert NpzSource(path=path).open([IMAGE]).count == 2
    assert not (tmp_path / "bomb").exists()


@pytest.mark.parametrize(
    ("key", "labels", "expected", "names"),
    [
        pytest.param("y", np.array([2, 0, 2]), [2, 0, 2], (), id="integers called y"),
        pytest.param("labels", np.array([2, 0, 2], np.uint8), [2, 0, 2], (), id="bytes called labels"),
        pytest.param("y", np.array([1.0, 0.0, 3.0]), [1, 0, 3], (), id="floats that are whole"),
        pytest.param("y", np.array([[1], [0], [3]]), [1, 0, 3], (), id="a column, as Keras has it"),
        pytest.param("y", np.array(["dog", "ant", "dog"]), [1, 0, 1], ("ant", "dog"), id="strings"),
        pytest.param("y", np.array([b"b", b"a", b"b"]), [1, 0, 1], ("a", "b"), id="bytes strings"),
        pytest.param("y", np.array([True, False, True]), [1, 0, 1], (), id="booleans"),
    ],
)
def test_labels_become_integers(tmp_path, key, labels, expected, names):
    samples = NpzSource(path=npz(tmp_path / "a.npz", x=np.zeros((3, 2)), **{key: labels})).open([IMAGE])
    assert samples.labels.dtype == np.int64
    assert samples.labels.tolist() == expected
    assert samples.label_names == names


def test_an_input_called_y_is_an_input(tmp_path):
    info = TensorInfo(name="y", dtype="float32", shape=["N", 2])
    samples = NpzSource(path=npz(tmp_path / "a.npz", y=np.ones((3, 2)))).open([info])
    assert list(samples.read(0)) == ["y"]
    assert samples.labels is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        pytest.param({"a": np.zeros(2), "b": np.zeros(2)}, "it holds 'a', 'b', the model takes 'image'", id="no input"),
        pytest.param({"y": np.zeros(2)}, "it holds 'y'", id="labels only"),
        pytest.param({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "'x' has 3, 'y' has 2", id="fewer labels"),
        pytest.param({"x": np.zeros((0, 2))}, "holds no samples", id="zero samples"),
        pytest.param({"x": np.zeros((2, 0))}, "without any value", id="empty samples"),
        pytest.param({"x": np.float32(1)}, "is a single number", id="0-d"),
        pytest.param({"x": np.zeros(2, complex)}, "real numbers", id="complex"),
        pytest.param({"x": np.array(["a", "b"])}, "real numbers", id="strings"),
        pytest.param({"x": np.zeros(2, "datetime64[s]")}, "real numbers", id="dates"),
        pytest.param({"x": np.zeros(2), "y": np.zeros((2, 10))}, "argmax", id="one-hot labels"),
        pytest.param({"x": np.zeros(2), "y": np.array([0.5, 1])}, "not whole numbers", id="fractional labels"),
        pytest.param({"x": np.zeros(2), "y": np.array([np.nan, 1])}, "not whole numbers", id="NaN labels"),
        pytest.param({"x": np.zeros(2), "y": np.zeros(2, complex)}, "real numbers", id="complex labels"),
        pytest.param({"x": np.zeros(2), "y": np.zeros(2), "labels": np.zeros(2)}, "both 'y' and 'labels'", id="both"),
        pytest.param({}, "holds no arrays", id="empty archive"),
    ],
)
def test_a_npz_file_that_does_not_fit_is_refused(tmp_path, arrays, message):
    path = npz(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError) as caught:
        NpzSource(path=path).open([IMAGE])
    assert message in str(caught.value)
    assert str(path) in caught.value.message


def test_two_inputs_of_different_lengths_are_refused(tmp_path):
    path = npz(tmp_path / "a.npz", image=np.zeros((3, 1)), state=np.zeros((2, 1)))
    with pytest.raises(DataError, match="'image' has 3, 'state' has 2"):
        NpzSource(path=path).open([IMAGE, STATE])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "cannot be read", id="empty file"),
        pytest.param(b"GIF89a and more", "cannot be read", id="something else"),
        pytest.param(b"\x93NUMPY\x07\x00", "not supported", id="unknown version"),
        pytest.param(
            raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}", b"12"), "truncated", id="cut"
        ),
        pytest.param(
            raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10**9,)}"),
            "cannot be read",
            id="code in header",
        ),
        pytest.param(
            raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"), "truncated", id="a terabyte"
        ),
        pytest.param(
            raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "broken", id="negative length"
        ),
        pytest.param(raw_npy("(" * 5000), "cannot be read", id="deeply nested header"),
        pytest.param(raw_npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "never loaded", id="objects"),
        pytest.param(raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", b"8" * 8), "single", id="0-d"),
        pytest.param(raw_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2)}"), "no samples", id="empty"),
        pytest.param(
            raw_npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", b"a\0\0\0"), "real numbers", id="strings"
        ),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_broken_array_is_refused(tmp_path, content, message, kind):
    path = tmp_path / f"bad.{kind}"
    if kind == "npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
    with pytest.raises(DataError) as caught:
        open_source(str(path), [IMAGE])
    assert message in str(caught.value)
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="truncated"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"not a zip at all" * 10, id="not an archive"),
        pytest.param(lambda content: content[:200] + b"\xff" * 40 + content[240:], id="damaged inside"),
    ],
)
def test_a_broken_archive_is_refused(tmp_path, damage):
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).random((20, 10)))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"bad\.npz' cannot be read as a \.npz file, or is truncated"):
        NpzSource(path=path).open([IMAGE])


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_pickle_is_never_loaded(tmp_path, kind):
    path, trace = tmp_path / f"evil.{kind}", tmp_path / "trace"
    evil = np.array([Bomb(trace)], dtype=object)
    np.save(path, evil, allow_pickle=True) if kind == "npy" else np.savez(path, x=evil)
    with pytest.raises(DataError, match="pickled Python objects, which are never loaded"):
        open_source(str(path), [IMAGE])
    assert not trace.exists()
    np.load(path, allow_pickle=True)[... if kind == "npy" else "x"]
    assert trace.exists(), "the trap itself must work"


def test_a_bare_pickle_with_the_suffix_npy_is_never_loaded(tmp_path):
    import pickle

    (tmp_path / "evil.npy").write_bytes(pickle.dumps(Bomb(tmp_path / "trace")))
    with pytest.raises(DataError, match=r"evil\.npy"):
        open_source(str(tmp_path / "evil.npy"), [IMAGE])
    assert not (tmp_path / "trace").exists()


def test_an_array_that_unpacks_to_too_much_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((1000, 1100), np.uint8))
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"unpacks to 1\.0MiB, above the limit of 1\.0MiB") as caught:
        open_source(f"{path}:max_size=1MiB", [IMAGE])
    assert "max_size=" in caught.value.hint
    assert open_source(f"{path}:max_size=2MiB", [IMAGE]).count == 1000


def test_files_that_are_not_arrays_are_left_alone(tmp_path):
    path, buffer = tmp_path / "a.npz", io.BytesIO()
    np.save(buffer, np.ones(3))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("x.npy", buffer.getvalue())
    assert NpzSource(path=path).open([IMAGE]).count == 3


@pytest.mark.parametrize("source", [NpySource, NpzSource])
def test_a_missing_file_and_a_folder_are_refused(tmp_path, source):
    np.savez(tmp_path / "digits.npz", x=np.ones(3))
    with pytest.raises(DataError, match="no such file or folder") as caught:
        source(path=tmp_path / "digit.npz").open([IMAGE])
    assert "digits.npz" in caught.value.hint
    with pytest.raises(DataError, match="is not a file"):
        source(path=tmp_path).open([IMAGE])
