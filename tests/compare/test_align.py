"""Layers are paired by a map, by activations, by names and in order; each at most once, and what is left is listed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.align import MODES, align
from onnxinv.alignment import Evidence
from onnxinv.errors import UsageError
from onnxinv.op_classes import may_correspond
from tests.compare.drawn import blocks, chain, evidence, layer, named, places

NET = blocks(["stem", "body", "head"])
OTHER = blocks(["first", "second", "third"])


@pytest.mark.parametrize(
    ("mode", "methods"),
    [
        ("auto", {"name"}),
        ("name", {"name"}),
        ("scope", {"name"}),
        ("sequence", {"sequence"}),
        ("depth", {"depth"}),
    ],
)
def test_a_model_corresponds_to_itself_layer_by_layer(mode, methods):
    found = align(NET, NET, mode)
    assert places(found) == {place: place for place in range(len(NET))}
    assert {pair.method for pair in found.pairs} == methods
    assert [pair.cost for pair in found.pairs] == [0.0] * len(NET)
    assert found.unmatched_a == found.unmatched_b == ()
    assert found.guesses == (() if methods == {"name"} else found.pairs)


@pytest.mark.parametrize(
    ("mode", "methods"),
    [
        ("auto", ["name", "scope", "sequence"]),
        ("name", ["name"]),
        ("scope", ["name", "scope"]),
        ("sequence", ["sequence", "sequence", "sequence"]),
        ("depth", ["depth", "depth", "depth"]),
    ],
)
def test_each_mode_rests_on_what_it_says(mode, methods):
    a = [layer("image", "Input"), layer("t1", label="stem"), layer("t2", "Relu", label="act")]
    b = [layer("image", "Input"), layer("u1", label="stem"), layer("u2", "Relu", label="nonlinearity")]
    found = align(a, b, mode)
    assert [(pair.a, pair.b, pair.method) for pair in found.pairs] == [
        (place, place, method) for place, method in enumerate(methods)
    ]
    left = tuple(range(len(methods), 3))
    assert found.unmatched_a == found.unmatched_b == left


def test_depth_looks_at_nothing_but_class_and_depth():
    a = chain(["p", "q", "r"], channels=8)
    b = [layer("r", channels=512), layer("q", channels=3, extent=1), layer("p", channels=64)]
    assert places(align(a, b, "depth")) == {0: 0, 1: 1, 2: 2}
    assert align(a, b, "sequence").pairs == ()


def test_equal_names_need_not_keep_the_order():
    a, b = blocks(["left", "right"]), blocks(["right", "left"])
    found = align(a, b)
    assert named(found, a, b) == {each.name: each.name for each in a}
    assert found.guesses == ()


def test_a_label_that_several_layers_share_names_the_one_that_does_that_work():
    a = [layer("t1", "Conv", label="b/Conv"), layer("t2", "Relu", label="b/Relu")]
    b = [layer("u2", "Relu", label="b/Relu"), layer("u1", "Conv", label="b/Conv")]
    found = align(a, b)
    assert named(found, a, b) == {"t1": "u1", "t2": "u2"}
    assert [pair.method for pair in found.pairs] == ["scope", "scope"]


def test_a_pair_that_only_the_order_speaks_for_is_a_guess():
    found = align(NET, OTHER)
    assert places(found) == {place: place for place in range(len(NET))}
    ends = {0, len(NET) - 1}
    assert {pair.a for pair in found.guesses} == set(range(len(NET))) - ends
    assert all(0 < pair.cost < 0.35 for pair in found.guesses)


@pytest.mark.parametrize("factor", [4, 1000])
def test_no_guess_pairs_layers_of_very_different_width(factor):
    a, b = [layer("p", channels=8)], [layer("q", channels=8 * factor)]
    assert align(a, b).pairs == align(b, a).pairs == ()
    assert len(align([layer("p", channels=8)], [layer("p", channels=8 * factor)]).pairs) == 1


def test_no_guess_reaches_across_the_depth_of_the_network():
    a = [layer("p"), *chain("tuvwxyz", "Relu")]
    b = [*chain("tuvwxyz", "Relu"), layer("q")]
    assert named(align(a, b), a, b) == {each: each for each in "tuvwxyz"}


def test_what_is_stated_comes_first_whatever_names_say():
    found = align(NET, NET, stated={"stem/Conv": "head/Conv"})
    assert (1, 5, "map") in [(pair.a, pair.b, pair.method) for pair in found.pairs]
    assert all(pair.method == "name" for pair in found.pairs if pair.a != 1)
    assert places(found)[3] == 3
    assert found.unmatched_a == (5,)
    assert found.unmatched_b == (1,)
    assert found.guesses == ()


def test_a_map_may_pair_what_does_different_work_at_full_cost():
    found = align(NET, OTHER, "name", stated={"stem/Conv": "third/Relu"})
    (pair,) = [pair for pair in found.pairs if pair.method == "map"]
    assert (pair.a, pair.b, pair.cost) == (1, 6, 1.0)


@pytest.mark.parametrize("mode", MODES)
def test_a_map_holds_in_every_mode(mode):
    found = align(NET, OTHER, mode, {"body.conv": "second.conv"})
    assert (3, 3, "map") in [(pair.a, pair.b, pair.method) for pair in found.pairs]


def test_a_tensor_name_goes_before_a_label():
    a = [layer("t1", label="t2"), layer("t2", label="t1")]
    assert places(align(a, a, "depth", {"t1": "t2", "t2": "t1"})) == {0: 1, 1: 0}


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        pytest.param({"stm.conv": "third.conv"}, "first model does not have. Did you mean 'stem.conv'", id="first"),
        pytest.param({"stem.conv": "thrd.conv"}, "second model does not have. Did you mean 'third.conv'", id="second"),
        pytest.param({"": "third.conv"}, "names the layer ''", id="an empty name"),
        pytest.param({".*": "third.conv"}, "'.*', which the first model does not have", id="a pattern is a name"),
        pytest.param(
            {"stem.conv": "first.conv", "body.conv": "first.conv"}, "'first.conv' twice", id="one partner of two"
        ),
        pytest.param(
            {"stem.conv": "first.conv", "stem/Conv": "second.conv"}, "'stem/Conv' twice", id="by name and by label"
        ),
    ],
)
def test_a_map_is_refused(stated, why):
    with pytest.raises(UsageError) as caught:
        align(NET, OTHER, stated=stated)
    assert why in str(caught.value)


def test_a_map_cannot_name_a_layer_by_a_label_that_two_share():
    a = [layer("t1", label="conv"), layer("t2", label="conv")]
    with pytest.raises(UsageError, match="first model has 2 of that label"):
        align(a, OTHER, stated={"conv": "first.conv"})
    assert places(align(a, OTHER, "name", {"t2": "first.conv"})) == {1: 1}


def test_equal_activations_prove_a_pair_that_no_name_speaks_for():
    truth = {place: place for place in range(len(NET))}
    found = align(NET, OTHER, evidence=evidence(NET, OTHER, truth, same=True))
    assert places(found) == truth
    assert all(pair.proven and pair.cka == 1.0 for pair in found.pairs)
    assert found.guesses == ()


def test_equal_activations_outweigh_names():
    a, b = blocks(["one", "two"]), blocks(["two", "one"])
    truth = {place: place for place in range(len(a))}
    found = align(a, b, evidence=evidence(a, b, truth, same=True))
    assert places(found) == truth


def test_equal_activations_pair_a_folded_convolution_with_the_normalisation():
    a, b = [layer("p", "Conv"), layer("r", "Relu")], [layer("q", "Conv"), layer("n", "BatchNormalization")]
    found = align(a, b, evidence=evidence(a, b, {0: 1}, same=True))
    assert places(found) == {0: 1}
    assert found.guesses == ()


def test_an_input_pairs_with_nothing_but_an_input():
    a, b = [layer("p", "Input")], [layer("q", "Mul")]
    assert align(a, b, evidence=evidence(a, b, {0: 0}, same=True)).pairs == ()


def test_operators_of_the_same_weights_pair_whatever_they_are_called_and_so_does_what_follows():
    block = [("Conv", "c"), ("Relu", "r"), ("Add", "s")]
    a = [layer(f"{part}.{name}", op) for part in "xyz" for op, name in block]
    b = [layer(f"{part}.{name}", op) for part in "xqyz" for op, name in block]
    weights = np.zeros((len(a), len(b)), bool)
    for one, other in ((0, 0), (3, 6), (6, 9)):
        weights[one, other] = True
    nothing = np.zeros(weights.shape)
    found = align(a, b, evidence=Evidence(nothing, nothing.astype(bool), weights))
    assert places(found) == {0: 0, 1: 1, 2: 2, **{place: place + 3 for place in range(3, 9)}}
    assert found.unmatched_b == (3, 4, 5)
    assert found.guesses == ()


def test_nothing_follows_across_layers_that_look_different():
    a = [layer("c", "Conv"), layer("r", "Relu"), layer("s", "Add")]
    b = [layer("k", "Conv"), layer("t", "Tanh"), layer("s2", "Add")]
    weights = np.zeros((3, 3), bool)
    weights[0, 0] = True
    nothing = np.zeros((3, 3))
    assert places(align(a, b, evidence=Evidence(nothing, nothing.astype(bool), weights))) == {0: 0}


def test_activations_that_several_layers_share_leave_the_choice_to_names_and_order():
    everywhere = Evidence(np.ones((len(NET), len(NET))), np.ones((len(NET), len(NET)), bool))
    found = align(NET, NET, evidence=everywhere)
    assert places(found) == {place: place for place in range(len(NET))}
    assert {pair.method for pair in found.pairs} == {"name"}


@pytest.mark.parametrize(
    ("cka", "count"),
    [
        pytest.param(0.9, 1, id="alike"),
        pytest.param(0.5, 1, id="just alike"),
        pytest.param(0.49, 0, id="unlike"),
        pytest.param(-0.2, 0, id="below nought"),
        pytest.param(np.nan, 1, id="unknown"),
    ],
)
def test_a_guess_must_be_confirmed_where_activations_are_at_hand(cka, count):
    a, b = [layer("p")], [layer("q")]
    found = align(a, b, evidence=Evidence(np.array([[cka]]), np.zeros((1, 1), bool)))
    assert len(found.pairs) == count
    assert [pair.cka for pair in found.pairs] == ([None] if np.isnan(cka) else [cka])[:count]


def test_a_guess_is_dropped_where_another_layer_of_its_kind_is_more_alike():
    a, b = [layer("p")], [layer("q", channels=16), layer("r", channels=256)]
    for rival, count in ((0.75, 1), (0.85, 0)):
        found = align(a, b, evidence=Evidence(np.array([[0.7, rival]]), np.zeros((1, 2), bool)))
        assert len(found.pairs) == count


@pytest.mark.parametrize("mode", ["auto", "name", "sequence"])
def test_a_layer_that_computes_what_others_do_is_paired_with_one_of_those_or_none(mode):
    a, b = chain(["stem"]), chain(["stem", "p", "q"])
    cka, same = np.array([[0.95, 1.0, 1.0]]), np.array([[False, True, True]])
    assert align(a, b, mode, evidence=Evidence(cka, same)).pairs == ()
    assert align(b, a, mode, evidence=Evidence(cka.T, same.T)).pairs == ()
    near = [*b, *chain(["more"] * 9, "Relu")]
    cka, same = (np.pad(each, ((0, 0), (0, 9))) for each in (cka, same))
    assert 0 not in places(align(a, near, mode, evidence=Evidence(cka, same))).values()


def test_a_name_needs_no_confirmation():
    a = [layer("stem")]
    found = align(a, a, evidence=Evidence(np.array([[0.1]]), np.zeros((1, 1), bool)))
    assert [(pair.method, pair.cka, pair.proven) for pair in found.pairs] == [("name", 0.1, False)]


def test_a_guess_does_not_cross_the_names_around_it():
    tail = chain("tuvwxyz", "Relu")
    a = [layer("first", "Relu"), layer("p"), *tail]
    b = [layer("q"), layer("first", "Relu"), *tail]
    found = align(a, b)
    assert {pair.method for pair in found.pairs} == {"name"}
    assert (found.unmatched_a, found.unmatched_b) == ((1,), (0,))
    assert len(align(a, b, "sequence").pairs) == len(a) - 1


@pytest.mark.parametrize("channels", [20, 1000])
def test_a_name_with_no_number_holds_for_another_width(channels):
    found = align([layer("head", channels=10)], [layer("head", channels=channels)])
    assert [pair.method for pair in found.pairs] == ["name"]


def test_a_layer_that_its_name_takes_elsewhere_does_not_use_up_a_partner():
    # The name crosses the others, so it stands in the way of what lies between them.
    a = [layer("begin", "Relu"), layer("moved"), layer("p"), layer("end", "Relu"), layer("final", "Relu")]
    b = [
        layer("begin", "Relu"),
        layer("q", label="moved"),
        layer("end", "Relu"),
        layer("moved"),
        layer("final", "Relu"),
    ]
    found = align(a, b)
    assert named(found, a, b) == {"begin": "begin", "moved": "moved", "p": "q", "end": "end", "final": "final"}


@pytest.mark.parametrize("mode", MODES)
def test_no_layers_and_one_layer(mode):
    one = [layer("p")]
    for a, b in (([], []), (one, []), ([], one)):
        found = align(a, b, mode)
        assert (found.pairs, found.unmatched_a, found.unmatched_b) == ((), tuple(range(len(a))), tuple(range(len(b))))
    assert places(align(one, one, mode)) == {0: 0}


def test_hundreds_of_layers_with_a_piece_missing():
    a = [layer(f"a{place}", ("Conv", "Relu", "Add")[place % 3], label=f"stage{place}") for place in range(600)]
    b = [layer(f"b{place}", each.op, label=each.label) for place, each in enumerate(a) if not 300 <= place < 330]
    found = align(a, b)
    assert len(found.pairs) == 570
    assert all(a[pair.a].label == b[pair.b].label for pair in found.pairs)
    assert found.unmatched_a == tuple(range(300, 330))


NAMES = st.sampled_from(["", "conv1", "conv10", "Relu", "Relu_1", "Relu_2", "12", "a/b", ".*", "[", "層", "x" * 300])
OPS = st.sampled_from(["Input", "Conv", "Gemm", "Relu", "Clip", "Add", "Mul", "DequantizeLinear", "Mystery"])
MODELS = st.lists(
    st.builds(layer, NAMES, OPS, st.sampled_from([3, 8, 16]), label=NAMES, extent=st.sampled_from([1, 64])), max_size=7
)


@st.composite
def situations(draw):
    a, b = draw(MODELS), draw(MODELS)
    seed = draw(st.none() | st.integers(0, 2**32 - 1))
    if seed is None:
        return a, b, None
    numbers = np.random.default_rng(seed)
    cka = numbers.uniform(-0.1, 1.0, (len(a), len(b)))
    cka[numbers.uniform(size=cka.shape) < 0.1] = np.nan
    return a, b, Evidence(cka, numbers.uniform(size=cka.shape) < 0.1)


@settings(max_examples=300)
@given(situations(), st.sampled_from(MODES))
def test_every_layer_is_paired_once_or_listed_and_only_equal_activations_pair_different_work(situation, mode):
    a, b, said = situation
    found = align(a, b, mode, evidence=said)
    for side, layers, left in (("a", a, found.unmatched_a), ("b", b, found.unmatched_b)):
        assert sorted([*(getattr(pair, side) for pair in found.pairs), *left]) == list(range(len(layers)))
    assert [pair.a for pair in found.pairs] == sorted(pair.a for pair in found.pairs)
    for pair in found.pairs:
        assert pair.proven or may_correspond(a[pair.a].kind, b[pair.b].kind)
        assert 0 <= pair.cost <= 1
        assert pair.method != "name" or a[pair.a].name == b[pair.b].name
        assert pair.method != "scope" or a[pair.a].scope == b[pair.b].scope


@settings(max_examples=300)
@given(situations(), st.sampled_from(MODES))
def test_guesses_never_cross_each_other(situation, mode):
    a, b, said = situation
    found = align(a, b, mode, evidence=said)
    for one, other in combinations([pair.b for pair in found.guesses], 2):
        assert one < other


@settings(max_examples=200)
@given(situations())
def test_names_prove_the_same_pairs_whichever_model_comes_first(situation):
    a, b, _ = situation
    for mode in ("name", "scope"):
        forward, back = places(align(a, b, mode)), places(align(b, a, mode))
        assert {other: one for one, other in back.items()} == forward


@pytest.mark.parametrize(("channels", "pairs"), [((16, 32), 2), ((64, 2), 0)], ids=["one network", "two networks"])
def test_names_that_are_bare_numbers_need_layers_that_are_alike(channels, pairs):
    a = [layer("12", "Conv", 16), layer("13", "Conv", 32)]
    b = [layer(name, "Conv", count) for name, count in zip(("12", "13"), channels, strict=True)]
    assert len(align(a, b, "name").pairs) == pairs
