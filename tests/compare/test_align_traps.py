"""Names, counters and repeated blocks that invite a wrong pair get none, nor one that claims more than it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv import api
from onnxinv.align import align
from onnxinv.alignment import Evidence
from onnxinv.outline import outlines
from tests.compare.drawn import blocks, chain, counted, evidence, layer, named, places

ZOO = Path(__file__).parents[1] / "zoo"


def swapped(pairs):
    return {other: one for one, other in pairs.items()}


def test_conv1_is_not_conv10():
    a = chain([f"conv{number}" for number in range(1, 11)])
    b = list(reversed(chain([f"conv{number}" for number in range(1, 11)])))
    found = align(a, b)
    assert named(found, a, b) == {each.name: each.name for each in a}


def test_conv1_does_not_stand_in_for_a_missing_conv10():
    a = [layer("image", "Input"), *chain(["conv1", "conv10"])]
    b = [layer("image", "Input"), *chain(["conv10"])]
    assert named(align(a, b), a, b)["conv10"] == "conv10"


INSERTED = [
    pytest.param(place, id=where) for place, where in enumerate(["at the start", "in the middle", "at the end"])
]


@pytest.mark.parametrize("place", INSERTED)
@pytest.mark.parametrize("same", [True, False], ids=["equal activations", "CKA"])
def test_activations_find_the_inserted_one_of_repeated_blocks(place, same):
    a, b = counted([16] * 4), counted([16] * 5)
    at = [0, 2, 4][place]
    truth = {0: 0, len(a) - 1: len(b) - 1}
    for block in range(4):
        for part in (1, 2):
            truth[2 * block + part] = 2 * (block + (block >= at)) + part
    said = evidence(a, b, truth, same=same)
    found = align(a, b, evidence=said)
    assert places(found) == truth
    assert found.unmatched_b == (2 * at + 1, 2 * at + 2)
    assert len(found.guesses) == (0 if same else 8)
    turned = align(b, a, evidence=Evidence(said.cka.T, said.same.T))
    assert places(turned) == swapped(truth)


@pytest.mark.parametrize("place", INSERTED)
def test_without_activations_counted_names_of_repeated_blocks_prove_nothing(place):
    a, b = counted([16] * 4), counted([16] * 5)
    found = align(a, b)
    assert {pair.a for pair in found.pairs if pair not in found.guesses} == {0, len(a) - 1}
    assert align(a, b, "name").pairs == tuple(pair for pair in found.pairs if pair not in found.guesses)
    assert len(found.unmatched_b) == 2


@pytest.mark.parametrize("at", range(5))
def test_widths_find_the_inserted_block_whatever_its_number(at):
    widths = [16, 32, 64, 128]
    a, b = counted(widths), counted([*widths[:at], 512, *widths[at:]])
    found = align(a, b)
    assert found.unmatched_a == ()
    assert found.unmatched_b == (2 * at + 1, 2 * at + 2)
    assert all(a[pair.a].channels == b[pair.b].channels for pair in found.pairs)


@pytest.mark.parametrize("at", range(4))
def test_author_names_find_the_inserted_block(at):
    labels = ["stem", "body", "neck"]
    a, b = blocks(labels), blocks([*labels[:at], "extra", *labels[at:]])
    found = align(a, b)
    assert named(found, a, b) == {each.name: each.name for each in a}
    assert found.guesses == ()


@pytest.mark.parametrize("shift", [1, 2, 3, 7])
def test_a_counter_that_ran_on_does_not_pair_equal_numbers(shift):
    widths = [8, 16, 16, 32]
    a, b = counted(widths), counted(widths, first=shift)
    found = align(a, b)
    assert places(found) == {place: place for place in range(len(a))}
    assert {pair.a for pair in found.guesses} == set(range(1, len(a) - 1))
    assert places(align(a, b, "name")) == {0: 0, len(a) - 1: len(b) - 1}


def test_the_first_of_a_count_has_no_number_and_proves_as_little():
    a, b = counted([16]), counted([16, 16])
    found = align(a, b)
    assert {a[pair.a].name for pair in found.guesses} == {"conv2d", "relu"}
    truth = {0: 0, 1: 3, 2: 4, 3: 5}
    assert places(align(a, b, evidence=evidence(a, b, truth, same=False))) == truth


def test_counts_that_agree_throughout_are_names():
    net = counted([8, 16, 16, 32])
    assert {pair.method for pair in align(net, net).pairs} == {"name"}


def test_branches_in_another_order_follow_their_names():
    widths = {"left": 8, "middle": 16, "right": 16}
    a, b = (blocks(order, [widths[each] for each in order]) for order in (["left", "middle", "right"], [*widths][::-1]))
    found = align(a, b)
    assert named(found, a, b) == {each.name: each.name for each in a}


@pytest.mark.parametrize("widths", [(8, 64), (8, 24, 64), (16, 8, 16)])
def test_counted_branches_in_another_order_do_not_follow_their_numbers(widths):
    turned = (*widths[1:], widths[0])
    a, b = counted(widths), counted(turned)
    found = align(a, b)
    assert all(a[pair.a].channels == b[pair.b].channels for pair in found.pairs)
    assert not {pair.a for pair in align(a, b, "name").pairs} - {0, len(a) - 1}
    truth = {0: 0, len(a) - 1: len(b) - 1}
    for branch in range(len(widths)):
        for part in (1, 2):
            truth[2 * branch + part] = 2 * ((branch - 1) % len(widths)) + part
    proven = align(a, b, evidence=evidence(a, b, truth, same=True))
    assert places(proven) == truth
    assert proven.guesses == ()


@pytest.mark.parametrize("turned", [True, False], ids=["the order is right", "the numbers are right"])
def test_activations_tell_whether_numbers_that_changed_places_are_right(turned):
    order = ["conv2", "conv1", "conv4", "conv3", "conv5"]
    a = [layer("image", "Input", 3), *chain(sorted(order))]
    b = [layer("image", "Input", 3), *chain(order)]
    at = {each.name: place for place, each in enumerate(b)}
    truth = {place: place if turned else at[each.name] for place, each in enumerate(a)}
    found = align(a, b, evidence=evidence(a, b, truth, same=False))
    assert places(found) == truth
    assert len(found.guesses) == (5 if turned else 0)
    unknown = align(a, b)
    assert named(unknown, a, b) == {each.name: each.name for each in a}


def test_numbers_that_changed_places_hold_where_activations_do_not_decide():
    a, b = chain(["conv1", "conv2"]), chain(["conv2", "conv1"])
    found = align(a, b, evidence=evidence(a, b, {}, same=False))
    assert named(found, a, b) == {"conv1": "conv1", "conv2": "conv2"}
    assert found.guesses == ()


def test_a_wider_model_of_the_same_names_is_aligned_by_name():
    widths = [8, 16, 32]
    a, b = counted(widths), counted([4 * width for width in widths])
    found = align(a, b)
    assert places(found) == {place: place for place in range(len(a))}
    assert found.guesses == ()


HOSTILE = [
    pytest.param(["", "", ""], id="no names"),
    pytest.param(["conv", "conv", "conv"], id="one name for all"),
    pytest.param([".*", "conv[0-9]+", "(?P<"], id="regular expressions"),
    pytest.param(["*", "**/conv?", "[!a]"], id="globs"),
    pytest.param(["層", "Größe", "\u202econv\u0000\n"], id="unicode and control characters"),
    pytest.param(["x" * 100_000, "x" * 99_999, "x" * 100_001], id="very long names"),
    pytest.param(["1", "12", "123"], id="numbers"),
    pytest.param(["/Relu", "//", "/"], id="slashes"),
    pytest.param(["٣", "²", "௧"], id="digits of other scripts"),
    pytest.param(["\ud800", "a\udfff", "b"], id="lone surrogates"),
]


@pytest.mark.parametrize("names", HOSTILE)
def test_hostile_names_do_no_harm_to_a_model_compared_with_itself(names):
    net = chain(names)
    found = align(net, net)
    assert places(found) == {0: 0, 1: 1, 2: 2}
    assert [pair.cost for pair in found.pairs] == [0.0] * 3
    unique = len(set(names)) == 3
    assert {pair.method for pair in found.pairs} == ({"name"} if unique else {"sequence"})


@pytest.mark.parametrize("names", HOSTILE)
def test_hostile_names_match_nothing_but_themselves(names):
    a, b = chain(names), chain(["conv1", "conv22", "convolution"])
    assert align(a, b, "scope").pairs == ()


def test_labels_that_several_layers_share_prove_nothing():
    a = [layer(f"t{place}", label="conv") for place in range(3)]
    b = [layer(f"u{place}", label="conv") for place in range(3)]
    assert align(a, b, "scope").pairs == ()
    assert len(align(a, b).guesses) == 3


@pytest.mark.parametrize("mode", ["auto", "name", "scope", "sequence", "depth"])
def test_an_equal_name_on_another_kind_of_work_never_pairs(mode):
    a = [layer("image", "Input"), layer("head", "Conv"), layer("out", "Softmax")]
    b = [layer("image", "Input"), layer("head", "Gemm"), layer("out", "Sigmoid")]
    assert places(align(a, b, mode)) == {0: 0}


def test_a_layer_that_only_one_has_is_listed():
    a = [layer("image", "Input"), layer("conv"), layer("norm", "BatchNormalization"), layer("act", "Relu")]
    b = [each for each in a if each.op != "BatchNormalization"]
    found = align(a, b)
    assert found.unmatched_a == (2,)
    assert found.unmatched_b == ()
    assert places(align(b, a)) == swapped(places(found))


@pytest.mark.parametrize("quantised_names", [True, False], ids=["names kept", "other names"])
def test_a_quantised_model_aligns_with_the_one_it_was_made_of(quantised_names):
    labels = ["stem", "body", "neck"]
    a = blocks(labels)
    b = []
    for each in a:
        b.append(each if quantised_names else layer(f"q{each.name}", each.op, each.channels, extent=each.units))
        if each.op != "Input":
            b.append(layer(f"{each.name}_DequantizeLinear_Output", "DequantizeLinear", each.channels))
    b = [layer(each.name, each.op, each.channels, extent=64 if each.op != "Gemm" else 1) for each in b]
    found = align(a, b)
    assert found.unmatched_a == ()
    for pair in found.pairs:
        assert a[pair.a].name in b[pair.b].name
        if quantised_names:
            assert (pair.method, a[pair.a].op) == ("name", b[pair.b].op)


def test_activations_that_only_the_requantised_tensor_stands_for():
    a = [layer("image", "Input"), layer("conv"), layer("act", "Relu")]
    b = [layer("image", "Input"), layer("q1", "DequantizeLinear"), layer("q2", "DequantizeLinear")]
    found = align(a, b, evidence=evidence(a, b, {0: 0, 1: 1, 2: 2}, same=False))
    assert places(found) == {0: 0, 1: 1, 2: 2}
    assert [pair.method for pair in found.pairs] == ["name", "sequence", "sequence"]


@pytest.mark.parametrize("number", [3, 8])
def test_a_model_twice_as_deep_gets_no_pair_that_goes_back_in_depth(number):
    a = blocks([f"blocks.{place}" for place in range(number)])
    b = blocks([f"blocks.{place}" for place in range(2 * number)])
    found = align(a, b)
    assert [pair.b for pair in found.pairs] == sorted(pair.b for pair in found.pairs)
    assert len(found.pairs) == len(a)
    assert len(found.guesses) == len(a) - 2
    truth = {0: 0, len(a) - 1: len(b) - 1} | {
        2 * place + part: 4 * place + part for place in range(number) for part in (1, 2)
    }
    assert places(align(a, b, evidence=evidence(a, b, truth, same=False))) == truth


def test_a_guess_that_activations_contradict_is_given_up():
    a, b = counted([16] * 3), counted([16] * 4)
    contradicted = Evidence(np.full((len(a), len(b)), 0.2), np.zeros((len(a), len(b)), bool))
    assert align(a, b, evidence=contradicted).guesses == ()


@pytest.fixture(scope="module")
def zoo():
    known = {}

    def read(name):
        if name not in known:
            known[name] = outlines(api.inspect(ZOO / f"{name}.onnx").layers)
        return known[name]

    return read


@pytest.mark.parametrize(
    "name", ["torchscript_resnet18", "tensorflow_mobilenet", "quantized_mobilenet_qdq", "keras_vit"]
)
def test_an_exported_model_corresponds_to_itself_by_name_at_no_cost(zoo, name):
    net = zoo(name)
    found = align(net, net)
    assert places(found) == {place: place for place in range(len(net))}
    assert {pair.method for pair in found.pairs} == {"name"}
    assert [pair.cost for pair in found.pairs] == pytest.approx([0.0] * len(net))


def test_two_exports_of_a_resnet_are_aligned_throughout(zoo):
    a, b = zoo("torchscript_resnet18"), zoo("dynamo_resnet18")
    found = align(a, b)
    assert found.unmatched_a == found.unmatched_b == ()
    for pair in found.pairs:
        # The newer exporter calls a folded convolution by its normalisation, whose number is the convolution's.
        one = a[pair.a].label.replace("conv", "bn").replace("downsample.0", "downsample.1").replace("relu_1", "relu")
        assert one == b[pair.b].label.split("/Relu")[0]


def test_two_exports_of_a_transformer_are_aligned_but_for_the_activation_that_one_spells_out(zoo):
    a, b = zoo("torchscript_vit"), zoo("dynamo_vit")
    found = align(a, b)
    assert {b[place].op for place in found.unmatched_b} == {"Gelu"}
    assert {a[place].label.split("/")[0] for place in found.unmatched_a} == {"blocks.0.mlp.1", "blocks.1.mlp.1"}
    for pair in found.pairs:
        assert a[pair.a].op == b[pair.b].op
        assert (a[pair.a].channels, a[pair.a].units) == (b[pair.b].channels, b[pair.b].units)


def test_a_quantised_export_is_aligned_with_its_float_original(zoo):
    a, b = zoo("torchscript_mobilenet"), zoo("quantized_mobilenet_qdq")
    found = align(a, b)
    assert found.unmatched_a == ()
    for pair in found.pairs:
        assert b[pair.b].label.startswith(a[pair.a].label) or a[pair.a].name in b[pair.b].name


def test_two_architectures_have_little_in_common_and_it_is_said_how_little(zoo):
    a, b = zoo("torchscript_resnet18"), zoo("torchscript_mobilenet")
    found = align(a, b)
    assert {a[pair.a].label for pair in found.pairs} <= {"x", "avgpool", "fc"}
    assert len(found.unmatched_a) + len(found.pairs) == len(a)
