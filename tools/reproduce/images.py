"""Labelled images, and how they are split into those to train on and those held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Images:
    """Images and their classes.

    Attributes:
        x: uint8, (count, height, width, colours).
        y: int64, (count,).
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]

    def of(self, rows: NDArray[np.intp]) -> Images:
        """Return some of the images."""
        return Images(self.x[rows], self.y[rows])


@dataclass(frozen=True)
class Dataset:
    """A dataset as the experiments use it.

    Attributes:
        name: short, for figures and file names.
        what: what it is and where it comes from, one sentence.
        train: to train on.
        test: held out, in shuffled order.
    """

    name: str
    what: str
    train: Images
    test: Images


def split(images: Images, held_out: int, seed: int = 0) -> tuple[Images, Images]:
    """Split images into those to train on and `held_out` ones of each class, both shuffled."""
    random = np.random.default_rng(seed)
    by_class = [random.permutation(np.flatnonzero(images.y == label)) for label in np.unique(images.y)]
    test = random.permutation(np.concatenate([rows[:held_out] for rows in by_class]))
    train = random.permutation(np.concatenate([rows[held_out:] for rows in by_class]))
    return images.of(train), images.of(test)
