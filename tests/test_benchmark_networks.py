"""The networks of the benchmark are the well-known ones: their sizes, their shapes, and numbers that stay finite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

from tools.networks import NETWORKS, resnet18, small_resnet, vgg16

# What torchvision and the CIFAR variant of VGG16 state, less one number for every channel of a BatchNorm: of its weight
# and bias only a bias is left once it is folded. Channels: 4,800 in ResNet18, 4,224 in VGG16, 17,056 in MobileNetV2.
PARAMETERS = {
    "resnet18": 11_689_512 - 4_800,
    "vgg16": 14_728_266 - 4_224 - 4_224,  # its convolutions have biases of their own, which are folded too
    "mobilenet": 3_504_872 - 17_056,
}

# Outputs of all convolutions for an image of 224x224, in millions, as published for ResNet18 and MobileNetV2 and as
# follows from the definition of VGG16.
ACTIVATIONS = {"resnet18": 2.48, "vgg16": 13.55, "mobilenet": 6.68}

INPUTS = {"resnet18": (64, 1000), "vgg16": (32, 10), "mobilenet": (224, 1000)}


@pytest.fixture(params=list(NETWORKS), scope="module")
def network(request: pytest.FixtureRequest) -> tuple[str, onnx.ModelProto]:
    return request.param, NETWORKS[request.param]()


def test_a_network_has_as_many_parameters_as_the_known_one(network: tuple[str, onnx.ModelProto]) -> None:
    name, model = network
    sizes = [int(np.prod(each.dims)) for each in model.graph.initializer if each.name not in {"zero", "six"}]
    assert sum(sizes) == PARAMETERS[name]


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_network_is_valid_and_its_convolutions_give_the_known_number_of_activations(name: str) -> None:
    model = NETWORKS[name](side=224)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    shapes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim[1:]]
        for value in inferred.graph.value_info
    }
    counts = [int(np.prod(shapes[node.output[0]])) for node in model.graph.node if node.op_type == "Conv"]
    assert round(sum(counts) / 1e6, 2) == ACTIVATIONS[name]


def test_a_network_runs_in_any_batch_and_its_classes_tell_images_apart(network: tuple[str, onnx.ModelProto]) -> None:
    name, model = network
    side, classes = INPUTS[name]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((3, 3, side, side), dtype=np.float32)
    (logits,) = session.run(["logits"], {"image": images})
    (alone,) = session.run(["logits"], {"image": images[1:2]})
    assert logits.shape == (3, classes)
    np.testing.assert_allclose(alone[0], logits[1], rtol=1e-3, atol=1e-4 * np.abs(logits).max())
    assert 1e-2 < np.abs(logits).max() < 1e2
    assert np.abs(logits[0] - logits[1]).max() > 1e-2 * np.abs(logits).max()


def test_convolutions_have_biases_and_nothing_is_left_to_fold() -> None:
    for model in (build() for build in NETWORKS.values()):
        operators = Counter(node.op_type for node in model.graph.node)
        assert "BatchNormalization" not in operators
        assert all(len(node.input) == 3 for node in model.graph.node if node.op_type == "Conv")


def test_weights_follow_from_the_seed() -> None:
    first, again, other = (vgg16(seed=seed).SerializeToString(deterministic=True) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize("build", [resnet18, small_resnet])
def test_side_and_classes_can_be_chosen(build: Callable[..., onnx.ModelProto]) -> None:
    model = build(side=32, classes=7)
    onnx.checker.check_model(model, full_check=True)
    assert [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim[1:]] == [3, 32, 32]
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 7
