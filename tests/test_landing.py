"""Outputs that are written into the same arrays run after run are those of plain runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from onnxinv import api
from onnxinv.demo import digits, model
from onnxinv.errors import MemoryExhaustedError
from onnxinv.landing import Landing
from onnxinv.model.axes import BatchAxis
from onnxinv.model.rewrite import expose
from onnxinv.runtime import Session, choose_device


class Spied:
    """A session that notes how many variants each of its runs has."""

    on_cpu = True

    def __init__(self, session: Session, ran: list[int]) -> None:
        self._session, self._ran = session, ran

    def run_into(self, feed, outputs, arrays):
        self._ran.append(len(next(iter(feed.values()))))
        self._session.run_into(feed, outputs, arrays)


@pytest.fixture(scope="module")
def prepared():
    plan = api.plan(model("rotated"), digits(), "rotation:steps=4", samples=8)
    exposed = expose(plan.model.proto, [layer.name for layer in plan.layers])
    outputs = [exposed.outputs[layer.name] for layer in plan.layers]
    session = Session(
        exposed.proto.SerializeToString(), choose_device("cpu"), threads=1, optimize=True, folder=plan.model.path.parent
    )
    return plan, session, outputs


def test_batches_of_any_size_in_any_order_give_what_a_plain_run_gives(prepared):
    plan, session, outputs = prepared
    landing = Landing(session, outputs, plan.layers)
    for samples in (2, 1, 3, 2):
        feed = plan.feeds.batch(range(samples), slice(None))
        for found, expected in zip(landing.run(feed), session.run(feed, outputs), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("at_once", [1, 3, 5, 8, 100])
def test_runs_of_a_few_variants_fill_what_one_run_of_all_fills(prepared, at_once):
    plan, session, outputs = prepared
    ran = []
    spied = Spied(session, ran)
    feed = plan.feeds.batch(range(2), slice(None))
    landing = Landing(spied, outputs, plan.layers, plan.feeds.batch_axes, at_once)
    found = landing.run(feed)
    assert sum(ran) == 8
    assert max(ran) <= at_once
    assert len(ran) == -(-8 // at_once)
    for part, expected in zip(found, session.run(feed, outputs), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)


def test_what_is_fed_the_same_for_all_variants_is_fed_whole(tmp_path):
    text = """<ir_version: 8, opset_import: ["": 17]>
    g (float[n, 6] x, float[3] w) => (float[n, 6] y) { s = ReduceSum <keepdims = 0> (w) y = Mul(x, s) }"""
    proto = onnx.parser.parse_model(text)
    session = Session(proto.SerializeToString(), choose_device("cpu"), threads=1, optimize=True, folder=tmp_path)
    layer = SimpleNamespace(shape=(6,), dtype="float32", batch=BatchAxis())
    feed = {"x": np.arange(24, dtype=np.float32).reshape(4, 6), "w": np.array([1, 2, 3], np.float32)}
    (found,) = Landing(session, ["y"], [layer], {"x": 0}, 2).run(feed)
    np.testing.assert_array_equal(found, 6 * feed["x"])


def test_arrays_are_used_again(prepared):
    plan, session, outputs = prepared
    landing = Landing(session, outputs, plan.layers)
    feed = plan.feeds.batch(range(2), slice(None))
    first = landing.run(feed)
    again = landing.run(plan.feeds.batch(range(2, 4), slice(None)))
    assert [each.ctypes.data for each in first] == [each.ctypes.data for each in again]
    assert all(np.shares_memory(one, other) for one, other in zip(first, again, strict=True))


def test_an_output_of_another_shape_is_fetched_as_the_runtime_hands_it_out(prepared):
    plan, session, outputs = prepared
    other = [*plan.layers[1:], plan.layers[0]]  # shapes that the outputs do not have
    feed = plan.feeds.batch(range(2), slice(None))
    landing = Landing(session, outputs, other)
    for _ in range(2):
        for found, expected in zip(landing.run(feed), session.run(feed, outputs), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_some_outputs_land_elsewhere(prepared):
    plan, session, outputs = prepared
    layers = plan.layers
    there = {place: np.zeros((8, *layers[place].shape), np.float32) for place in (1, 4)}
    landing = Landing(session, outputs, layers, plan.feeds.batch_axes, at_once=3)
    feed = plan.feeds.batch(range(2), slice(None))
    found = landing.run(feed, there)
    for place, expected in enumerate(session.run(feed, outputs)):
        np.testing.assert_allclose(found[place], expected, rtol=1e-5, atol=1e-5)
        if place in there:
            assert found[place] is there[place]


def test_they_are_copied_there_where_nothing_can_land(prepared):
    plan, session, outputs = prepared
    there = {1: np.zeros((8, *plan.layers[1].shape), np.float32)}
    gpu = SimpleNamespace(on_cpu=False, run=session.run)
    feed = plan.feeds.batch(range(2), slice(None))
    found = Landing(gpu, outputs, plan.layers).run(feed, there)
    np.testing.assert_array_equal(there[1], found[1])


@pytest.mark.parametrize(("lanes", "at_once", "runs"), [(1, 8, 1), (2, 8, 2), (3, 8, 3), (2, 1, 8), (20, 8, 8)])
def test_there_are_as_many_runs_as_can_go_on_at_the_same_time(prepared, lanes, at_once, runs):
    plan, session, outputs = prepared
    ran = []
    feed = plan.feeds.batch(range(2), slice(None))
    landing = Landing(Spied(session, ran), outputs, plan.layers, plan.feeds.batch_axes, at_once, lanes)
    with ThreadPoolExecutor(lanes) as pool:
        found = landing.run(feed, spread=pool.map)
    assert (sum(ran), len(ran)) == (8, runs)
    for part, expected in zip(found, session.run(feed, outputs), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)


def test_all_runs_have_ended_before_one_is_said_to_have_failed(prepared):
    plan, _, outputs = prepared
    ended = []

    class Short:
        on_cpu = True

        def run_into(self, feed, outputs, arrays):
            if not ended:
                ended.append("failed")
                raise MemoryExhaustedError("no memory", "")
            sleep(0.05)
            ended.append("done")

    landing = Landing(Short(), outputs, plan.layers, plan.feeds.batch_axes, 2, 2)
    with ThreadPoolExecutor(2) as pool, pytest.raises(MemoryExhaustedError):
        landing.run(plan.feeds.batch(range(2), slice(None)), spread=pool.map)
    assert ended == ["failed", "done", "done", "done"]
