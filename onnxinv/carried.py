"""Tensors that one chunk of layers leaves to those after it, so that these need not compute them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx

from onnxinv.landing import Raw
from onnxinv.model.cut import carriable, sources
from onnxinv.model.layers import Layer
from onnxinv.plan import Plan
from onnxinv.schedule import BlockPlan


@dataclass(frozen=True)
class Link:
    """Where a chunk begins and ends.

    Attributes:
        given: layers of earlier chunks that it is computed from.
        left: its own layers that later chunks are computed from.
        inputs: inputs of the model that it needs all the same.
    """

    given: tuple[Layer, ...]
    left: tuple[Layer, ...]
    inputs: frozenset[str]

    def declared(self) -> dict[str, onnx.ValueInfoProto]:
        """Return what is given, as inputs of a model."""
        make, number = onnx.helper.make_tensor_value_info, onnx.helper.np_dtype_to_tensor_dtype
        return {each.name: make(each.name, number(np.dtype(each.dtype)), [None, *each.shape]) for each in self.given}


class Carried:
    """Holds what chunks leave to later ones, for all variants of a run.

    Args:
        plan: whose chunks they are.
    """

    def __init__(self, plan: Plan) -> None:
        self._columns = plan.columns
        order = [int(index) for group in plan.own_groups for part in plan.groups[group] for index in part]
        self._place = {index: place for place, index in enumerate(order)}
        self._arrays: dict[str, Raw] = {}
        self._links = _links(plan)

    @contextmanager
    def part(self, chunk: int) -> Iterator[CarriedPart]:
        """Make room for what a chunk leaves, and forget in the end what no chunk after it needs."""
        link = self._links[chunk]
        for layer in link.left:
            self._arrays[layer.name] = np.zeros((len(self._place) * self._columns, *layer.shape), layer.dtype)
        try:
            yield CarriedPart(self, link)
        finally:
            needed = {layer.name for each in self._links[chunk + 1 :] for layer in each.given}
            self._arrays = {name: array for name, array in self._arrays.items() if name in needed}

    def rows(self, name: str, block: BlockPlan) -> Raw:
        """Return (variants of the block, *shape) where its activations of a tensor are."""
        first = self._place[int(block.samples[0])] * self._columns
        last = first + (len(block.samples) - 1) * self._columns
        return self._arrays[name][first + block.columns.start : last + block.columns.stop]


@dataclass(frozen=True)
class CarriedPart:
    """What other chunks leave to one, and it to them.

    Attributes:
        carried: holds it.
        link: says what that is.
    """

    carried: Carried
    link: Link


def _links(plan: Plan) -> list[Link]:
    graph, chunks = plan.model.proto.graph, plan.layout.chunks
    known = {layer.name: layer for layer in carriable(plan.model.proto, list(chain(*chunks)))}
    inputs = {value.name for value in graph.input}
    links: list[Link] = []
    later: set[str] = set()
    for number in reversed(range(len(chunks))):
        own = {layer.name for layer in chunks[number]}
        before = known.keys() & {layer.name for layer in chain(*chunks[:number])}
        wanted = {subject.layer.name for subject in plan.subjects_of(number)} | (own & later)
        made_from = sources(graph, before)
        needed = frozenset[str]().union(*(made_from.get(name, {name}) for name in wanted))
        given, left = ([layer for name, layer in known.items() if name in some] for some in (needed, own & later))
        links.append(Link(tuple(given), tuple(left), needed & inputs))
        later |= needed
    return links[::-1]
