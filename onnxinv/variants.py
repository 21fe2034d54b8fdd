"""Transformed samples that several models share: made once, in pixel space, as far as memory allows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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
        return self.get_all([(content_digest(sample), *told)], lambda missing: [make()])[0]

    def get_all(
        self, keys: Sequence[tuple[object, ...]], make: Callable[[Sequence[int]], Sequence[Array]]
    ) -> list[Array]:
        """Return several variants, those together that no earlier model has left.

        Args:
            keys: `content_digest` of the untransformed sample, and what else the variant depends on.
            make: makes those at some places of `keys`, in that order; may hand out views of one array.
        """
        found = [self._kept.get(key) for key in keys]
        missing = [place for place, one in enumerate(found) if one is None]
        self.made += len(missing)
        for place, fresh in zip(missing, make(missing) if missing else (), strict=True):
            found[place] = self._keep(keys[place], fresh)
        return [one for one in found if one is not None]

    def _keep(self, key: tuple[object, ...], made: Array) -> Array:
        if key not in self._kept and self._size + made.nbytes <= self.limit:
            # A view would keep what it is a view of.
            made = made if made.base is None else made.copy(order="C")
            self._size += made.nbytes
            self._kept[key] = made
        made.flags.writeable = False  # the next model gets it as it is
        return made


def content_digest(sample: Array) -> bytes:
    """Return a digest of a sample's numbers, their type and their shape."""
    digest = hashlib.blake2b(f"{sample.dtype.str}:{sample.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(sample).data)
    return digest.digest()
