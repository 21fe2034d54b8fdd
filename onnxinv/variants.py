"""Transformed samples that several models share: made once, in pixel space, as far as memory allows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Variants:
    """Keeps what transforms make of samples, for the next model that asks for the same.

    What does not fit is made again by each model: the same numbers, as random transforms draw by sample and transform.

    Attributes:
        limit: bytes that may be kept; none at first.
        made: how many were made.
    """

    def __init__(self) -> None:
        self.limit = 0
        self.made = 0
        self._size = 0
        self._kept: dict[tuple[object, ...], Array] = {}

    def get(self, sample: Array, *told: object, make: Callable[[], Array]) -> Array:
        """Return a variant, made now or for an earlier model.

        Args:
            sample: the untransformed sample; models that prepare samples differently get different variants.
            *told: what else the variant depends on, such as the place of the transform in the set.
            make: makes the variant.
        """
        key = _digest(sample), *told
        if key in self._kept:
            return self._kept[key]
        self.made += 1
        made = make()
        made.flags.writeable = False  # the next model gets it as it is
        if self._size + made.nbytes <= self.limit:
            self._size += made.nbytes
            self._kept[key] = made
        return made


def _digest(sample: Array) -> bytes:
    digest = hashlib.blake2b(f"{sample.dtype.str}:{sample.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(sample).data)
    return digest.digest()
