"""Chunks that go on from each other take less memory, as little as any cut does, and never more than there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv import cutting
from onnxinv.cutting import cut
from onnxinv.memory import Layout, Sizes, Work, lay_out
from onnxinv.model.cut import INPUT
from tests.test_memory import layers, load, work

MIB = 1 << 20


def laid_out(units: list[int], sources: list[set[int]], variants: int, *, state: int = 80) -> tuple[Work, Layout]:
    """Return work whose layers are computed from these, and its layout in one chunk."""
    loads = [load(each, state) for each in layers(*units)]
    given = replace(work(loads, batch=16), sources=sources, variants=variants)
    return given, lay_out(given, 1 << 40)


def price(work: Work, layout: Layout, bounds: tuple[int, ...]) -> float:
    """Return what chunks between these bounds take, counted one by one."""
    sizes = Sizes.of(work, desks=1, batch=16, at_once=layout.at_once, joined=False)
    made = [each.layer.units * 4 * work.variants for each in work.loads]
    most = 0
    for begin, end in pairwise(bounds):
        held = [
            size
            for place, size in enumerate(made)
            if any(
                place < bound and any(place in made_from for made_from in work.sources[bound:])
                for bound in (begin, end)
            )
        ]
        most = max(most, sum(sizes.together(begin, end)) + sum(held))
    return most + sizes.passing + sizes.samples + cutting.WORTH * (len(bounds) - 1)


@st.composite
def networks(draw):
    """Layers, each computed from one or more of those before it, or from the inputs."""
    units = draw(st.lists(st.integers(1, 300_000), min_size=1, max_size=7))
    sources: list[set[int]] = []
    for place in range(len(units)):
        some = draw(st.sets(st.integers(0, place - 1), min_size=1, max_size=3)) if place else {INPUT}
        sources.append({INPUT} if draw(st.integers(0, 9)) == 0 else some)
    return units, sources


@given(networks(), st.integers(1, 400), st.integers(16, 3000))
def test_no_cut_into_chunks_is_better(network, variants, state):
    units, sources = network
    given, whole = laid_out(units, sources, variants, state=state)
    found = cut(given, whole)
    earliest = max(place for place, made_from in enumerate(sources) if INPUT in made_from) + 1
    inner = range(earliest, len(units))
    every = [(0, *some, len(units)) for count in range(len(inner) + 1) for some in combinations(inner, count)]
    best = min(price(given, whole, bounds) for bounds in every)
    assert found.memory.peak + cutting.WORTH * len(found.chunks) == best
    assert list(chain(*found.chunks)) == [load.layer for load in given.loads]
    assert found.carries == (len(found.chunks) > 1)
    assert (found.uncut, found.passes) == (whole if found.carries else None, 1)


LINE = [{INPUT}, *({place} for place in range(7))]


def test_narrow_places_are_where_it_is_cut():
    given, whole = laid_out([4_000_000, 10, 4_000_000, 10, 4_000_000, 10], LINE[:6], 100)
    assert [len(chunk) for chunk in cut(given, whole).chunks] == [2, 2, 2]


def test_what_is_passed_on_may_be_too_much_to_be_worth_it():
    given, whole = laid_out([4_000_000] * 3, LINE[:3], 10_000)
    assert cut(given, whole) == whole


def test_it_makes_one_pass_of_several_where_memory_is_short():
    units = [400_000, 10, 400_000, 10, 400_000, 10, 400_000]
    given, whole = laid_out(units, LINE[:7], 100)
    short = lay_out(given, whole.memory.peak // 2)
    assert short.passes > 1
    found = cut(given, short)
    assert (found.passes, found.memory.budget) == (1, short.memory.budget)
    assert found.memory.peak <= short.memory.budget
    # Not where what is passed on does not fit besides.
    assert cut(replace(given, variants=10**8), short) == short


def test_more_chunks_are_made_where_fewer_do_not_fit(monkeypatch):
    units = [400_000, 10, 400_000, 10, 400_000, 10, 400_000]
    given, whole = laid_out(units, LINE[:7], 100)
    monkeypatch.setattr(cutting, "WORTH", 1 << 40)
    short = lay_out(given, whole.memory.peak * 2 // 5)
    found = cut(given, short)
    assert found.passes == 1 < len(found.chunks)
    assert found.memory.peak <= short.memory.budget


@pytest.mark.parametrize("sources", [None, [{INPUT}] * 3], ids=["not allowed", "all from the inputs"])
def test_it_is_not_cut_where_nothing_can_go_on(sources):
    given, whole = laid_out([4_000_000] * 3, sources, 1)
    assert cut(given, whole) == whole
