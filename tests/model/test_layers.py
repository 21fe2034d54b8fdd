import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.model.layers import Candidate, Layer, candidates, choose, locate, split_by_type
from onnxinv.model.load import load
from onnxinv.result import Skipped
from tests.model.onnx_text import loaded, parse
from tests.networks import SHIPPED

COMPUTES = """g (float[N, 2, 4] x) => (float[N, 8] y) {
    a = Relu(x)  dims = Shape(a)  one = Constant<value = int64 {1}>()  batch = Gather(dims, zero)
    target = Concat<axis = 0>(batch, eight)  b = Reshape(a, target)  c = Cast<to = 6>(b)  best = ArgMax<axis = 1>(b)
    low, high = Split<axis = 1>(b)  d = Concat<axis = 1>(high, low)  y = Sigmoid(d)
}"""


def computes(folder):
    return loaded(folder, parse(COMPUTES, zero=np.array([0]), eight=np.array([8])))


def names(found):
    return [one.name for one in found]


def test_tensors_are_listed_in_order_from_the_input_on(tmp_path):
    found, skipped = candidates(computes(tmp_path))
    assert names(found) == ["x", "a", "b", "c", "best", "low", "high", "d", "y"]
    assert (found[0].op, found[1].op) == ("Input", "Relu")
    assert skipped == []


def test_shape_arithmetic_and_constants_are_not_listed(tmp_path):
    found, _ = candidates(computes(tmp_path))
    assert not {"dims", "one", "batch", "target", "zero", "eight"} & set(names(found))


def test_by_default_what_computes_is_measured_and_what_moves_data_is_not(tmp_path):
    found, _ = candidates(computes(tmp_path))
    assert names(choose(found, ["y"], "default", [], [])) == ["x", "a", "best", "y"]
    assert names(choose(found, ["y"], "all", [], [])) == names(found)
    assert names(choose(found, ["y"], "outputs", [], [])) == ["y"]


def test_an_output_that_only_moves_data_is_measured(tmp_path):
    model = loaded(tmp_path, parse("g (float[N, 4] x) => (float[N, 4] y) { a = Relu(x)  y = Identity(a) }"))
    assert names(choose(candidates(model)[0], ["y"], "default", [], [])) == ["x", "a", "y"]


def test_what_moves_data_is_measured_where_it_is_asked_for(tmp_path):
    found, _ = candidates(computes(tmp_path))
    assert names(choose(found, ["y"], "default", ["b"], [])) == ["b"]
    assert names(choose(found, ["y"], "default", [], ["Split", "Concat"])) == ["low", "high", "d"]


def test_tensors_in_bodies_are_skipped_and_what_leaves_them_is_listed(tmp_path):
    model = loaded(
        tmp_path,
        parse("""g (float[N, 3] x, bool cond) => (float[N, 3] y) {
            n = Constant<value = int64 {2}>()  k = Constant<value = bool {1}>()
            h = Loop(n, k, x) <body = l (int64 i, bool c, float[N, 3] s) => (bool c2, float[N, 3] t) {
                c2 = Identity(c)
                t = If(cond) <then_branch = a () => (float[N, 3] p) {
                                  two = Constant<value = float {2}>()  p = Mul(s, two)
                              },
                              else_branch = b () => (float[N, 3] q) { q = Neg(s) }>
            }>
            y = Relu(h)
        }"""),
    )
    found, skipped = candidates(model)
    assert [(one.name, one.op) for one in found] == [("x", "Input"), ("cond", "Input"), ("h", "Loop"), ("y", "Relu")]
    assert {one.name: one.op for one in skipped} == {"c2": "Identity", "t": "If", "p": "Mul", "q": "Neg"}
    assert {one.reason for one in skipped} == {"it is inside the body of a Loop"}
    assert "h" in names(choose(found, ["y"], "default", [], []))


def test_an_output_that_does_not_depend_on_the_input_is_skipped_with_its_reason(tmp_path):
    text = "g (float[N, 3] x) => (float[N, 3] y, float[3] w, float[3] v) { y = Relu(x)  v = Neg(w) }"
    _, skipped = candidates(loaded(tmp_path, parse(text, w=np.ones(3, np.float32))))
    assert [(one.name, one.op) for one in skipped] == [("w", "Constant"), ("v", "Neg")]
    assert {one.reason for one in skipped} == {"it does not depend on the model's input"}


CONV = Candidate(
    "/layer1/layer1.0/conv2/Conv_output_0", "layer1.0.conv2", "Conv", "/layer1/layer1.0/conv2/Conv", moves=False
)
ADD = Candidate("/layer1/layer1.0/Add_output_0", "layer1.0/Add", "Add", "/layer1/layer1.0/Add", moves=False)
TF = Candidate("Stateful/model/block/conv2d[0]/Relu:0", "block/conv2d[0]/Relu", "Relu", "r", moves=False)


@pytest.mark.parametrize(
    ("candidate", "pattern", "fits"),
    [
        pytest.param(CONV, "/layer1/layer1.0/conv2/Conv_output_0", True, id="tensor name"),
        pytest.param(CONV, "/layer1/layer1.0/conv2/Conv", True, id="node name"),
        pytest.param(CONV, "layer1.0.conv2", True, id="label"),
        pytest.param(CONV, "*.conv?", True, id="glob on the label"),
        pytest.param(CONV, "layer1.0", True, id="scope"),
        pytest.param(CONV, "layer1", True, id="outer scope"),
        pytest.param(CONV, "layer", False, id="part of a scope's name"),
        pytest.param(CONV, "layer1.0.conv", False, id="part of a label"),
        pytest.param(CONV, "LAYER1.0.CONV2", False, id="other case"),
        pytest.param(ADD, "layer1.0", True, id="scope of a functional operation"),
        pytest.param(TF, "block/conv2d[0]/Relu", True, id="a name with the characters of globs, spelt out"),
        pytest.param(TF, "block/conv2d[0]", True, id="a scope with the characters of globs, spelt out"),
        pytest.param(TF, "block", True, id="outer TensorFlow scope"),
        pytest.param(TF, "conv2d*", False, id="inner scope alone"),
    ],
)
def test_patterns_fit_names_labels_and_scopes(candidate, pattern, fits):
    assert candidate.matches(pattern) is fits


def test_patterns_choose_in_graph_order_and_count_once():
    found, _ = candidates(load(SHIPPED[0]))
    chosen = choose(found, ["logits"], "default", ["fc*", "conv[12]", "fc1"], [])
    assert [one.label for one in chosen] == ["conv1", "conv2", "fc1", "fc2"]


def test_operators_and_patterns_narrow_each_other():
    found, _ = candidates(load(SHIPPED[0]))
    assert [one.label for one in choose(found, ["logits"], "default", ["*1"], ["Elu", "Gemm"])] == ["elu1", "fc1"]


def test_a_pattern_that_fits_nothing_is_answered_with_close_labels():
    found, _ = candidates(load(SHIPPED[0]))
    with pytest.raises(UsageError, match=r"'cnv1' fits no layer\. Did you mean 'conv1'"):
        choose(found, ["logits"], "default", ["conv1", "cnv1"], [])


def test_an_operator_that_makes_nothing_is_answered_with_close_ones():
    found, _ = candidates(load(SHIPPED[0]))
    with pytest.raises(UsageError, match=r"No layer is made by 'Cnv'\. Did you mean 'Conv'"):
        choose(found, ["logits"], "default", [], ["Cnv"])


def test_a_selection_that_does_not_exist_is_an_error():
    with pytest.raises(UsageError, match=r"no selection 'output'\. Did you mean 'outputs'"):
        choose([CONV], [], "output", [], [])


def test_only_floating_point_tensors_are_kept():
    types = {
        "a": "tensor(float)",
        "b": "tensor(float16)",
        "c": "tensor(double)",
        "d": "tensor(int64)",
        "e": "seq(tensor(float))",
        "f": "tensor(float8e4m3fn)",
    }
    every = [Candidate(name, name, "Op", "", moves=False) for name in types]
    kept, skipped = split_by_type(every, types)
    assert names(kept) == ["a", "b", "c"]
    assert [(one.name, one.reason) for one in skipped] == [
        ("d", "it holds integers, not measured quantities (tensor(int64))"),
        ("e", "it is a sequence, not a tensor: seq(tensor(float))"),
        ("f", "numpy has no numbers of its type tensor(float8e4m3fn)"),
    ]


def located(folder, overrides=None, followed=None) -> tuple[list[Layer], list[Skipped]]:
    model = loaded(
        folder,
        parse(
            "g (float[N, 4, 5, 6] x) => (float[5] z) { y = Relu(x)  z = ReduceSum<keepdims = 0>(y, s) }",
            s=np.array([0, 1, 3]),
        ),
    )
    one, other = np.ones((2, 4, 5, 6), np.float32), np.ones((3, 4, 5, 6), np.float32)
    runs = {"x": one, "y": one, "z": one[0, 0, :, 0]}, {"x": other, "y": other, "z": other[0, 0, :, 0]}
    shapes = {name: array.shape for name, array in runs[0].items()}
    return locate(model, candidates(model)[0], runs, (2, 3), followed or {}, overrides or {}, shapes)


def test_layers_have_units_channels_and_an_index(tmp_path):
    layers, skipped = located(tmp_path)
    assert [(one.index, one.name, one.shape, one.channel_axis) for one in layers] == [
        (0, "x", (4, 5, 6), 0),
        (1, "y", (4, 5, 6), 0),
    ]
    assert (layers[0].units, layers[0].channels, layers[0].dtype) == (120, 4, "float32")
    assert [(one.name, one.op, one.reason) for one in skipped] == [("z", "ReduceSum", "it has no batch axis")]


def test_the_channel_axis_follows_what_is_known_of_the_input(tmp_path):
    assert [one.channel_axis for one in located(tmp_path, followed={"x": 3})[0]] == [2, 2]


def test_the_channel_axis_can_be_stated_and_the_last_statement_holds(tmp_path):
    layers, _ = located(tmp_path, {"*": 1, "y": -1})
    assert [one.channel_axis for one in layers] == [1, 2]


def test_a_stated_channel_axis_must_exist_and_fit_a_layer(tmp_path):
    with pytest.raises(UsageError, match=r"--channel-axis 3 is outside the shape \[4, 5, 6\] of 'x'"):
        located(tmp_path, {"x": 3})
    with pytest.raises(UsageError, match="'conv' fits no layer"):
        located(tmp_path, {"x": 0, "conv": 1})


def test_one_number_a_sample_is_one_unit(tmp_path):
    model = loaded(
        tmp_path, parse("g (float[N, 4] x) => (float[N] y) { y = ReduceSum<keepdims = 0>(x, s) }", s=np.array([1]))
    )
    runs = {"y": np.ones(2)}, {"y": np.ones(3)}
    layers, _ = locate(model, candidates(model)[0][1:], runs, (2, 3), {}, {}, {"y": (2,)})
    assert (layers[0].shape, layers[0].channel_axis, layers[0].units) == ((1,), 0, 1)
