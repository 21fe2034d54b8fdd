"""Which output holds classes, as what, and which labels can be compared with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from scipy.special import softmax

from onnxinv.errors import UsageError
from onnxinv.model.class_output import ClassOutput, Kind, doubt_labels, find_class_output, probabilities
from tests.model.onnx_text import loaded, parse, run

SAMPLES = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
WEIGHT = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)


def find(
    folder: Path,
    model: onnx.ModelProto,
    named: str | None = None,
    kind: Kind | None = None,
    samples: np.ndarray = SAMPLES,
) -> ClassOutput | str:
    """Return what is found on what the model makes of the samples."""
    values = run(model, {"x": samples})
    probe = {
        info.name: array if array.dtype.kind == "f" and array.shape[:1] == (len(samples),) else None
        for info, array in zip(model.graph.output, values, strict=True)
    }
    return find_class_output(loaded(folder, model), probe, named, kind)


def one_output(body: str, **weights: Any) -> onnx.ModelProto:
    return parse(f"g (float[N, 4] x) => (float[N, 4] y) {{ {body} }}", **weights)


def two_outputs(one: str, other: str) -> onnx.ModelProto:
    """Return a model with two vectors of 4 and of 3 numbers, whose operators say nothing."""
    return parse(
        f"g (float[N, 4] x) => (float[N, 4] {one}, float[N, 3] {other}) {{ {one} = Relu(x)  {other} = MatMul(x, w) }}",
        w=WEIGHT,
    )


def test_the_only_vector_is_it_whatever_its_name(tmp_path: Path) -> None:
    assert find(tmp_path, one_output("y = Tanh(x)")) == ClassOutput("y", "logits", 4, "detected")


def test_maps_single_numbers_and_integers_are_passed_over(tmp_path: Path) -> None:
    model = parse(
        """g (float[N, 4] x) =>
        (float[N, 2, 2] scores_map, float[N, 1] score, int64[N, 4] classes, float[N, 4] y, float prob) {
        scores_map = Reshape(x, square)  score = ReduceMean<axes = [1]>(x)  classes = Cast<to = 7>(x)  y = Tanh(x)
        prob = ReduceMean<keepdims = 0>(x) }""",
        square=np.array([-1, 2, 2]),
    )
    assert find(tmp_path, model) == ClassOutput("y", "logits", 4, "detected")


@pytest.mark.parametrize("lengths", [(4, 1, 1), (1, 4), (1, 4, 1)])
def test_axes_of_length_1_do_not_count(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    declared = ", ".join(map(str, lengths))
    text = f"g (float[N, 4] x) => (float[N, {declared}] y) {{ y = Reshape(x, shape) }}"
    model = parse(text, shape=np.array([-1, *lengths]))
    found = find(tmp_path, model)
    assert found == ClassOutput("y", "logits", 4, "detected")
    assert isinstance(found, ClassOutput)
    np.testing.assert_array_equal(found.read(run(model, {"x": SAMPLES})[0]), probabilities(SAMPLES, "logits"))


@pytest.mark.parametrize("name", ["logits", "class_scores", "Predictions", "dense_probs", "softmax_0", "cls_score"])
def test_of_several_vectors_the_one_whose_name_speaks_of_classes_is_it(tmp_path: Path, name: str) -> None:
    assert find(tmp_path, two_outputs("embedding", name)) == ClassOutput(name, "logits", 3, "detected")
    assert find(tmp_path, two_outputs(name, "embedding")) == ClassOutput(name, "logits", 4, "detected")


@pytest.mark.parametrize(("operator", "kind"), [("Softmax", "probabilities"), ("LogSoftmax", "logits")])
def test_of_several_vectors_the_one_that_a_softmax_makes_is_it(tmp_path: Path, operator: str, kind: Kind) -> None:
    model = parse(
        f"""g (float[N, 4] x) => (float[N, 4] features, float[N, 3] out) {{
        features = Relu(x)  a = MatMul(x, w)  b = {operator}<axis = 1>(a)  out = Identity(b) }}""",
        w=WEIGHT,
    )
    assert find(tmp_path, model) == ClassOutput("out", kind, 3, "detected")


@pytest.mark.parametrize(
    "body",
    [
        "logits = MatMul(x, w)  probs = Softmax<axis = 1>(logits)",
        "logits = MatMul(x, w)  a = Identity(logits)  probs = Softmax<axis = 1>(a)",
        "a = MatMul(x, w)  logits = Identity(a)  b = Softmax<axis = 1>(a)  probs = Identity(b)",
    ],
)
def test_logits_give_way_to_their_own_softmax(tmp_path: Path, body: str) -> None:
    model = parse(f"g (float[N, 4] x) => (float[N, 3] logits, float[N, 3] probs) {{ {body} }}", w=WEIGHT)
    assert find(tmp_path, model) == ClassOutput("probs", "probabilities", 3, "detected")


def test_logits_do_not_give_way_to_the_softmax_of_something_else(tmp_path: Path) -> None:
    model = parse(
        """g (float[N, 4] x) => (float[N, 3] logits, float[N, 4] attention) {
        logits = MatMul(x, w)  attention = Softmax<axis = 1>(x) }""",
        w=WEIGHT,
    )
    found = find(tmp_path, model)
    assert found == "several outputs could hold classes: 'logits' (3 numbers), 'attention' (4 numbers)"


@pytest.mark.parametrize(("one", "other"), [("output", "features"), ("logits", "aux_logits")])
def test_several_that_say_as_much_are_a_reason(tmp_path: Path, one: str, other: str) -> None:
    found = find(tmp_path, two_outputs(one, other))
    assert found == f"several outputs could hold classes: '{one}' (4 numbers), '{other}' (3 numbers)"


def test_of_many_outputs_the_reason_lists_a_few(tmp_path: Path) -> None:
    names = [f"y{index}" for index in range(9)]
    declared, body = (
        ", ".join(f"float[N, 4] {name}" for name in names),
        "  ".join(f"{name} = Relu(x)" for name in names),
    )
    found = find(tmp_path, parse(f"g (float[N, 4] x) => ({declared}) {{ {body} }}"))
    assert isinstance(found, str)
    assert found.endswith("'y5' (4 numbers), ...")


def test_none_is_a_reason_that_says_what_the_outputs_are(tmp_path: Path) -> None:
    model = parse(
        """g (float[N, 4] x) => (float[N, 2, 2] maps, float[N, 1] single, float[N] plain, int64[N, 4] whole) {
        maps = Reshape(x, square)  single = ReduceMean<axes = [1]>(x)  plain = ReduceMean<axes = [1], keepdims = 0>(x)
        whole = Cast<to = 7>(x) }""",
        square=np.array([-1, 2, 2]),
    )
    assert find(tmp_path, model) == (
        "no output of the model has one number for each class: 'maps' has the shape [2, 2] for a sample, "
        "'single' has the shape [1] for a sample, 'plain' has one number for a sample, "
        "'whole' has no batch axis, or numbers of another type than floating point"
    )


def test_an_empty_output_holds_no_classes(tmp_path: Path) -> None:
    model = loaded(tmp_path, one_output("y = Relu(x)"))
    found = find_class_output(model, {"y": np.zeros((3, 0), np.float32)})
    assert found == "no output of the model has one number for each class: 'y' has no numbers"


def test_the_user_may_name_an_output_and_say_what_it_holds(tmp_path: Path) -> None:
    model = two_outputs("logits", "other")
    assert find(tmp_path, model, "other") == ClassOutput("other", "logits", 3, "named")
    softmaxed = one_output("y = Softmax<axis = 1>(x)")
    assert find(tmp_path, softmaxed, None, "logits") == ClassOutput("y", "logits", 4, "detected")
    sigmoid = one_output("y = Sigmoid(x)")
    assert find(tmp_path, sigmoid, "y", "probabilities") == ClassOutput("y", "probabilities", 4, "named")


def test_an_output_that_is_not_there_is_refused_with_close_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the model has no output 'logit'") as caught:
        find(tmp_path, two_outputs("logits", "other"), "logit")
    assert caught.value.hint == "Did you mean 'logits'?"


def test_a_tensor_inside_the_model_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no output 'inside'"):
        find(tmp_path, one_output("inside = Relu(x)  y = Tanh(inside)"), "inside")


@pytest.mark.parametrize(
    ("name", "why"),
    [("maps", r"the shape \[2, 2\]"), ("whole", "another type than floating point"), ("single", r"the shape \[1\]")],
)
def test_an_output_that_cannot_hold_classes_is_refused_with_those_that_can(tmp_path: Path, name: str, why: str) -> None:
    model = parse(
        """g (float[N, 4] x) => (float[N, 2, 2] maps, int64[N, 4] whole, float[N, 1] single, float[N, 4] y) {
        maps = Reshape(x, square)  whole = Cast<to = 7>(x)  single = ReduceMean<axes = [1]>(x)  y = Relu(x) }""",
        square=np.array([-1, 2, 2]),
    )
    with pytest.raises(UsageError, match=f"'{name}' cannot hold classes: it has .*{why}") as caught:
        find(tmp_path, model, name)
    assert caught.value.hint == "There is y."


@pytest.mark.parametrize(
    "after",
    [
        "y = Identity(p)",
        "y = Reshape(p, shape)",
        "a = Unsqueeze(p, axis)  y = Squeeze(a, axis)",
        "y = Flatten<axis = 1>(p)",
        "a = Cast<to = 11>(p)  y = Cast<to = 1>(a)",
        "a = Transpose<perm = [1, 0]>(p)  y = Transpose<perm = [1, 0]>(a)",
        "y = Dropout(p)",
        "a = QuantizeLinear(p, step, zero)  y = DequantizeLinear(a, step, zero)",
    ],
)
def test_what_a_softmax_makes_is_probabilities_however_it_is_handed_on_and_rounded(tmp_path: Path, after: str) -> None:
    weights = {
        "shape": np.array([-1, 4]),
        "axis": np.array([1]),
        "step": np.array(0.02, np.float32),
        "zero": np.array(0, np.uint8),
    }
    used = {name: array for name, array in weights.items() if name in after}
    model = loaded(tmp_path, one_output(f"p = Softmax<axis = 1>(x)  {after}", **used))
    # Values that do not add up to 1, so that only the graph tells.
    rounded = {"y": np.array([[0.24, 0.26, 0.22, 0.24]], np.float32)}
    assert find_class_output(model, rounded) == ClassOutput("y", "probabilities", 4, "detected")


def test_a_softmax_below_other_computations_does_not_make_probabilities(tmp_path: Path) -> None:
    model = one_output("p = Softmax<axis = 1>(x)  y = Mul(p, three)", three=np.array(3, np.float32))
    assert find(tmp_path, model) == ClassOutput("y", "logits", 4, "detected")


def test_values_that_add_up_to_1_are_probabilities_however_they_were_made(tmp_path: Path) -> None:
    model = one_output("e = Exp(x)  s = ReduceSum<keepdims = 1>(e, axis)  y = Div(e, s)", axis=np.array([1]))
    assert find(tmp_path, model) == ClassOutput("y", "probabilities", 4, "detected")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.2, 0.8], [1, 0]], "probabilities"),
        ([[0.2, 0.8005], [0.9995, 0]], "probabilities"),
        ([[0.2, 0.8], [math.nan, 0]], "probabilities"),
        ([[0.2, 0.8], [0.5, 0.51]], "logits"),
        ([[0.2, 0.8], [-0.1, 1.1]], "logits"),
        ([[0.2, 0.7], [0.2, 0.7]], "logits"),
        ([[math.nan, 0.8], [math.inf, 0]], "logits"),
    ],
)
def test_values_are_probabilities_where_every_finite_row_is_a_distribution(
    tmp_path: Path, values: list[list[float]], kind: Kind
) -> None:
    model = loaded(tmp_path, parse("g (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }"))
    found = find_class_output(model, {"y": np.array(values, np.float32)})
    assert found == ClassOutput("y", kind, 2, "detected")


def test_sigmoids_are_taken_as_logits(tmp_path: Path) -> None:
    assert find(tmp_path, one_output("y = Sigmoid(x)")) == ClassOutput("y", "logits", 4, "detected")


def test_probabilities_of_a_thousand_classes_in_float16_add_up(tmp_path: Path) -> None:
    model = loaded(tmp_path, parse("g (float16[N, 1000] x) => (float16[N, 1000] y) { y = Relu(x) }"))
    logits = np.random.default_rng(2).standard_normal((50, 1000))
    for strength in (0.1, 1, 5):
        values = softmax(strength * logits, axis=1).astype(np.float16)
        found = find_class_output(model, {"y": values})
        assert found == ClassOutput("y", "probabilities", 1000, "detected")


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_values_outside_0_to_1_are_no_probabilities_even_if_the_user_says_so(tmp_path: Path, value: float) -> None:
    model = loaded(tmp_path, parse("g (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }"))
    probe = {"y": np.array([[0.4, math.nan], [0.3, value]])}
    with pytest.raises(UsageError, match=f"--probabilities: output 'y' holds {value}, which is no probability"):
        find_class_output(model, probe, kind="probabilities")


def test_the_softmax_of_log_probabilities_is_the_softmax_of_the_logits() -> None:
    logits = SAMPLES.astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(probabilities(logs, "logits"), softmax(logits, axis=1), rtol=1e-14)


@pytest.mark.parametrize("scale", [1, 1e3, 1e30])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4)])
def test_logits_become_their_softmax_over_the_last_axis_whatever_their_size(
    scale: float, shape: tuple[int, ...]
) -> None:
    logits = (SAMPLES.reshape(-1)[: math.prod(shape)] * scale).reshape(shape)
    found = probabilities(logits, "logits")
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, softmax(logits.astype(np.float64), axis=-1), rtol=1e-13)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-14)


def test_probabilities_stay_what_they_are_as_doubles() -> None:
    values = np.array([[0.25, 0.75], [0.1, 0.8]], np.float32)
    found = probabilities(values, "probabilities")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, values)


@pytest.mark.filterwarnings("error")
def test_a_class_ruled_out_by_minus_infinity_has_probability_0_and_other_infinities_have_none() -> None:
    rows = np.array([[-math.inf, 1, 1], [math.inf, 1, 1], [math.nan, 1, 1], [-math.inf] * 3])
    found = probabilities(rows, "logits")
    assert found[0].tolist() == [0, 0.5, 0.5]
    assert np.isnan(found[1:]).any(axis=1).all()


@pytest.mark.parametrize(
    ("labels", "names", "reason"),
    [
        (None, (), "the data has no labels"),
        (np.array([], np.int64), (), "the data has no labels"),
        (np.array([0.0, 1.0]), (), "the labels are not whole numbers (their dtype is float64)"),
        (np.array([0, -1, 2]), (), "the label -1 is negative"),
        (np.array([0, 3, 2]), (), "the label 3 is none of the model's 3 classes, 0 to 2"),
        (np.array([0, 1]), ("cat", "dog"), "the data numbers 2 classes by their names, and the model has 3"),
        (np.array([0, 2, 1]), (), ""),
        (np.array([0, 0], np.uint8), (), ""),
        (np.array([0, 1]), ("bird", "cat", "dog"), ""),
    ],
)
def test_labels_that_cannot_be_compared_with_three_classes_are_doubted(
    labels: np.ndarray | None, names: tuple[str, ...], reason: str
) -> None:
    assert doubt_labels(labels, 3, names) == reason
