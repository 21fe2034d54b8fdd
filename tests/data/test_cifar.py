"""Files of CIFAR's binary version as samples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.data import PRIMARY, open_source
from onnxinv.data.cifar import CifarSource
from onnxinv.errors import DataError, UsageError
from onnxinv.provenance import TensorInfo
from onnxinv.result import Result
from tests.data import opening
from tests.data.opening import all_of
from tests.networks import save_text
from tests.reports.command import analyze, assert_refused

INPUT = TensorInfo(name="image", dtype="float32", shape=["N", 3, 32, 32])
opened = partial(opening.opened, INPUT)
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)
FINE = [9, 0, 3, 3, 1]
TEN = "airplane automobile bird cat deer dog frog horse ship truck".split()


def cifar(*labels: list[int], pixels: np.ndarray = PIXELS) -> bytes:
    """Return records: the bytes of the labels, then all of red, of green and of blue, row by row."""
    return b"".join(bytes(record[:-1]) + record[-1].tobytes() for record in zip(*labels, pixels, strict=True))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["test_batch.bin", "data_batch_1.bin", "UPPER.BIN"])
def test_cifar_10_is_told_by_its_size(tmp_path, name):
    samples = open_source(str(write(tmp_path / name, cifar(FINE))), [INPUT])
    assert (samples.count, samples.label_names, samples.layout) == (5, (), "CHW")
    np.testing.assert_array_equal(samples.labels, np.array(FINE), strict=True)
    np.testing.assert_array_equal(all_of(samples), PIXELS, strict=True)


@pytest.mark.parametrize(("parameters", "labels"), [("", [99, 0, 3, 50, 1]), (":labels=coarse", [19, 0, 7, 7, 2])])
def test_cifar_100_is_told_by_its_size_and_has_labels_of_two_kinds(tmp_path, parameters, labels):
    path = write(tmp_path / "test.bin", cifar([19, 0, 7, 7, 2], [99, 0, 3, 50, 1]))
    samples = open_source(f"{path}{parameters}", [INPUT])
    assert samples.labels.tolist() == labels
    np.testing.assert_array_equal(all_of(samples), PIXELS, strict=True)


def test_a_sample_is_a_copy_that_may_be_changed(tmp_path):
    samples = open_source(str(write(tmp_path / "a.bin", cifar(FINE))), [INPUT])
    samples.read(0)[PRIMARY][:] = 1
    np.testing.assert_array_equal(samples.read(0)[PRIMARY], PIXELS[0])


def test_a_size_that_fits_both_variants_asks_which_one_it_is(tmp_path):
    path = write(tmp_path / "both.bin", bytes(3073 * 3074))
    with pytest.raises(DataError, match="may be CIFAR-10 or CIFAR-100") as caught:
        open_source(str(path), [INPUT])
    assert "variant=10 or variant=100" in caught.value.hint
    assert [open_source(f"{path}:variant={variant}", [INPUT]).count for variant in (10, 100)] == [3074, 3073]


@pytest.mark.parametrize(
    ("name", "parameters", "content", "expected"),
    [
        pytest.param("batches.meta.txt", "", "\n".join(TEN) + "\n\n", TEN, id="CIFAR-10, a blank line at the end"),
        pytest.param("batches.meta.txt", "", "\ufeff" + "\r\n".join(TEN) + "\r\n", TEN, id="Windows"),
        pytest.param("batches.meta.txt", "", "\n".join(TEN) + "\nwolf", [*TEN, "wolf"], id="a class without images"),
        pytest.param("batches.meta.txt", "", "\n \n", [], id="nothing but blanks"),
        pytest.param("fine_label_names.txt", "", "\n".join(TEN), [], id="names of the other data set"),
    ],
)  # fmt: skip
def test_classes_are_named_by_the_file_beside(tmp_path, name, parameters, content, expected):
    (tmp_path / name).write_bytes(content.encode())
    path = write(tmp_path / "test_batch.bin", cifar(FINE))
    assert open_source(f"{path}{parameters}", [INPUT]).label_names == tuple(expected)


def test_each_kind_of_labels_has_names_of_its_own(tmp_path):
    path = write(tmp_path / "train.bin", cifar([1, 0, 0, 0, 1], [2, 0, 0, 0, 1]))
    (tmp_path / "coarse_label_names.txt").write_text("fish\nflowers\n")
    (tmp_path / "fine_label_names.txt").write_text("carp\norchid\nrose\n")
    assert open_source(str(path), [INPUT]).label_names == ("carp", "orchid", "rose")
    assert open_source(f"{path}:labels=coarse", [INPUT]).label_names == ("fish", "flowers")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("\n".join(TEN[:9]).encode(), "Sample 0 of", id="one name too few"),
        pytest.param(b"airplane\n\nbird\n", "Line 2 of", id="a blank line between names"),
        pytest.param(b"airplane\xff\n" * 10, "not text in UTF-8", id="no text"),
        pytest.param(b"x\n" * 2**20, "larger than 1 MiB", id="too large"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, content, message):
    names = write(tmp_path / "batches.meta.txt", content)
    path = write(tmp_path / "test_batch.bin", cifar(FINE))
    with pytest.raises(DataError) as caught:
        open_source(str(path), [INPUT])
    assert message in caught.value.message
    assert str(names) in caught.value.message


@pytest.mark.parametrize(
    ("parameters", "content", "message"),
    [
        pytest.param("", b"", "is empty", id="an empty file"),
        pytest.param(":variant=100", b"", "is empty", id="an empty file, its variant stated"),
        pytest.param("", cifar(FINE)[:-1], "its 15364 bytes are whole records neither of CIFAR-10", id="cut"),
        pytest.param("", cifar(FINE) + b"1", "not a file of CIFAR, or is truncated", id="a byte more"),
        pytest.param(":variant=10", cifar(FINE)[:-1], "no whole records of 3073 bytes", id="cut, its variant stated"),
        pytest.param("", b"\x80\x02 a pickled model", "not a file of CIFAR", id="weights of another program"),
        pytest.param("", cifar([0, 1, 10, 2, 3]), "byte 0 of its record 2 is 10, and no label is above 9", id="label"),
        pytest.param("", cifar([0] * 5, [1, 100, 2, 3, 4]), "byte 1 of its record 1 is 100", id="fine label"),
        pytest.param("", cifar([0, 0, 0, 20, 0], [1] * 5), "byte 0 of its record 3 is 20", id="coarse label"),
        pytest.param(":labels=coarse", cifar([0] * 5, [200] * 5), "byte 1 of its record 0 is 200", id="other label"),
        pytest.param(":labels=coarse", cifar(FINE), "CIFAR-10 has no coarse labels", id="coarse labels of CIFAR-10"),
    ],
)  # fmt: skip
def test_what_is_not_of_cifar_is_refused(tmp_path, parameters, content, message):
    path = write(tmp_path / "data.bin", content)
    with pytest.raises(DataError) as caught:
        open_source(f"{path}{parameters}", [INPUT])
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_variant_that_the_size_contradicts_is_refused_with_the_one_that_fits(tmp_path):
    path = write(tmp_path / "data.bin", cifar(FINE, FINE))
    with pytest.raises(DataError, match="not a file of CIFAR-10") as caught:
        open_source(f"{path}:variant=10", [INPUT])
    assert "variant=100" in caught.value.hint
    with pytest.raises(UsageError, match="variant"):
        open_source(f"{path}:variant=1000", [INPUT])


def test_another_binary_file_is_refused_with_a_way_to_read_it(tmp_path):
    for content in (b"\x01\x02", b"\xff" * 3073):
        with pytest.raises(DataError, match="is not a file of CIFAR") as caught:
            open_source(str(write(tmp_path / "weights.bin", content)), [INPUT])
        assert "--data file.py:function" in caught.value.hint


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    write(tmp_path / "test_batch.bin", cifar(FINE))
    with pytest.raises(DataError, match="no such file or folder") as caught:
        CifarSource(path=tmp_path / "test_bach.bin").open([INPUT])
    assert "test_batch.bin" in caught.value.hint
    with pytest.raises(DataError, match="is not a file"):
        CifarSource(path=tmp_path).open([INPUT])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cifar")


@given(cut=st.integers(1, 2 * 3073 - 1))
def test_any_cut_within_a_record_is_refused(folder, cut):
    content = cifar(FINE[:2], pixels=PIXELS[:2])
    path = write(folder / "cut.bin", content[:-cut])
    if cut == 3073:
        assert open_source(str(path), [INPUT]).count == 1
    else:
        with pytest.raises(DataError, match=r"cut\.bin"):
            open_source(str(path), [INPUT])


@given(labels=st.lists(st.tuples(*[st.integers(0, 255)] * 2), min_size=1, max_size=4), names=st.binary(max_size=30))
def test_any_labels_and_names_are_refused_or_read_as_they_stand(folder, labels, names):
    (folder / "fine_label_names.txt").write_bytes(names)
    coarse, fine = zip(*labels, strict=True)
    path = write(folder / "any.bin", cifar(list(coarse), list(fine), pixels=PIXELS[: len(labels)]))
    found = opened(str(path))
    if isinstance(found, DataError):
        assert str(folder) in found.message
    else:
        assert max(coarse) < 20
        assert max(fine) < (len(found.label_names) or 100)
        assert found.labels.tolist() == list(fine)


@given(content=st.binary(max_size=100), variant=st.sampled_from(["", ":variant=10", ":variant=100"]))
def test_bytes_that_fill_no_record_are_refused(folder, content, variant):
    path = write(folder / "small.bin", content)
    with pytest.raises(DataError, match=r"small\.bin"):
        open_source(f"{path}{variant}", [INPUT])


@pytest.mark.parametrize(
    ("shape", "axes"), [pytest.param("3, 32, 32", "2, 3", id="NCHW"), pytest.param("32, 32, 3", "1, 2", id="NHWC")]
)
def test_an_analysis_of_cifar_is_that_of_the_same_images_elsewhere(capsys, tmp_path, shape, axes):
    text = f"""g (float[N, {shape}] x) => (float[N, 10] y) {{
        a = ReduceMax<axes = [{axes}], keepdims = 0>(x)  y = Gemm(a, w)
    }}"""
    weights = np.random.default_rng(1).normal(size=(3, 10)).astype(np.float32)
    model = save_text(tmp_path / "m.onnx", text, w=weights)
    data = write(tmp_path / "test_batch.bin", cifar([0, 0, 4, 4, 4]))
    (tmp_path / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    np.savez(tmp_path / "x.npz", x=PIXELS, y=[0, 0, 4, 4, 4])
    results = []
    for source in (data, f"{tmp_path / 'x.npz'}:layout=CHW"):
        options = ("--stratify", "--groups", 2, "-o", tmp_path / "out", "--overwrite", "-q")
        found = analyze(capsys, *options, model=model, data=source, transform="rotation:steps=3", samples=None)
        assert (found.status, found.err) == (0, "")
        results.append(Result.load(tmp_path / "out"))
    mine, other = results
    assert mine.meta.data.preprocessing == other.meta.data.preprocessing
    summary = next(iter(mine.layers[-1].measures.values()))
    assert list(summary.classes) == ["airplane", "deer"]
    for layer in mine.layers:
        for measure in layer.measures:
            np.testing.assert_array_equal(mine.values(measure, layer), other.values(measure, layer))


def test_the_command_line_refuses_another_binary_file(capsys, tmp_path):
    path = write(tmp_path / "weights.bin", b"1234")
    assert_refused(analyze(capsys, data=path), "is not a file of CIFAR", "--data file.py:function")
