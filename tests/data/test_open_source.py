"""How `--data` is understood, and what every registered source owes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from onnxinv.data import PRIMARY, Source, open_source, sources
from onnxinv.errors import DataError, OnnxinvError, UsageError
from onnxinv.provenance import TensorInfo

INPUTS = [TensorInfo(name="image", dtype="float32", shape=["N", 2])]


@pytest.mark.parametrize(
    "name",
    [
        "digits.npz",
        "with space.npz",
        "with:colon.npz",
        "layout=HW.npz",
        "odd:layout=HW.npz",
        "comma,a=b.npz",
        ".hidden.npz",
        ".npz",
        "zahl-größe-数.npz",
        " spaces around .npz",
        "UPPER.NPZ",
        "code.py:function.npz",
    ],
)
def test_a_path_of_any_name_is_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open(name, "wb") as stream:
        np.savez(stream, x=np.ones((3, 2)))
    assert open_source(name, INPUTS).count == 3
    assert open_source(str(tmp_path / name), INPUTS).count == 3
    assert open_source(f"{name}:layout=HW", INPUTS).layout == "HW"


@pytest.mark.parametrize("name", ["a.npz", "with:colon.npz", "odd:layout=HW.npz", "com,ma.npz", " blank .npz"])
def test_a_path_may_be_a_parameter(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open(name, "wb") as stream:
        np.savez(stream, x=np.ones((3, 2)))
    samples = open_source(f"npz:path={name},layout=HW", INPUTS)
    assert (samples.count, samples.layout) == (3, "HW")
    assert samples.source == f"npz:path={name},layout=HW"


def test_an_existing_path_wins_over_a_registered_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        open_source("random", INPUTS)


def test_a_registered_name_with_a_path_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "npz").mkdir()
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)))
    assert open_source("npz:path=a.npz", INPUTS).count == 3


def test_relative_paths_start_at_the_given_folder(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)))
    (tmp_path / "mine.py").write_text("def f(): return [[1, 2]]")
    assert open_source("a.npz", INPUTS, folder=tmp_path).count == 3
    assert open_source("npz:path=a.npz", INPUTS, folder=tmp_path).count == 3
    assert open_source("mine.py:f", INPUTS, folder=tmp_path).count == 1
    assert open_source(str(tmp_path / "a.npz"), INPUTS, folder=tmp_path / "else").count == 3


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("digit.npz", "'digits.npz'", id="a neighbour"),
        pytest.param("digit.npz:layout=HW", "'digits.npz'", id="a neighbour, with parameters"),
        pytest.param("rndom:n=64", "'random'", id="a registered name"),
        pytest.param("nothing-like-it/a.npz", "", id="a folder that is not there"),
        pytest.param("a\0b", "", id="no path at all"),
        pytest.param("a" * 5000, "", id="too long a path"),
    ],
)
def test_what_is_not_there_is_named_with_a_close_name(tmp_path, monkeypatch, text, hint):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "digits.npz", x=np.ones((3, 2)))
    with pytest.raises(DataError, match="There is no such file or folder") as caught:
        open_source(text, INPUTS)
    assert hint in caught.value.hint


def test_a_file_of_no_accepted_kind_is_refused_with_those_accepted(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"a\.csv") as caught:
        open_source(str(tmp_path / "a.csv"), INPUTS)
    for accepted in ("*.npy", "*.npz", "*-idx3-ubyte[.gz]", "CIFAR's *.bin", "a folder of images", "file.py:function"):
        assert accepted in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="nothing"),
        pytest.param("  ", "is empty", id="blanks"),
        pytest.param("npz", "lacks the parameter 'path'", id="no path"),
        pytest.param("random:n=1,n=2", "'n' is given twice", id="twice"),
        pytest.param("random:n=1,x", "n: ", id="not a parameter"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text, message):
    with pytest.raises(UsageError) as caught:
        open_source(text, INPUTS)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", sources.names())
def test_every_source_is_documented(name):
    entry = sources.get(name)
    assert issubclass(entry, Source)
    assert entry.__doc__ != Source.__doc__
    assert len(entry.__doc__ or "") > 40
    for key, field in entry.model_fields.items():
        assert field.description, f"{name}: {key}"
    assert entry.accepted or "path" not in entry.model_fields
    assert "required" in sources.describe(name) or "default" in sources.describe(name)


@pytest.mark.parametrize("name", [name for name in sources.names() if "path" in sources.get(name).model_fields])
def test_every_source_names_the_file_that_it_cannot_read(tmp_path, name):
    for path in (tmp_path / "missing", tmp_path / "broken", tmp_path):
        if path.name == "broken":
            path.write_bytes(b"\x00\x01 broken")
        with pytest.raises(OnnxinvError) as caught:
            open_source(f"{name}:path={path}", INPUTS).read(0)
        assert str(path) in caught.value.message


def test_every_source_is_found_by_itself():
    assert {"npy", "npz", "idx", "cifar", "images", "random", "python"} <= set(sources.names())


def test_samples_are_the_same_at_every_reading(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((4, 2)))
    first, second = (open_source(str(tmp_path / "a.npz"), INPUTS) for _ in range(2))
    for index in (3, 0, 2, 1):
        np.testing.assert_array_equal(first.read(index)[PRIMARY], second.read(index)[PRIMARY])


def test_listing_the_sources_loads_no_heavy_library():
    code = "import sys; from onnxinv.data import sources; sources.names(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "onnxinv.data.images" in loaded
    assert not {"PIL", "skimage", "scipy", "onnxruntime", "onnx", "matplotlib"} & set(loaded)
