"""The ways to pair layers, one after another: what is paired by one is left alone by the next."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from onnxinv.alignment import Alignment, Evidence, Method, Pair
from onnxinv.edit_distance import pair_up
from onnxinv.outline import BAND, Outline, depths, unlikeness

_DEAREST = 0.35
"""Cost above which a guess claims nothing; as much as a factor of two in channels and of four in extent."""

_LEAST_CKA = 0.5
_BEATEN_BY = 0.1
"""A guess is dropped where its similarity is below the first, or another layer of its kind is this much more alike.

Numbers that change places are no names where the order of the models is, on average, this much more alike.
"""


_WEIGHTLESS = frozenset(("activation", "pooling", "softmax", "arithmetic", "resizing"))
"""Kinds of work that take no weights."""


@dataclass(frozen=True)
class _Family:
    """Layers of equal names, whose names are like each other but for numbers.

    Attributes:
        pairs: of layers with the same name.
        complete: whether neither model has more layers of such names.
        single: whether there is one, with no number in its name.
        lettered: whether their names hold a letter.
    """

    pairs: tuple[tuple[int, int], ...]
    complete: bool
    single: bool
    lettered: bool


class Matcher:
    """The pairs found so far."""

    def __init__(self, a: tuple[Outline, ...], b: tuple[Outline, ...], evidence: Evidence | None) -> None:
        self.a, self.b, self.evidence = a, b, evidence
        self.found: dict[int, tuple[int, Method]] = {}
        self.taken: set[int] = set()
        self.sure: set[int] = set()
        self.costs = unlikeness(a, b)

    def add_all(self, pairs: Iterable[tuple[int, int]], method: Method) -> None:
        """Add pairs, but for those of layers that have a partner."""
        for one, other in pairs:
            if one not in self.found and other not in self.taken:
                self.found[one] = other, method
                self.taken.add(other)

    def add_equal(self, equal: npt.NDArray[np.bool_], *, across: bool = False) -> None:
        """Pair layers that are equal, and equal to nothing else that is left.

        Args:
            equal: (layers of a, layers of b).
            across: whether they may be of classes that do different work, as where one exporter has folded a
                normalisation into a convolution; inputs pair with inputs only.
        """
        allowed = equal & (_no_input(self.a)[:, None] & _no_input(self.b) if across else np.isfinite(self.costs))
        allowed[list(self.found)] = False
        allowed[:, list(self.taken)] = False
        alone = allowed & (allowed.sum(0) == 1) & (allowed.sum(1) == 1)[:, None]
        for one, other in np.argwhere(alone):
            self.add_all([(int(one), int(other))], self._method(int(one), int(other)))

    def add_followers(self, weights: npt.NDArray[np.bool_]) -> None:
        """Pair what comes behind operators of the same weights, as long as it looks alike and has none of its own."""
        starts = sorted((one, other) for one, (other, _) in self.found.items() if weights[one, other])
        self.sure = {one for one, _ in starts}
        for start in starts:
            for one, other in zip(range(start[0] + 1, len(self.a)), range(start[1] + 1, len(self.b)), strict=False):
                if one in self.found or other in self.taken or not self._twins(one, other):
                    break
                self.add_all([(one, other)], self._method(one, other))
                self.sure.add(one)

    def add_named(self, method: Literal["name", "scope"], *, in_kind: bool = False) -> None:
        """Pair layers by name or label, as far as numbers in them mean the same in both models.

        With `in_kind`, a label that several layers share names the one of them that does its kind of work.
        """
        for family in self._families(method, in_kind=in_kind):
            counted = not self._shuffled(family) and not self._misnumbered(family)
            if not family.lettered:  # numbers that an exporter has given to all tensors
                counted = counted and all(self._alike(*pair) for pair in family.pairs)
            if family.complete and (family.single or counted):
                self.add_all((pair for pair in family.pairs if self._believable(pair)), method)

    def add_sequence(self) -> None:
        """Pair the rest in order, between the pairs there are."""
        costs = self.costs.copy()
        named, labelled = self._equal("name"), self._equal("scope")
        costs[self._apart() > BAND] = np.inf
        costs[(costs > _DEAREST) & ~named & ~labelled] = np.inf
        drawn = costs - 0.05 * named - 0.05 * labelled
        if self.evidence is not None:
            known = np.isfinite(self.evidence.cka)
            drawn[known] += 0.5 - self.evidence.cka[known].clip(0, 1)
            drawn[self.evidence.same] -= 0.5
        for rows, columns in self._segments():
            for row, column in pair_up(drawn[np.ix_(rows, columns)]):
                pair = rows[row], columns[column]
                if self._believable(pair) and self._confirmed(*pair):
                    self.add_all([pair], "sequence")

    def add_depth(self) -> None:
        """Pair layers of one class by relative depth, in order."""
        apart = self._apart()
        costs = np.where(np.isfinite(self.costs) & (apart <= BAND), apart, np.inf)
        for rows, columns in self._segments():
            pairs = [(rows[row], columns[column]) for row, column in pair_up(costs[np.ix_(rows, columns)])]
            self.add_all(pairs, "depth")

    def alignment(self) -> Alignment:
        """Return what was found."""
        pairs = []
        for one, (other, method) in sorted(self.found.items()):
            cka = None if self.evidence is None else float(self.evidence.cka[one, other])
            cost = min(1.0, float(self.costs[one, other]))  # a map may pair what does different work
            known = None if cka is None or not np.isfinite(cka) else cka
            proven = self.evidence is not None and bool(self.evidence.same[one, other])
            pairs.append(Pair(one, other, method, cost, known, proven, one in self.sure))
        left_a = tuple(place for place in range(len(self.a)) if place not in self.found)
        left_b = tuple(place for place in range(len(self.b)) if place not in self.taken)
        return Alignment(tuple(pairs), left_a, left_b)

    def _method(self, one: int, other: int) -> Method:
        if self.a[one].name == self.b[other].name:
            return "name"
        return "scope" if self.a[one].scope == self.b[other].scope else "sequence"

    def _families(self, method: Literal["name", "scope"], *, in_kind: bool = False) -> Iterator[_Family]:
        texts_a, texts_b = (_texts(layers, method, in_kind=in_kind) for layers in (self.a, self.b))
        where = {text: place for place, text in enumerate(texts_b) if text}
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, text in enumerate(texts_a):
            if text in where:
                found[_numberless(text)].append((place, where[text]))
        members_a, members_b = (Counter(map(_numberless, filter(None, texts))) for texts in (texts_a, texts_b))
        for name, pairs in found.items():
            complete = len(pairs) == members_a[name] == members_b[name]
            single = len(pairs) == 1 and texts_a[pairs[0][0]] == name
            yield _Family(tuple(pairs), complete, single, lettered=any(map(str.isalpha, name)))

    def _equal(self, method: Literal["name", "scope"]) -> npt.NDArray[np.bool_]:
        """Return which layers have equal names, but for counted ones that are known to stand in another order."""
        equal = _equal(*([getattr(each, method) for each in side] for side in (self.a, self.b)))
        for family in self._families(method):
            channels = [(self.a[one].channels, self.b[other].channels) for one, other in family.pairs]
            first, second = zip(*channels, strict=True)
            if (first != second and sorted(first) == sorted(second)) or self._misnumbered(family):
                equal[tuple(np.transpose(family.pairs))] = False
        return equal

    def _misnumbered(self, family: _Family) -> bool:
        """Whether layers whose numbers change places are more alike in the order of the models than by number."""
        first, second = np.transpose(family.pairs)
        ordered = np.sort(second)
        moved = second != ordered
        if self.evidence is None or not moved.any():
            return False
        if not np.isfinite(self.costs[first, ordered]).all():
            return False
        gain = self.evidence.cka[first, ordered][moved] - self.evidence.cka[first, second][moved]
        return bool(gain.mean() > _BEATEN_BY)

    def _twins(self, one: int, other: int) -> bool:
        """Whether two layers are of one operator that has no weights, and of one shape."""
        return self.a[one].kind in _WEIGHTLESS and self._alike(one, other)

    def _alike(self, one: int, other: int) -> bool:
        """Whether two layers are of one operator and one shape."""
        first, second = self.a[one], self.b[other]
        return (first.op, first.channels, first.units) == (second.op, second.channels, second.units)

    def _apart(self) -> npt.NDArray[np.float64]:
        return np.asarray(np.abs(depths(len(self.a))[:, None] - depths(len(self.b))))

    def _shuffled(self, family: _Family) -> bool:
        """Whether layers of equal names have the same channels in another order: their numbers mean something else."""
        channels = [(self.a[one].channels, self.b[other].channels) for one, other in family.pairs]
        first, second = zip(*channels, strict=True)
        return first != second and sorted(first) == sorted(second)

    def _believable(self, pair: tuple[int, int]) -> bool:
        """Whether the two do the same kind of work, and neither computes what another layer does."""
        if not np.isfinite(self.costs[pair]):
            return False
        if self.evidence is None or self.evidence.same[pair]:
            return True
        return not (self.evidence.same[pair[0]].any() or self.evidence.same[:, pair[1]].any())

    def _confirmed(self, one: int, other: int) -> bool:
        if self.evidence is None:
            return True
        value = self.evidence.cka[one, other]
        if not np.isfinite(value):
            return True
        rivals_a = [place for place in range(len(self.a)) if self.a[place].kind == self.a[one].kind]
        rivals_b = [place for place in range(len(self.b)) if self.b[place].kind == self.b[other].kind]
        best = max(np.nanmax(self.evidence.cka[one, rivals_b]), np.nanmax(self.evidence.cka[rivals_a, other]))
        return bool(value >= _LEAST_CKA and value >= best - _BEATEN_BY)

    def _segments(self) -> Iterator[tuple[list[int], list[int]]]:
        """Yield the layers without partner between each two neighbours of the longest chain of uncrossed pairs."""
        chain = _longest_chain([(one, other) for one, (other, _) in sorted(self.found.items())])
        bounds = [(-1, -1), *chain, (len(self.a), len(self.b))]
        for (low_a, low_b), (high_a, high_b) in pairwise(bounds):
            rows = [place for place in range(low_a + 1, high_a) if place not in self.found]
            columns = [place for place in range(low_b + 1, high_b) if place not in self.taken]
            if rows and columns:
                yield rows, columns


def _texts(layers: Sequence[Outline], method: Literal["name", "scope"], *, in_kind: bool) -> list[str]:
    """Return names or labels by layer, empty where two layers of the model share one; see `Matcher.add_named`."""
    texts = [each.name for each in layers] if method == "name" else [each.scope for each in layers]
    if in_kind:
        texts = [f"{text}/{each.kind}" if text else "" for text, each in zip(texts, layers, strict=True)]
    counts = Counter(texts)
    return [text if counts[text] == 1 else "" for text in texts]


def _no_input(layers: Sequence[Outline]) -> npt.NDArray[np.bool_]:
    return np.array([each.kind != "input" for each in layers], bool)


def _numberless(text: str) -> str:
    """Return a name without its numbers: conv2d, whose number is none, counts with conv2d_1 and conv2d_2."""
    return re.sub(r"\d+", "#", re.sub(r"_\d+", "", text))


def _equal(one: Sequence[str], other: Sequence[str]) -> npt.NDArray[np.bool_]:
    numbers = {text: place for place, text in enumerate(dict.fromkeys((*one, *other)))}
    first, second = (np.array([numbers[text] for text in texts], int) for texts in (one, other))
    return np.asarray(first[:, None] == second)


def _longest_chain(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest run of pairs whose second places ascend, of pairs in the order of their first places."""
    tails: list[int] = []  # place in `pairs` of the last pair of the best chain of each length
    before: list[int | None] = []
    for place, (_, other) in enumerate(pairs):
        length = bisect_left([pairs[tail][1] for tail in tails], other)
        before.append(tails[length - 1] if length else None)
        tails[length : length + 1] = [place]
    chain: list[tuple[int, int]] = []
    last = tails[-1] if tails else None
    while last is not None:
        chain.append(pairs[last])
        last = before[last]
    return chain[::-1]
