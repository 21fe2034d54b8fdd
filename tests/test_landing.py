"""Outputs that are written into the same arrays run after run are those of plain runs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from onnxinv import api
from onnxinv.demo import digits, model
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
