"""The layout covers all layers, once and in order, within the budget, or is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv import memory
from onnxinv.errors import UsageError
from onnxinv.memory import KEPT_UNITS, Layout, Load, Work, lay_out
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer

MIB = 1 << 20


def layers(*units: int) -> list[Layer]:
    """Return layers of so many units, as float32."""
    return [
        Layer(index, f"t{index}", f"layer{index}", "Conv", (count, 1), 0, BatchAxis(), "float32")
        for index, count in enumerate(units)
    ]


def plan(
    found: list[Layer],
    budget: int | None,
    *,
    groups: int = 10,
    batch: int | None = None,
    state: int = 80,
    desks: int = 1,
) -> Layout:
    return lay_out(work([load(each, state) for each in found], groups=groups, batch=batch, desks=desks), budget)


def work(loads: list[Load], *, groups: int = 10, batch: int | None = None, desks: int = 1, threads: int = 1) -> Work:
    return Work(
        loads,
        groups=groups,
        columns=16,
        batch=batch,
        variant_bytes=1000,
        operator_bytes=0,
        passing_bytes=0,
        largest_bytes=0,
        threads=threads,
        desks=desks,
    )


def load(layer: Layer, state: int, buffers: int = 0) -> Load:
    """Return the load of a layer whose units take so many bytes of state each."""
    whole, some = layer.units * state, min(layer.units, KEPT_UNITS) * state
    return Load(layer, group=whole, kept=some, full=whole, open=2 * whole, finishing=some, buffers=buffers)


def plan_or_none(found: list[Layer], budget: int, **options: Any) -> Layout | None:
    try:
        return plan(found, budget, **options)
    except UsageError:
        return None


UNITS = st.lists(st.integers(1, 200_000), min_size=1, max_size=30)


@given(
    UNITS,
    st.integers(MIB, 1 << 34),
    st.integers(2, 20),
    st.one_of(st.none(), st.integers(1, 300)),
    st.integers(16, 8000),
)
def test_every_layer_is_in_one_chunk_in_order_and_the_estimate_within_the_budget(units, budget, groups, batch, state):
    found = layers(*units)
    layout = plan_or_none(found, budget, groups=groups, batch=batch, state=state)
    if layout is None:
        return
    assert list(chain(*layout.chunks)) == found
    assert all(layout.chunks)
    assert layout.memory.peak <= layout.memory.budget == budget
    assert layout.batch == (batch or layout.batch) >= 1
    assert layout.kept_units == (KEPT_UNITS if max(units) > KEPT_UNITS else None)


@given(UNITS, st.integers(1, 300), st.integers(1, 4))
def test_a_budget_just_as_large_as_the_estimate_is_enough(units, batch, desks):
    found = layers(*units)
    plenty = plan(found, 1 << 40, batch=batch, desks=desks)
    layout = plan(found, plenty.memory.peak, batch=batch, desks=desks)
    assert (layout.desks, layout.chunks) == (plenty.desks, (tuple(found),))
    less = plan_or_none(found, plenty.memory.peak - 1, batch=batch, desks=desks)
    assert less is None or less.desks < desks or len(less.chunks) > 1


def test_the_groups_keep_a_subset_of_the_units_of_large_layers():
    layout = plan(layers(100_000, 100_000), 100 * MIB, batch=1)
    assert (layout.kept_units, len(layout.chunks)) == (KEPT_UNITS, 1)
    assert layout.memory.state == 2 * (3 * 100_000 + 10 * KEPT_UNITS) * 80


def test_every_desk_has_an_open_group():
    layout = plan(layers(100_000), 100 * MIB, batch=1, desks=3)
    assert layout.desks == 3
    assert layout.memory.state == ((1 + 3 * 2) * 100_000 + 10 * KEPT_UNITS) * 80


def test_there_are_no_more_desks_than_groups():
    assert plan(layers(10), 1 << 30, groups=3, desks=8).desks == 3


def test_fewer_desks_are_better_than_more_chunks():
    found = layers(100_000, 100_000, 100_000)
    needed = plan(found, 1 << 40, batch=1, desks=1).memory.peak
    layout = plan(found, needed, batch=1, desks=4)
    assert (len(layout.chunks), layout.desks) == (1, 1)


def test_layers_are_cut_into_chunks_where_not_even_subsets_fit():
    layout = plan(layers(100_000, 100_000, 1000), 40 * MIB, batch=1)
    assert [[each.index for each in chunk] for chunk in layout.chunks] == [[0], [1, 2]]


def test_a_layer_that_does_not_fit_alone_is_an_error_that_names_it_and_tells_both_sizes():
    with pytest.raises(
        UsageError, match=r"'layer1' alone needs about \d+ MiB, and the budget is 1 MiB\. Raise --memory"
    ):
        plan(layers(10, 100_000), MIB)


@given(st.integers(20 * MIB, 1 << 34))
def test_a_batch_of_its_own_choice_leaves_most_of_the_budget_to_the_statistics(budget):
    memory = plan(layers(1000, 5000), budget).memory
    assert memory.activations + memory.samples <= budget // 2


def test_a_batch_that_is_given_is_kept():
    assert plan(layers(100_000), 1 << 33, batch=256).batch == 256


def test_half_of_the_machine_is_taken_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr(memory, "_physical_memory", lambda: 6 << 30)
    assert plan(layers(10), None).memory.budget == 3 << 30


def test_a_system_that_does_not_tell_its_memory_is_taken_to_have_some(monkeypatch):
    def sysconf(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", sysconf)
    assert plan(layers(10), None).memory.budget == 4 << 30


def test_a_run_of_the_model_makes_tensors_that_stay_in_the_caches():
    found = work([load(each, 80) for each in layers(1_000_000, 500)])
    large = lay_out(replace(found, largest_bytes=2_000_000), 1 << 40)
    assert (large.at_once, large.batch) == (2, 64)
    assert lay_out(replace(found, largest_bytes=10_000_000), 1 << 40).at_once == 1
    as_asked = lay_out(replace(found, largest_bytes=2_000_000, batch=20), 1 << 40)
    assert (as_asked.at_once, as_asked.batch) == (20, 20)
    whole = lay_out(found, 1 << 40)
    assert whole.at_once == whole.batch
