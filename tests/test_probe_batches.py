"""What the probe does with batch sizes that are fixed, and with inputs that have none."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest

from onnxinv import probe
from onnxinv.data import PRIMARY, Samples
from onnxinv.data.constants import hold_constant
from onnxinv.data.preprocess import Preprocess
from onnxinv.errors import ModelError
from onnxinv.feeds import Feeds
from onnxinv.model.axes import BatchAxis
from onnxinv.model.free_batch import free_batch
from onnxinv.model.layers import candidates
from onnxinv.probe import run_probe
from onnxinv.runtime import Device
from tests.model.onnx_text import loaded, parse
from tests.model.onnx_text import run as run_model
from tests.probes import TRANSFORMS, layer, numbers, reasons, run


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("keep", [False, True], ids=["freed", "kept"])
def test_a_fixed_batch_size_is_freed_unless_it_is_asked_for_and_said(tmp_path, size, keep):
    fixed = size if keep else None
    notice = "it is run {} at a time, as asked" if keep else "it was freed, and gives the same numbers on 3 samples"
    model = loaded(
        tmp_path,
        parse(
            f"""g (float[{size}, 5, 3] x) => (float[{size}, 5, 4] y) {{
                a = MatMul(x, w)  t = Transpose<perm = [1, 0, 2]>(a)  s = Relu(t)  y = Transpose<perm = [1, 0, 2]>(s)
            }}""",
            w=numbers(3, 4),
        ),
    )
    found = run(model, numbers(5, 5, 3), keep_batch=fixed)
    assert found.fixed_batch == fixed
    assert found.notices == (f"The model's batch size is fixed at {size}; {notice.format(size)}.",)
    assert [(one.name, one.shape) for one in found.layers] == [
        ("x", (5, 3)),
        ("a", (5, 4)),
        ("s", (5, 4)),
        ("y", (5, 4)),
    ]
    assert layer(found, "s").batch == BatchAxis(1)


def test_with_a_fixed_batch_mixed_samples_are_seen(tmp_path):
    text = "g (float[4, 6] x) => (float[4, 6] y) { a = Softmax<axis = 0>(x)  y = Relu(x) }"
    found = run(loaded(tmp_path, parse(text)), numbers(5, 6))
    assert reasons(found) == {"a": "it depends on the rest of the batch"}
    assert found.fixed_batch == 4


def test_a_free_batch_size_that_is_not_is_found_out_and_freed(tmp_path):
    text = "g (float[N, 6] x) => (float[N, 3, 2] y) { a = Relu(x)  y = Reshape(a, s) }"
    model = loaded(tmp_path, parse(text, s=np.array([1, 3, 2])))
    freed, kept = run(model, numbers(5, 6)), run(model, numbers(5, 6), keep_batch=1)
    said = "The model runs only one input at a time, although it says that its batch size is free; "
    assert freed.notices == (f"{said}it was freed, and gives the same numbers on 3 samples.",)
    assert kept.notices == (f"{said}it is run 1 at a time, as asked.",)
    assert (freed.fixed_batch, kept.fixed_batch) == (None, 1)
    assert layer(freed, "y").shape == layer(kept, "y").shape == (3, 2)
    batch = run_model(freed.model.proto, {"x": numbers(7, 6)})[0]
    assert batch.shape == (7, 3, 2)


@pytest.mark.parametrize(
    ("body", "weights", "reason"),
    [
        pytest.param(
            "a = Relu(x)  y = MatMul(w, a)",
            {"w": np.ones((2, 1), np.float32)},
            "onnxruntime failed while it ran the model: ",
            id="its batch is not where it was looked for",
        ),
        pytest.param(
            "a = Softmax<axis = 0>(x)  y = Add(x, a)",
            {},
            "'a' could not be measured then: it depends on the rest of the batch",
            id="it would mix the samples",
        ),
        pytest.param(
            "a = ReduceSum<keepdims = 1>(x)  b = Relu(x)  c = Sub(b, b)  d = Mul(c, a)  y = Add(b, d)",
            {},
            "'a' could not be measured then: ",
            id="it would sum over the samples",
        ),
    ],
)
def test_a_model_whose_batch_cannot_be_freed_is_run_as_it_is_with_the_reason(tmp_path, body, weights, reason):
    model = loaded(tmp_path, parse(f"g (float[1, 6] x) => (float[A, B, C] y) {{ {body} }}", **weights))
    found = run(model, numbers(5, 6))
    assert found.fixed_batch == 1
    assert found.model is model
    (notice,) = found.notices
    start = "The model's batch size is fixed at 1; it is run 1 at a time, as freeing it failed: "
    assert notice.startswith(start + reason)


def test_a_freed_model_that_gives_other_numbers_is_not_used(tmp_path, monkeypatch):
    def broken(model: onnx.ModelProto, inputs: Mapping[str, int], size: int) -> onnx.ModelProto:
        freed = free_batch(model, inputs, size)
        freed.graph.node[0].op_type = "Abs"
        return freed

    monkeypatch.setattr(probe, "free_batch", broken)
    model = loaded(tmp_path, parse("g (float[1, 6] x) => (float[1, 6] y) { a = Relu(x)  y = Neg(a) }"))
    found = run(model, numbers(5, 6))
    assert found.fixed_batch == 1
    assert "freeing it failed: it changes 'y' by " in found.notices[0]


def test_a_freed_model_that_cuts_larger_batches_is_not_used(tmp_path, monkeypatch):
    def cutting(model: onnx.ModelProto, inputs: Mapping[str, int], size: int) -> onnx.ModelProto:
        freed = free_batch(model, inputs, size)
        for name, value in (("start", 0), ("end", size)):
            freed.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value]), name))
        freed.graph.node[-1].CopyFrom(onnx.helper.make_node("Slice", ["a", "start", "end", "start"], ["y"]))
        return freed

    monkeypatch.setattr(probe, "free_batch", cutting)
    model = loaded(tmp_path, parse("g (float[4, 6] x) => (float[4, 6] y) { a = Relu(x)  y = Identity(a) }"))
    found = run(model, numbers(5, 6))
    assert found.fixed_batch == 4
    assert "freeing it failed: it changes 'y' in a batch of 5" in found.notices[0]


def test_whole_numbers_that_a_freed_model_hands_out_are_compared_too(tmp_path):
    text = "g (float[1, 6] x) => (float[1, 6] y, int64[1, 1] best) { y = Relu(x)  best = ArgMax<axis = 1>(x) }"
    assert run(loaded(tmp_path, parse(text)), numbers(5, 6)).fixed_batch is None
    text = (
        "g (float[1, 6] x) => (float[1, 6] y, int64[6] best) { y = Relu(x)  best = ArgMax<axis = 0, keepdims = 0>(x) }"
    )
    found = run(loaded(tmp_path, parse(text)), numbers(5, 6))
    assert found.fixed_batch == 1
    assert "its output 'best' cannot be compared" in found.notices[0]


def test_a_model_that_no_batch_size_helps_is_an_error(tmp_path):
    text = "g (float[N, 6] x) => (float[N, 5] y) { y = Reshape(x, s) }"
    with pytest.raises(ModelError, match="failed while it ran the model"):
        run(loaded(tmp_path, parse(text, s=np.array([-1, 5]))), numbers(5, 6))


def test_inputs_with_different_fixed_batch_sizes_are_an_error(tmp_path):
    model = loaded(tmp_path, parse("g (float[1, 6] x, float[4, 6] z) => (float[4, 6] y) { y = Add(x, z) }"))
    arrays = {"x": numbers(6), "z": numbers(6)}
    feeds = Feeds(model.inputs, Samples("the test", 3, lambda index: arrays), TRANSFORMS, Preprocess())
    with pytest.raises(ModelError, match="different fixed batch sizes: 1 and 4") as caught:
        run_probe(model, candidates(model)[0], feeds, [0, 1, 2], Device("cpu"), 1, {})
    assert "--set-input z=VALUE" in caught.value.hint


def test_an_input_that_is_held_constant_has_no_batch_size_and_is_no_layer(tmp_path):
    text = """g (float[N, 6] x, float[2, 6] z, float scale) => (float[N, 6] y) {
        s = ReduceMean<axes = [0]>(z)  t = Exp(s)  a = Add(x, t)  y = Mul(a, scale)
    }"""
    model = loaded(tmp_path, parse(text))
    rows = numbers(4, 6)
    constants = hold_constant(model.inputs, ["z=ones", "scale=2"])
    feeds = Feeds(
        model.inputs[:1], Samples("x", 4, lambda index: {PRIMARY: rows[index]}), TRANSFORMS, Preprocess(), 0, constants
    )
    found = run_probe(model, candidates(model)[0], feeds, range(4), Device("cpu"), 1, {})
    assert [one.name for one in found.layers] == ["x", "a", "y"]
    assert reasons(found) == dict.fromkeys(
        ["z", "scale", "s", "t"], "it depends on inputs that are held constant, not on the data"
    )
