"""The page of a comparison says which model is more invariant and where, needs nothing else, and names are inert."""

from __future__ import annotations

import re
from time import perf_counter

import pytest

from onnxinv.comparing import Terms, compare_results
from onnxinv.comparison import Comparison, Overall
from onnxinv.reports.comparisons.html import HtmlComparisonReport
from onnxinv.reports.page.comparison_page import measures_of
from onnxinv.reports.page.comparison_verdict import comparison_verdict
from onnxinv.reports.page.overlay import COLOURS, tracks
from tests.reports.compared import between, comparison_of, pair, small
from tests.reports.odd_results import ODD, all_dead
from tests.reports.results import NV, layer, result_of, summary
from tests.reports.test_html import HOSTILE, Page, many

BETTER = pair("conv", values=(0.5, 0.25))
LESS = pair("relu", values=(0.5, 0.625), ci=(0.0625, 0.1875), verdict="worse")
SAME = pair("x", values=(0.5, 0.5), ci=(0.0, 0.0), verdict="same")
UNSURE = pair("fc", values=(0.5, 0.25), ci=(-0.5, 0.125), verdict="uncertain")
MOST = pair("fc", values=(0.75, 0.125), ci=(-0.75, -0.5))


def html(comparison: Comparison) -> str:
    return HtmlComparisonReport().render(comparison)


def page(comparison: Comparison) -> Page:
    return Page(html(comparison))


def classes(shown: Page, tag: str) -> list[str | None]:
    return [attributes.get("class") for name, attributes in shown.elements if name == tag]


def test_says_what_the_comparison_says():
    text = page(small()).text
    for words in (
        "mixed",
        "20 samples of digits.npz",
        "relu Elu better 0.500 0.250 -0.250 [-0.375, -0.125] ~sequence 0.00 0.88",
        "pool pool worse 0.500 0.625 +0.125 [+0.062, +0.188] scope 0.00 0.75",
        "Only in A: 1 layer norm",
        "Only in B: 12 layers mul0, mul1",
        "top1-consistency 0.500 0.750 +0.250 [+0.125, +0.375] better",
        "rotated: Values that are nan are left out: c (4).",
        "onnxinv analyze plain.onnx --data digits.npz",
        "onnxinv analyze rotated.onnx --data digits.npz",
        "2 pairs are guesses",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("pairs", "overall", "told"),
    [
        pytest.param(
            [SAME, BETTER, MOST], "better",
            "'rotated' is more invariant than 'plain' in 2 of 3 pairs of layers, from conv on, most in fc "
            "(0.125 instead "
            "of 0.750); less in none.",
            id="more",
        ),
        pytest.param(
            [LESS, BETTER, MOST], "mixed",
            "'rotated' is more invariant than 'plain' in 2 of 3 pairs of layers, from conv on, most in fc "
            "(0.125 instead "
            "of 0.750); less in 1, most in relu (0.625 instead of 0.500).",
            id="more in most",
        ),
        pytest.param(
            [BETTER, SAME, MOST], "better",
            "'rotated' is more invariant than 'plain' in 2 of 3 pairs of layers, most in fc (0.125 instead of 0.750); "
            "less in none.",
            id="with others between",
        ),
        pytest.param(
            [LESS, SAME], "worse",
            "'rotated' is less invariant than 'plain' in 1 of 2 pairs of layers, most in relu (0.625 instead of "
            "0.500); "
            "more in none.",
            id="less",
        ),
        pytest.param(
            [LESS, BETTER, MOST], "worse",
            "'rotated' is less invariant than 'plain' in 1 of 3 pairs of layers, most in relu (0.625 instead of "
            "0.500); "
            "more in 2, most in fc (0.125 instead of 0.750).",
            id="less where it counts",
        ),
        pytest.param([SAME], "same", "'rotated' is as invariant as 'plain' in 1 pair of layers.", id="one the same"),
        pytest.param(
            [SAME, SAME], "same", "'rotated' is as invariant as 'plain' in all 2 pairs of layers.", id="the same"
        ),
        pytest.param(
            [UNSURE], "uncertain",
            "it cannot be told whether 'rotated' or 'plain' is more invariant: of 1 pair of layers, none has an "
            "interval "
            "of the difference that leaves out 0.",
            id="uncertain",
        ),
        pytest.param(
            [BETTER], "uncertain",
            "it cannot be told whether 'rotated' or 'plain' is more invariant: of 1 pair of layers, no difference "
            "survives the correction for their number.",
            id="corrected away",
        ),
    ],
)  # fmt: skip
def test_the_verdict_says_which_and_where(pairs, overall: Overall, told):
    comparison = comparison_of(between(pairs, verdict=overall))
    assert comparison_verdict(comparison, comparison.comparisons[0]) == f"By {NV}, {told}"


def test_the_verdict_says_where_nothing_can_be_compared():
    apart = comparison_of(between(only=(["conv"], ["dense"]), verdict="uncertain"))
    assert "No layer of 'rotated' corresponds" in comparison_verdict(apart, apart.comparisons[0])
    dead = compare_results([all_dead(), all_dead()], Terms())
    assert "in a channel that responds to anything" in comparison_verdict(dead, dead.comparisons[0])


def test_few_pairs_limit_the_verdict():
    comparison = comparison_of(between([BETTER], only=(list("abc"), list("defg")), verdict="better"))
    assert "as far as their layers correspond" in comparison_verdict(comparison, comparison.comparisons[0])


def test_layers_that_correspond_stand_at_the_same_place():
    pairs = [pair("a0", "b1"), pair("a3", "b2"), pair("a4", "b5")]
    results = [[f"a{at}" for at in range(6)], [f"b{at}" for at in range(7)]]
    made = comparison_of(between(pairs))
    layers = [result_of([layer(at, name, {NV: summary(0.5)}) for at, name in enumerate(names)]) for names in results]
    first, second = tracks(Comparison(made.document, tuple(layers), made.names))
    assert list(first.places) == [0, 1, 2, 3, 4, 5]
    assert second.places == pytest.approx([-0.5, 0, 3, 3 + 1 / 3, 3 + 2 / 3, 4, 5])


def test_layers_that_do_not_correspond_are_spread_over_the_depth():
    made = comparison_of(between(only=(["a", "b", "c"], ["d"]), verdict="uncertain"))
    assert list(tracks(made)[1].places) == [1]
    assert "do not correspond" in page(made).text


def test_pairs_that_cross_are_drawn_from_the_left_to_the_right():
    made = comparison_of(between([pair("a", "d"), pair("b", "c")]))
    crossed = result_of([layer(0, "c", {NV: summary(0.5)}), layer(1, "d", {NV: summary(0.5)})])
    track = tracks(Comparison(made.document, (made.results[0], crossed), made.names))[1]
    assert [track.places[at] for at in track.order] == [0, 1]


def test_differences_are_coloured_by_their_verdict():
    bars = [name for name in classes(page(small()), "rect") if name]
    assert bars == ["bar same", "bar same", "bar better", "bar worse"]
    assert "bar uncertain" in classes(page(comparison_of(between([UNSURE]))), "rect")


def test_what_counts_as_no_difference_does_not_fill_the_chart():
    tiny = pair("x", values=(0.5, 0.5000001), ci=(0.0, 2e-7), verdict="same")
    heights = [
        float(attributes["height"] or 0)
        for name, attributes in page(comparison_of(between([tiny]))).elements
        if name == "rect"
    ]
    assert heights == [1]


def test_more_models_than_colours_have_broken_lines():
    count = COLOURS + 2
    found = [between([pair("a")], place=place) for place in range(1, count)]
    made = comparison_of(*found, names=[f"net{place}" for place in range(count)])
    groups = [name for name in classes(page(made), "g") if name]
    assert len(set(groups)) == count
    assert groups[-1] == "model m1 again"


def test_the_measure_of_the_verdict_comes_first():
    results = [
        result_of([layer(0, "a", {"sample-variance": summary(2.0), NV: summary(value)})]) for value in (0.25, 0.5)
    ]
    comparison = compare_results(results, Terms())
    assert measures_of(comparison) == [NV, "sample-variance"]
    text = page(comparison).text
    assert "sample-variance: neither low nor high values are more invariant" in text
    assert "normalized-variance: lower is more invariant" in text


def test_asks_for_nothing_from_the_network():
    text = html(small())
    assert not re.findall(r"(?:src|href|action)\s*=|url\(|@import|https?://|fetch\(|import\(", text)
    assert "default-src 'none'" in text


def test_is_the_same_each_time_and_ends_with_a_line_break():
    assert html(small()) == html(small())
    assert html(small()).endswith("</html>\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_inert(name):
    def made(name: str) -> Comparison:
        found = between([pair(name, f"{name} ")], only=([f"{name}!"], [f"{name}?"]))
        return comparison_of(found, names=(f"{name}1", f"{name}2"), warnings=[name])

    shown, plain = page(made(name)), page(made("name"))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    assert not any(attribute.startswith("on") for _, attributes in shown.elements for attribute in attributes)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html(made(name)))
    assert len(html(made(name))) < len(html(made("name"))) + 15_000


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_results_are_compared_in_words(make):
    text = page(compare_results([make(), make()], Terms())).text
    assert not re.search(r"\b(?:None|nan,|inf,|NaN|Infinity)\b", text)


def test_a_result_without_arrays_is_noted():
    bare = ODD["no arrays"]()
    found = compare_results([bare, bare], Terms())
    assert "The values of channels are not at hand: the result came without units.npz." in page(found).text
    assert found.comparisons[0].pairs[0].measures[NV].ks_pvalue is None


@pytest.mark.parametrize(
    ("layers", "keys", "most"), [(122, 6, 1_000_000), (2000, 2, 4_000_000)], ids=["ResNet50", "2,000"]
)
def test_size(layers, keys, most):
    result = many(layers, 4, keys)
    pairs = [pair(each.name) for each in result.layers]
    told = [each.model_copy(update={"measures": dict.fromkeys(result.measures, each.measures[NV])}) for each in pairs]
    made = comparison_of(between(told))
    begin = perf_counter()
    assert len(html(Comparison(made.document, (result, result), made.names)).encode()) < most
    assert perf_counter() - begin < 60, "not a timing: something is quadratic"


def test_dots_tell_the_numbers_of_each_model():
    titles = re.findall(r"<title>([^<]*)</title>", html(small()))
    assert "A, conv: 0.500 [0.450, 0.550]" in titles
    assert "B, Elu: 0.500 [0.450, 0.550]" in titles
    assert "relu and Elu: -0.250 [-0.375, -0.125], better" in titles
    assert len([title for title in titles if title.startswith("B, ")]) == 17
