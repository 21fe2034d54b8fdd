"""Outputs that are written into the same arrays run after run are those of plain runs."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv import api
from onnxinv.demo import digits, model
from onnxinv.landing import Landing
from onnxinv.model.rewrite import expose
from onnxinv.runtime import Session, choose_device


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
