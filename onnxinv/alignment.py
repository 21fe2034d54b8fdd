"""Pairs of layers that correspond, and what may speak for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Mode = Literal["auto", "name", "scope", "sequence", "depth"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""Ways to find what corresponds."""

Method = Literal["map", "name", "scope", "sequence", "depth"]

GUESSES: frozenset[Method] = frozenset(("sequence", "depth"))
"""Methods that rest on no name."""


@dataclass(frozen=True)
class Evidence:
    """What the activations of both models on the same samples say.

    Attributes:
        cka: (layers of a, layers of b) linear CKA, nan where there is none.
        same: (layers of a, layers of b), whether the activations are the same up to the order of units.
        weights: (layers of a, layers of b), whether both operators have weights, and the same up to their order; None
            where weights are not known.
    """

    cka: npt.NDArray[np.float64]
    same: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Pair:
    """Two layers that correspond.

    Attributes:
        a: index of the first's layer.
        b: index of the second's.
        method: what the claim rests on.
        cost: how unlike the two look: 0 for equal operator, channels, extent, depth and label, 1 for different work.
        cka: linear CKA on the untransformed samples, None where activations were not at hand.
        proven: whether their activations are the same up to the order of units.
        sure: whether their operators have the same weights, or stand behind ones that have.
    """

    a: int
    b: int
    method: Method
    cost: float
    cka: float | None
    proven: bool
    sure: bool


@dataclass(frozen=True)
class Alignment:
    """The pairs in the order of the first model, and what corresponds to nothing."""

    pairs: tuple[Pair, ...]
    unmatched_a: tuple[int, ...]
    unmatched_b: tuple[int, ...]

    @property
    def guesses(self) -> tuple[Pair, ...]:
        """The pairs that rest on no map, on no name, and not on equal activations or weights."""
        return tuple(pair for pair in self.pairs if pair.method in GUESSES and not pair.proven and not pair.sure)
