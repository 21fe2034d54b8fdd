import time

import onnx
import pytest

from onnxinv.model.labels import label_tensors
from tests.networks import SHIPPED


def node(name: str, *outputs: str, op: str = "", scopes: str | None = None, inputs: tuple[str, ...] = ("x",)):
    made = onnx.helper.make_node(op or name.rpartition("/")[2] or "Relu", inputs, outputs, name=name)
    if scopes is not None:
        made.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    return made


def labels(*nodes: onnx.NodeProto, inputs: tuple[str, ...] = ()) -> list[str]:
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inputs]
    found = label_tensors(onnx.helper.make_graph(nodes, "g", values, []))
    assert set(found) == {name for each in nodes for name in each.output if name}
    assert len(set(found.values()) | set(inputs)) == len(found) + len(inputs), "labels are unique"
    assert all(found.values()), "labels are not empty"
    return list(found.values())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_models_are_labelled_as_their_author_wrote_them(path):
    found = list(label_tensors(onnx.load(path).graph).values())
    assert found == [
        "normalise/Sub", "normalise/Div", "conv1", "elu1", "conv2", "elu2", "pool1", "conv3", "elu3", "conv4", "elu4",
        "pool2", "conv5", "elu5", "flatten", "fc1", "elu6", "fc2",
    ]  # fmt: skip


def test_a_module_of_one_operation_is_called_by_its_own_name():
    assert labels(node("/layer1/layer1.0/conv2/Conv", "/layer1/layer1.0/conv2/Conv_output_0")) == ["layer1.0.conv2"]


def test_functional_operations_are_called_by_module_and_operation():
    found = labels(
        node("/layer1/layer1.0/conv2/Conv", "a"),
        node("/layer1/layer1.0/Add", "b"),
        node("/layer1/layer1.0/relu/Relu", "c"),
        node("/layer1/layer1.0/relu_1/Relu", "d"),
    )
    assert found == ["layer1.0.conv2", "layer1.0/Add", "layer1.0.relu", "layer1.0.relu_1"]


def test_several_operations_of_a_module_are_told_apart():
    found = labels(node("/attn/MatMul", "a"), node("/attn/Softmax", "b"), node("/attn/MatMul_1", "c"))
    assert found == ["attn/MatMul", "attn/Softmax", "attn/MatMul_1"]


def test_a_module_that_is_called_twice_has_two_labels():
    found = labels(node("/relu/Relu", "a"), node("/conv/Conv", "b"), node("/relu/Relu_1", "c"))
    assert found == ["relu/Relu", "conv", "relu/Relu_1"]


def test_constants_of_a_module_do_not_make_it_a_module_of_several_operations():
    assert labels(node("/up/Constant", "a", inputs=()), node("/up/Resize", "b")) == ["up/Constant", "up"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("/features/features.0/features.0.0/Conv", "features.0.0"),
        ("/model.2/m.0/cv1/conv/Conv", "model.2.m.0.cv1.conv"),
        ("/encoder/layer.0/attention/self/query/MatMul", "encoder.layer.0.attention.self.query"),
    ],
)
def test_members_of_containers_repeat_the_containers_name_only_once(name, label):
    assert labels(node(name, "a")) == [label]


def test_an_operation_at_top_level_is_called_by_its_name_unless_the_author_named_its_tensor():
    assert labels(node("/Softmax", "/Softmax_output_0")) == ["Softmax"]
    assert labels(node("/Split", "/Split_output_0", "/Split_output_1")) == ["Split", "Split:1"]
    assert labels(node("/Softmax", "probabilities")) == ["probabilities"]


def test_further_outputs_of_an_operation_are_numbered_as_in_the_node():
    assert labels(node("/lstm/LSTM", "y", "h", "c")) == ["lstm", "lstm:1", "lstm:2"]
    assert labels(node("/lstm/LSTM", "", "h")) == ["lstm:1"]


def test_scopes_of_the_dynamo_exporter_come_before_names():
    scopes = "['', 'layer1', 'layer1.0', 'layer1.0.conv2', 'conv2d_1']"
    assert labels(node("/elsewhere/Conv", "conv2d_1", op="Conv", scopes=scopes)) == ["layer1.0.conv2"]


def test_several_operations_in_a_dynamo_scope_are_told_apart():
    scopes = "['', 'attn', '{}']"
    nodes = [
        node(f"n{i}", f"t{i}", op=op, scopes=scopes.format(i)) for i, op in enumerate(["MatMul", "Softmax", "MatMul"])
    ]
    assert labels(*nodes) == ["attn/MatMul", "attn/Softmax", "attn/MatMul_1"]


def test_a_dynamo_operation_outside_of_all_modules_keeps_its_tensor_name():
    assert labels(node("node_softmax", "softmax", op="Softmax", scopes="['', 'softmax']")) == ["softmax"]


@pytest.mark.parametrize(
    ("tensor", "label"),
    [
        ("StatefulPartitionedCall/model/conv2d_3/Relu:0", "conv2d_3/Relu"),
        ("StatefulPartitionedCall/model_1/block/conv/BiasAdd:0", "block/conv/BiasAdd"),
        ("functional_1/dense/MatMul:0", "dense/MatMul"),
        ("sequential/dense/MatMul:1", "dense/MatMul:1"),
        ("encoder/model/conv", "encoder/model/conv"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall"),
        ("model", "model"),
        ("123", "123"),
        ("/", "/"),
        (":0", ":0"),
        (" ", " "),
    ],
)
def test_tensor_names_lose_what_tensorflow_puts_around_every_model(tensor, label):
    assert labels(node("", tensor, op="Relu")) == [label]


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param("", id="empty"),
        pytest.param("layer1.conv", id="no list"),
        pytest.param("{'a': 1}", id="a dict"),
        pytest.param("{[]: 1}", id="an unhashable key"),
        pytest.param("[1, 2, 3]", id="numbers"),
        pytest.param("[['a'], 'b']", id="nested"),
        pytest.param("['a', __import__('os').getcwd(), 'b']", id="code"),
        pytest.param("['\\d', 'a', 'b']", id="an escape that warns"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("-" * 100_000 + "1", id="deep signs"),
        pytest.param("['a'" + ", 'a'" * 3_000, id="unfinished"),
        pytest.param("[" + "'a'," * 1_000_000 + "]", id="huge"),
        pytest.param("['', ' ', 'conv']", id="blank"),
        pytest.param("[]", id="an empty list"),
        pytest.param("\0", id="a null character"),
    ],
)
def test_hostile_scopes_are_ignored_quickly(scopes):
    start = time.perf_counter()
    assert labels(node("n", "tensor", op="Relu", scopes=scopes)) == ["tensor"]
    assert time.perf_counter() - start < 1


def test_labels_that_would_repeat_name_the_tensor_too():
    assert labels(node("/a/Relu", "t"), node("", "a", op="Neg")) == ["a (t)", "a (a)"]


def test_labels_stay_unique_where_names_are_chosen_to_collide():
    labels(node("", "model/a", op="Relu"), node("", "a", op="Relu"), node("", "a (a)", op="Relu"))
    labels(node("", "a:0", op="Relu"), node("", "a", op="Relu"), node("", "a (a:0)"), node("", "a (a:0)'"))


def test_a_label_is_never_the_name_of_an_input():
    assert labels(node("/image/Sub", "t"), inputs=("image",)) == ["image (t)"]


def keras(*names: str) -> list[str]:
    return labels(*(node("", name, op="Relu") for name in names))


def test_the_numbers_that_keras_puts_behind_all_scopes_are_taken_off_with_the_models_name():
    found = keras("resnet_1/stem_1/Relu:0", "resnet_1/conv2d_1_1/BiasAdd:0", "resnet_1/Add_1:0", "Identity:0")
    assert found == ["stem/Relu", "conv2d_1/BiasAdd", "Add_1", "Identity"]


def test_layers_in_layers_lose_their_number_and_operations_keep_theirs():
    found = keras(
        "vit_1/attention_1/query_1/MatMul:0", "vit_1/norm_1/moments/mean_1:0", "vit_1/norm_1/mul_1:0",
        "vit_1/head_1/Tensordot_1/MatMul:0", "vit_1/head_1/Tensordot_1:0",
    )  # fmt: skip
    assert found == [
        "attention/query/MatMul", "norm/moments/mean_1", "norm/mul_1", "head/Tensordot_1/MatMul", "head/Tensordot_1",
    ]  # fmt: skip


def test_a_saved_keras_model_is_labelled_like_one_that_was_exported_at_once():
    call = "StatefulPartitionedCall"
    assert keras(f"{call}/net_1/a_1/Relu:0", f"{call}/net_1/b_1/Relu:0") == ["a/Relu", "b/Relu"]


def test_what_keras_inlined_from_a_function_does_not_hide_the_models_name():
    condition = "net_1_gru_1_while_cond_frozen_52_net_1/gru_1/while/Less"
    assert keras("net_1/gru_1/transpose:0", "net_1/head_1/MatMul:0", condition) == [
        "gru/transpose", "head/MatMul", condition,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["net_1/a_1/Relu", "net_1/b/Relu"], id="a layer without a number"),
        pytest.param(["net_1/a_1/Relu", "net_1/b_2/Relu"], id="a layer with another number"),
        pytest.param(["net/a_1/Relu", "net/b_1/Relu"], id="a model without a number"),
        pytest.param(["net_1/a_1/Relu", "other_1/b_1/Relu"], id="two models"),
        pytest.param(["net_1/a_1/Relu", "net_1/b_1/Relu", "other/Relu"], id="a scope beside the model"),
        pytest.param(["net_1/a_1/Relu", "net_1/a_1/Add"], id="a single layer"),
        pytest.param(["net_1/a_1", "net_1/b_1"], id="no layers"),
        pytest.param(["/", ":0", " "], id="no names"),
    ],
)
def test_numbers_stay_where_they_are_not_behind_every_scope(names):
    assert keras(*names) == names
