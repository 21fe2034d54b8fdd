"""A model whose IR version alone is too new for the runtime is read as an older one, and it is said; no other is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model import ir_version
from onnxinv.model.ir_version import lower_ir_version
from onnxinv.runtime import newest_ir_version
from tests.model.onnx_text import RELU, loaded, parse, run

CAST = "g (float[N, 3] x) => (float[N, 3] y) {{ a = Cast<to = {kind}>(x)  y = Cast<to = 1>(a) }}"
IN_A_BRANCH = """g (float[N, 3] x, bool b) => (float[N, 3] y) {{
    y = If(b) <
        then_branch = t () => (float[N, 3] p) {{ q = Cast<to = {kind}>(x)  p = Cast<to = 1>(q) }},
        else_branch = e () => (float[N, 3] r) {{ r = Neg(x) }}
    >
}}"""


def of_version(version: int, text: str = RELU) -> onnx.ModelProto:
    model = parse(text)
    model.ir_version = version
    return model


def weight(kind: int) -> onnx.ModelProto:
    model = of_version(14)
    model.graph.initializer.add(name="w", data_type=kind, dims=[0])
    return model


def declared(kind: int) -> onnx.ModelProto:
    model = of_version(14)
    model.graph.output[0].type.tensor_type.elem_type = kind
    return model


def in_a_sequence(kind: int) -> onnx.ModelProto:
    model = of_version(14)
    model.graph.input.add(name="s").type.sequence_type.elem_type.tensor_type.elem_type = kind
    return model


def spread_over_devices(*, nodes: bool) -> onnx.ModelProto:
    model = of_version(14)
    if nodes:
        model.graph.node[0].device_configurations.add(configuration_id="two")
    else:
        model.configuration.add(name="two", num_devices=2)
    return model


@pytest.fixture
def runtime_reads(monkeypatch):
    return lambda newest: monkeypatch.setattr(ir_version, "newest_ir_version", lambda: newest)


def test_the_runtime_reads_what_it_says_and_nothing_newer():
    newest = newest_ir_version()
    assert newest is not None
    x = {"x": np.array([[-1, 0, 2]], np.float32)}
    np.testing.assert_array_equal(run(of_version(newest), x)[0], [[0, 0, 2]])
    with pytest.raises(ModelError, match=rf"max supported IR version: {newest}"):
        run(of_version(newest + 1), x)


@pytest.mark.parametrize(("version", "newest"), [(14, 13), (14, 10), (12, 11), (11, 10)])
def test_a_version_that_is_too_new_is_lowered_to_the_newest_that_is_read(runtime_reads, version, newest):
    runtime_reads(newest)
    model = of_version(version)
    assert lower_ir_version(model) == (
        f"IR version {version} is read as {newest}, the newest that onnxruntime knows: the model uses nothing newer."
    )
    assert model == of_version(newest)


@pytest.mark.parametrize(
    ("version", "newest"),
    [
        pytest.param(13, 13, id="the newest"),
        pytest.param(8, 13, id="an old one"),
        pytest.param(8, 7, id="one that every runtime reads"),
        pytest.param(15, 13, id="one of which nothing is known"),
        pytest.param(14, None, id="a runtime that does not say what it reads"),
    ],
)
def test_a_version_stays_where_nothing_is_gained_or_known(runtime_reads, version, newest):
    runtime_reads(newest)
    model = of_version(version)
    assert lower_ir_version(model) == ""
    assert model.ir_version == version


USES = [
    *(
        pytest.param(make(kind), version, id=f"{place} of type {kind}")
        for kind, version in ((23, 11), (24, 12), (25, 13), (26, 13), (27, 14), (28, 14))
        for place, make in (("a weight", weight), ("an output", declared), ("a list", in_a_sequence))
    ),
    pytest.param(of_version(14, CAST.format(kind=24)), 12, id="a Cast"),
    pytest.param(of_version(14, IN_A_BRANCH.format(kind=23)), 11, id="a Cast in a branch"),
    pytest.param(spread_over_devices(nodes=True), 11, id="a node for several devices"),
    pytest.param(spread_over_devices(nodes=False), 11, id="a model for several devices"),
]


@pytest.mark.parametrize(("model", "version"), USES)
def test_what_a_version_brought_is_never_read_as_an_older_one(runtime_reads, model, version):
    runtime_reads(version - 1)
    before = model.SerializeToString(deterministic=True)
    assert lower_ir_version(model) == ""
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(("model", "version"), [use for use in USES if use.values[1] < 14])
def test_what_a_version_brought_is_read_as_that_one(runtime_reads, model, version):
    runtime_reads(version)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    assert f"read as {version}" in lower_ir_version(copy)
    assert copy.ir_version == version


def test_a_loaded_model_of_the_newest_version_runs_and_says_how_it_was_read(tmp_path):
    newest = newest_ir_version()
    if newest is None or newest >= onnx.IR_VERSION or onnx.IR_VERSION > 14:
        pytest.skip("this onnxruntime reads all that this onnx writes, or nothing is known of what it brought")
    found = loaded(tmp_path, of_version(onnx.IR_VERSION))
    np.testing.assert_array_equal(run(found.proto, {"x": np.array([[-1, 0, 2]], np.float32)})[0], [[0, 0, 2]])
    assert [notice.startswith(f"IR version {onnx.IR_VERSION} is read as {newest},") for notice in found.notices] == [
        True
    ]
    assert loaded(tmp_path, of_version(newest)).notices == ()
