from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv import probe, sessions, trust
from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.model.axes import BatchAxis
from onnxinv.model.load import Model, load
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.runtime import Session
from tests.model.onnx_text import loaded, parse
from tests.networks import DIGITS, SHIPPED
from tests.probes import layer, numbers, reasons, run


@pytest.fixture
def small(tmp_path: Path) -> Model:
    text = "g (float[N, 6] x) => (float[N, 4] y) { a = MatMul(x, w)  b = Relu(a)  y = Softmax(b) }"
    return loaded(tmp_path, parse(text, w=numbers(6, 4)))


def test_a_plain_model_is_measured_optimised_and_without_notices(small):
    found = run(small, numbers(5, 6))
    assert [(one.name, one.shape, one.channel_axis) for one in found.layers] == [
        ("x", (6,), 0),
        ("a", (4,), 0),
        ("b", (4,), 0),
        ("y", (4,), 0),
    ]
    assert (found.skipped, found.optimize, found.fixed_batch, found.notices) == ((), True, None, ())


def test_a_session_is_asked_for_types_a_few_times_however_many_tensors_there_are(tmp_path, monkeypatch):
    asked: list[Session] = []
    answer = Session.output_types
    monkeypatch.setattr(Session, "output_types", lambda session: asked.append(session) or answer(session))
    chain = "  ".join(f"t{place + 1} = Relu(t{place})" for place in range(20))
    text = f"g (float[N, 6] t0) => (float[N, 6] y) {{ {chain}  y = Identity(t20) }}"
    assert len(run(loaded(tmp_path, parse(text)), numbers(5, 6)).layers) > 20
    assert len(asked) < 5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_models_are_measured_whole(path):
    model = load(path)
    found = run(model, np.load(DIGITS)["x"][:4])
    assert [one.label for one in found.layers] == [
        "image", "normalise/Sub", "normalise/Div", "conv1", "elu1", "conv2", "elu2", "pool1", "conv3", "elu3", "conv4",
        "elu4", "pool2", "conv5", "elu5", "fc1", "elu6", "fc2",
    ]  # fmt: skip
    assert {one.channel_axis for one in found.layers} == {0}
    assert layer(found, "/conv1/Conv_output_0").shape[1:] == (28, 28)
    assert found.optimize


def test_one_sample_is_enough(small):
    assert len(run(small, numbers(1, 6)).layers) == 4


def test_a_sequence_first_network_is_measured_along_its_batch(tmp_path):
    model = loaded(
        tmp_path,
        parse(
            """g (float[N, 5, 3] x) => (float[N, 4] y) {
                steps = Transpose<perm = [1, 0, 2]>(x)  h, last = LSTM<hidden_size = 4>(steps, w, r)
                squeezed = Squeeze(h, one)  a = Tanh(squeezed)  y = Squeeze(last, zero)
            }""",
            w=numbers(1, 16, 3),
            r=numbers(1, 16, 4),
            one=np.array([1]),
            zero=np.array([0]),
        ),
    )
    found = run(model, numbers(5, 5, 3))
    assert (layer(found, "h").batch, layer(found, "h").shape) == (BatchAxis(2), (5, 1, 4))
    assert (layer(found, "a").batch, layer(found, "a").shape, layer(found, "a").channel_axis) == (
        BatchAxis(1),
        (5, 4),
        1,
    )
    assert (layer(found, "y").batch, layer(found, "y").shape) == (BatchAxis(), (4,))


@pytest.mark.parametrize(
    ("text", "batch", "shape"),
    [
        pytest.param("b = Reshape(x, rows)  c = Relu(b)", BatchAxis(0, 4), (4, 3), id="windows"),
        pytest.param(
            "t = Transpose<perm = [1, 0, 2]>(x)  b = Reshape(t, rows)  c = Relu(b)",
            BatchAxis(0, 4, outer=True),
            (4, 3),
            id="steps",
        ),
    ],
)
def test_rows_that_hold_batch_times_something_are_regrouped(tmp_path, text, batch, shape):
    model = loaded(
        tmp_path,
        parse(f"g (float[N, 4, 3] x) => (float[M, 3] c) {{ {text} }}", rows=np.array([-1, 3])),
    )
    found = layer(run(model, numbers(5, 4, 3)), "c")
    assert (found.batch, found.shape, found.channel_axis) == (batch, shape, 1)


def test_what_mixes_the_samples_is_skipped_with_its_reason(tmp_path):
    text = """g (float[N, 6] x) => (float[N, 6] y) {
        a = Softmax<axis = 0>(x)  b = ReduceMean<keepdims = 0>(x)  y = Add(x, b)
    }"""
    found = run(loaded(tmp_path, parse(text)), numbers(5, 6))
    assert [one.name for one in found.layers] == ["x"]
    mixed = "it depends on the rest of the batch"
    assert reasons(found) == {"a": mixed, "b": "it has no batch axis", "y": mixed}


def test_mixed_samples_are_seen_where_there_is_one_sample_and_another_transform(tmp_path):
    text = """g (float[N, 6] x) => (float[N, 6] y) {
        a = ReduceMean<axes = [0]>(x)  b = Sub(x, a)  y = Relu(x)
    }"""
    exact = np.arange(6, dtype=np.float32)[np.newaxis]  # no rounding, which would tell the batches apart
    assert reasons(run(loaded(tmp_path, parse(text)), exact)) == {
        "a": "it has no batch axis",
        "b": "it depends on the rest of the batch",
    }


def test_integers_are_skipped_with_their_type(tmp_path):
    text = "g (float[N, 6] x) => (int64[N, 1] best, float[N, 6] y) { best = ArgMax<axis = 1>(x)  y = Relu(x) }"
    assert reasons(run(loaded(tmp_path, parse(text)), numbers(5, 6))) == {
        "best": "it holds integers, not measured quantities (tensor(int64))"
    }


def test_shapes_that_depend_on_the_samples_are_skipped(tmp_path):
    text = """g (float[N, 6] x) => (float[M] y) {
        z = Constant<value = float {0}>()  m = Greater(x, z)  i = NonZero(m)  y = Cast<to = 1>(i)
    }"""
    samples = np.ones((5, 6), np.float32)
    samples[1, 0] = samples[4, 2] = samples[4, 3] = -1
    found = run(loaded(tmp_path, parse(text)), samples)
    assert reasons(found)["y"] == "its shape depends on the samples"


def test_where_nothing_can_be_measured_the_reasons_are_given(tmp_path):
    text = "g (float[N, 6] x) => (float y) { y = ReduceMax<keepdims = 0>(x) }"
    with pytest.raises(ModelError, match="can be measured: it has no batch axis"):
        run(loaded(tmp_path, parse(text)), numbers(5, 6), select="outputs")


@pytest.mark.parametrize("body", ["a = Neg(b)  y = Log(a)", "a = Sub(b, b)  y = Div(a, a)"])
def test_outputs_without_a_finite_number_are_an_error(tmp_path, body):
    text = f"g (float[N, 6] x) => (float[N, 6] y) {{ b = Exp(x)  {body} }}"
    with pytest.raises(ModelError, match="not finite on the first samples"):
        run(loaded(tmp_path, parse(text)), numbers(5, 6))


def test_some_numbers_that_are_not_finite_are_no_error(tmp_path):
    text = "g (float[N, 6] x) => (float[N, 6] y) { y = Log(x) }"
    found = run(loaded(tmp_path, parse(text)), numbers(5, 6))
    assert [one.name for one in found.layers] == ["x", "y"]
    assert found.optimize


def test_an_empty_output_is_not_called_infinite(tmp_path):
    text = "g (float[N, 6] x) => (float[N, 0] none) { none = Slice(x, z, z, one) }"
    model = loaded(tmp_path, parse(text, z=np.array([0]), one=np.array([1])))
    assert reasons(run(model, numbers(5, 6))) == {"none": "it is empty"}


@pytest.mark.parametrize("first", ["", "unused = Neg(w)"], ids=["", "seeded otherwise once nodes are dropped"])
def test_what_is_random_is_skipped_with_its_reason_and_no_bug(tmp_path, first):
    text = f"g (float[N, 6] x) => (float[N, 6] y) {{ {first}  r = RandomNormalLike(x)  a = Relu(x)  y = Add(a, r) }}"
    found = run(loaded(tmp_path, parse(text, w=numbers(2))), numbers(5, 6))
    assert [one.name for one in found.layers] == ["x", "a"]
    assert {name: reason.split(",")[0] for name, reason in reasons(found).items()} == dict.fromkeys(
        "ry", "it is random"
    )


def test_a_rewrite_that_changes_the_model_is_reported_as_a_bug(small, monkeypatch):
    def broken(model: onnx.ModelProto, tensors: Sequence[str]) -> Exposed:
        exposed = expose(model, tensors)
        node = next(node for node in exposed.proto.graph.node if node.op_type == "Relu")
        node.op_type = "Abs"
        return exposed

    monkeypatch.setattr(probe, "expose", broken)
    with pytest.raises(OnnxinvError, match=r"changed its output 'y'\. This is a bug in onnxinv") as caught:
        run(small, numbers(5, 6))
    assert not isinstance(caught.value, ModelError)


class Deviating(Session):
    """An optimised session whose outputs are off by a share of their root mean square."""

    share = 0.0

    def __init__(self, *given: object, optimize: bool, **options: object) -> None:
        super().__init__(*given, optimize=optimize, **options)
        self._optimize = optimize

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        found = super().run(feeds, outputs)
        if not self._optimize:
            return found
        return [(each + self.share * np.sqrt(np.mean(np.square(each)))).astype(each.dtype) for each in found]


@pytest.mark.parametrize(("share", "trusted"), [(0, True), (5e-5, True), (3e-4, False), (1, False), (np.nan, False)])
def test_optimised_numbers_are_trusted_only_where_they_are_equal(small, monkeypatch, share, trusted):
    monkeypatch.setattr(Deviating, "share", share)
    monkeypatch.setattr(sessions, "Session", Deviating)
    found = run(small, numbers(5, 6))
    assert found.optimize is trusted
    assert len(found.layers) == 4
    if not trusted:
        assert found.notices[0].startswith("Graph optimisation is off for this model: it changes 'x' by ")


@pytest.mark.parametrize(("share", "trusted"), [(1e-2, True), (5e-2, False)])
def test_half_precision_is_given_more_room(tmp_path, monkeypatch, share, trusted):
    monkeypatch.setattr(Deviating, "share", share)
    monkeypatch.setattr(sessions, "Session", Deviating)
    text = "g (float[N, 6] x) => (float[N, 6] y) { a = Cast<to = 10>(x)  b = Add(a, a)  y = Cast<to = 1>(b) }"
    assert run(loaded(tmp_path, parse(text)), numbers(5, 6)).optimize is trusted


def test_a_model_that_the_optimiser_breaks_runs_without_it(small, monkeypatch):
    class Failing(Session):
        def __init__(self, *given: object, optimize: bool, **options: object) -> None:
            if optimize:
                raise ModelError("onnxruntime cannot run the model: a fusion failed.")
            super().__init__(*given, optimize=optimize, **options)

    monkeypatch.setattr(sessions, "Session", Failing)
    found = run(small, numbers(5, 6))
    assert not found.optimize
    assert found.notices == (
        "Graph optimisation is off for this model: onnxruntime cannot run the model: a fusion failed.",
    )


def test_the_optimised_graph_exposes_just_the_layers_as_the_measurement_will(small, monkeypatch):
    asked = []

    def watched(model: onnx.ModelProto, tensors: Sequence[str]) -> Exposed:
        asked.append(list(tensors))
        return expose(model, tensors)

    monkeypatch.setattr(trust, "expose", watched)
    run(small, numbers(5, 6), patterns=["b"])
    assert asked[-1] == ["b"]


def test_channel_axes_are_followed_through_tensors_that_are_not_measured(tmp_path):
    model = loaded(
        tmp_path,
        parse(
            """g (float[N, 3, 6, 6] x) => (float[N, 8, 4, 4] y) {
                a = Conv(x, w)  b = Transpose<perm = [0, 2, 3, 1]>(a)  c = Relu(b)  d = Reshape(c, s)  e = Sigmoid(d)
                y = Transpose<perm = [0, 3, 1, 2]>(c)
            }""",
            w=numbers(8, 3, 3, 3),
            s=np.array([0, 16, 8]),
        ),
    )
    found = run(model, numbers(5, 3, 6, 6))
    axes = {one.name: one.channel_axis for one in found.layers}
    assert axes == {"x": 0, "a": 0, "c": 2, "e": 1, "y": 0}


def test_a_stated_channel_axis_is_used(small):
    assert layer(run(small, numbers(5, 6), overrides={"y": 0}), "y").channel_axis == 0


def test_what_leaves_a_loop_is_measured(tmp_path):
    text = """g (float[N, 3] x) => (float[N, 3] y) {
        n = Constant<value = int64 {2}>()  k = Constant<value = bool {1}>()
        h = Loop(n, k, x) <body = l (int64 i, bool c, float[N, 3] s) => (bool c2, float[N, 3] t) {
            c2 = Identity(c)  t = Add(s, x)
        }>
        y = Relu(h)
    }"""
    found = run(loaded(tmp_path, parse(text)), numbers(5, 3))
    assert [one.name for one in found.layers] == ["x", "h", "y"]


def test_sequences_are_skipped_and_do_no_harm(tmp_path):
    text = """g (float[N, 6] x) => (float[N, 6] y) {
        s = SequenceConstruct(x, x)  y = ConcatFromSequence<axis = 1>(s)
    }"""
    found = run(loaded(tmp_path, parse(text)), numbers(5, 6), select="all")
    assert reasons(found) == {"s": "it is a sequence, not a tensor: seq(tensor(float))"}
    assert [one.name for one in found.layers] == ["x", "y"]
