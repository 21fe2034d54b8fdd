"""Chunks that go on from what those before them have left find what all layers together say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from onnxinv import api, cutting, plan
from onnxinv.carried import Carried
from onnxinv.checking import prepare
from onnxinv.config_file import read_file
from onnxinv.demo import digits, model
from onnxinv.engine import measure
from onnxinv.errors import ModelError
from onnxinv.feeds import Feeds
from onnxinv.plan import Plan
from onnxinv.rehearsal import seconds_per_inference
from onnxinv.runtime import Session
from onnxinv.schedule import BlockPlan
from onnxinv.statistics import spare_arrays
from tests.check.repository import save_config
from tests.engine.agreement import alike
from tests.networks import save_text

TRANSFORMS = "rotation:steps=4"


@pytest.fixture(autouse=True)
def many_chunks(monkeypatch):
    monkeypatch.setattr(cutting, "WORTH", -(1 << 40))


def whole(decided: Plan) -> Plan:
    return replace(decided, layout=decided.layout.uncut)


def planned(path=None, data=None, **options) -> Plan:
    return api.plan(path or model("rotated"), data or digits(), TRANSFORMS, **{"samples": 30, "groups": 3, **options})


@pytest.fixture
def odd(tmp_path):
    """A model whose layers skip others, ask for the shape of its input, and come in pairs; and data for it."""
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(1).standard_normal((30, 3, 8, 8)))
    path = save_text(
        tmp_path / "odd.onnx",
        """g (float[n, 3, 8, 8] x) => (float[n, 48] y) {
            a = Conv <pads = [1, 1, 1, 1]> (x, w)
            b = Relu(a)
            p, q = Split <axis = 1> (b)
            shape = Shape <start = 0, end = 1> (x)
            c = Sigmoid(p)
            d = Conv <pads = [1, 1, 1, 1]> (c, v)
            e = Add(d, b)
            m = MaxPool <kernel_shape = [4, 4], strides = [4, 4]> (e)
            f = Mul(q, c)
            g = AveragePool <kernel_shape = [4, 4], strides = [4, 4]> (f)
            h = Concat <axis = 1> (m, g)
            rest = Constant <value = int64[1] {-1}> ()
            long = Concat <axis = 0> (shape, rest)
            k = Reshape(h, long)
            l = Tanh(k)
            i = Flatten <axis = 1> (e)
            r = Gemm(i, u)
            y = Concat <axis = 1> (l, r)
        }""".replace("float[n, 48] y", "float[n, 50] y"),
        w=np.random.default_rng(2).standard_normal((8, 3, 3, 3)).astype(np.float32),
        v=np.random.default_rng(3).standard_normal((8, 4, 3, 3)).astype(np.float32),
        u=np.random.default_rng(4).standard_normal((512, 2)).astype(np.float32),
    )
    return path, tmp_path / "x.npz"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"aggregate": "unit"},
        {"threads": 1},
        {"threads": 3, "batch": 8},
        {"batch": 3},
        {"layers": ("conv1", "conv*", "fc2")},
        {"select": "all"},
        {"stratify": True, "samples": 40},
        {"reduce": "host"},
        {"memory": "64MiB"},
        {"measures": ("normalized-variance", "linear-cka", "relative-invariance", "equivariance-error")},
        {"measures": ("top1-consistency", "normalized-distance", "anova", "normalized-variance-se")},
    ],
    ids=lambda options: ", ".join(f"{name} {value}" for name, value in options.items()) or "plain",
)
def test_values_and_intervals_are_those_of_one_chunk(options):
    decided = planned(**options)
    assert decided.layout.carries
    assert len(decided.layout.chunks) > 2
    found, expected = api.run(decided), api.run(whole(decided))
    alike(found, expected, atol=1e-6)
    assert found.document.outputs.keys() == expected.document.outputs.keys()
    assert "each going on from those before it" in found.meta.runtime.schedule


@pytest.mark.parametrize("options", [{}, {"select": "all"}, {"batch": 3}, {"layers": ("e", "l", "y")}], ids=str)
def test_graphs_of_every_kind_are_cut(odd, options):
    decided = planned(*odd, **options)
    assert decided.layout.carries
    alike(api.run(decided), api.run(whole(decided)), atol=1e-6)


def test_layers_that_no_measure_applies_to_are_left_out_unless_others_are_computed_from_them():
    decided = planned(measures=("equivariance-error", "top1-consistency"), samples=20)
    assert decided.layout.carries
    found, expected = api.run(decided), api.run(whole(decided))
    alike(found, expected, atol=1e-6)
    assert found.document.outputs["top1-consistency"].value == expected.document.outputs["top1-consistency"].value


def test_every_variant_is_made_once_and_runs_through_each_layer_once(monkeypatch):
    decided = planned(batch=16, threads=1)
    made, run = [], []
    batch, into = Feeds.batch, Session.run_into
    monkeypatch.setattr(
        Feeds, "batch", lambda feeds, samples, *rest: made.append(len(samples)) or batch(feeds, samples, *rest)
    )
    monkeypatch.setattr(
        Session, "run_into", lambda one, feed, outputs, arrays: run.extend(outputs) or into(one, feed, outputs, arrays)
    )
    told = []
    measured = measure(decided, told.append)
    assert sum(made) == 30
    assert set(Counter(run).values()) == {9}  # blocks: 3 a group
    assert measured.inferences == decided.inferences == 120
    assert sum(told) == decided.steps == 120 * len(decided.layout.chunks)


def test_what_no_later_chunk_needs_is_forgotten(odd):
    decided = planned(*odd)
    carried = Carried(decided)
    held = []
    for number in range(len(decided.layout.chunks)):
        with carried.part(number) as part:
            held.append({layer.name for layer in (*part.link.given, *part.link.left)})
            assert held[-1] <= set(carried._arrays)
    assert any("e" in names for names in held)
    assert not carried._arrays


def test_it_is_where_a_block_of_some_columns_lies():
    decided = planned(samples=3, groups=3)
    carried = Carried(decided)
    with carried.part(0) as part:
        layer = part.link.left[0]
        rows = np.arange(12.0)
        carried._arrays[layer.name][...] = rows.reshape(12, *[1] * len(layer.shape))
        (first,), (last,) = decided.groups[0][0], decided.groups[2][0]
        for sample, columns, expected in ((first, slice(0, 4), rows[:4]), (last, slice(1, 3), rows[9:11])):
            block = BlockPlan(np.array([sample]), columns, 0, np.array([sample]), slice(0, 1), True)
            np.testing.assert_array_equal(
                part.carried.rows(layer.name, block).reshape(len(expected), -1)[:, 0], expected
            )


@pytest.mark.parametrize(
    "options",
    [{"precision": 0.5}, {"sample_units": 4, "layers": ("conv*",)}, {"measures": ("goodfellow",)}],
    ids=str,
)
def test_it_is_not_done_where_groups_are_looked_at_or_parts_of_layers_or_the_untransformed_samples_first(options):
    assert not planned(**options).layout.carries


def test_states_that_are_kept_are_those_of_chunks_that_stand_alone(tmp_path):
    assert not planned(state=tmp_path / "state").layout.carries
    assert not planned(shard="1/2").layout.carries


def test_a_layer_of_another_shape_in_a_larger_batch_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).standard_normal((60, 16)))
    path = save_text(
        tmp_path / "m.onnx",
        """g (float[n, 16] x) => (float[n, w] y) {
            a = Relu(x)
            size = Shape <start = 0, end = 1> (x)
            few = Constant <value = int64[1] {20}> ()
            more = Greater(size, few)
            twice = Cast <to = 7> (more)
            one = Constant <value = int64[1] {1}> ()
            times = Add(twice, one)
            c = Flatten <axis = 1> (a)
            d = Abs(c)
            repeats = Concat <axis = 0> (one, times)
            e = Tile(d, repeats)
            y = Neg(e)
        }""",
    )
    decided = api.plan(
        path, tmp_path / "x.npz", "time-shift:steps=2,max=0.5", samples=60, batch=40, select="all", set_input=()
    )
    with pytest.raises(ModelError, match="another shape in a batch"):
        api.run(decided)


def test_a_rehearsal_runs_every_chunk(monkeypatch):
    decided = planned(samples=8, batch=4)
    seen = []
    original = Carried.part
    monkeypatch.setattr(Carried, "part", lambda carried, chunk: seen.append(chunk) or original(carried, chunk))
    assert 0 < seconds_per_inference(decided) < 5
    assert seen[: len(decided.layout.chunks)] == [*range(len(decided.layout.chunks))]


def test_what_becomes_a_baseline_is_looked_at_whole(tmp_path):
    path = save_config(tmp_path, 'max-regression = "5%"')
    assert api.plan(model("rotated"), digits(), "rotation:steps=4", samples=60).layout.carries
    (prepared,) = prepare(read_file(path), update=True)
    assert not prepared.plan.layout.carries


def test_chunks_share_their_memory(monkeypatch):
    slabs = []
    monkeypatch.setattr(
        spare_arrays, "_Slab", lambda size, make=spare_arrays._Slab: slabs.append(make(size)) or slabs[-1]
    )
    monkeypatch.setattr(plan, "_MANY_ACTIVATIONS", 1)
    decided = planned()
    api.run(decided)
    (slab,) = slabs
    assert slab._taken
    assert slab._uses() == slab._unused
    assert not spare_arrays._SLABS
