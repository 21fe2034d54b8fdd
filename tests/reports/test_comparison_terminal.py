"""The table of a comparison is plain, fits its width, and lets no guess look like a name."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from onnxinv.comparison import Comparison, OutputDifference
from onnxinv.reports.comparisons.rows import letter, signed
from onnxinv.reports.comparisons.terminal import TerminalComparisonReport
from tests.reports.compared import between, comparison_of, pair, small

GOLDEN = Path(__file__).parent / "golden" / "comparison.txt"
"""To refresh: .venv/bin/python -m tests.reports.test_comparison_terminal"""


def rendered(comparison: Comparison) -> str:
    """Return the piped text with line breaks as blanks, for sentences may wrap anywhere."""
    return " ".join(TerminalComparisonReport().render(comparison).split())


def shown(comparison: Comparison, width: int, **console: object) -> str:
    text = io.StringIO()
    Console(file=text, width=width, **console).print(TerminalComparisonReport().renderable(comparison))
    return text.getvalue()


def test_is_the_golden_text():
    assert TerminalComparisonReport().render(small()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [30, 40, 50, 60, 70, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_no_verdict_gives_way(width):
    lines = [line.rstrip() for line in shown(small(), width, color_system=None).splitlines()]
    assert max(map(len, lines)) <= width
    ends = [line.split()[-1] for line in lines if line.startswith(("x ", "relu ", "pool "))]
    assert ends == ["same", "better", "worse"]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
def test_a_guess_is_marked_at_every_width(width):
    comparison = comparison_of(between([pair("relu", "Elu", method="sequence", cka=0.875), pair("pool", "max")]))
    lines = shown(comparison, width, color_system=None).splitlines()
    assert "~" in next(line for line in lines if line.startswith("relu "))
    assert "~" not in next(line for line in lines if line.startswith("pool "))


def test_equal_activations_make_an_order_more_than_a_guess():
    found = between([pair("relu", "Elu", method="sequence", cka=1.0, activations=1e-6)])
    text = shown(comparison_of(found), 200)
    assert "sequence 1.00" in text
    assert "~" not in text


def test_a_guess_stays_one_where_activations_differ():
    found = between([pair("relu", "Elu", method="sequence", cka=1.0, activations=2e-3, guess=True)])
    text = shown(comparison_of(found), 200)
    assert "~sequence 1.00" in text
    assert "~ 1 pair is a guess that no name supports" in text


def test_labels_stand_once_where_all_are_equal():
    head = shown(comparison_of(between([pair("conv"), pair("relu")])), 200, color_system=None)
    assert "layer of" not in head
    both = shown(comparison_of(between([pair("conv"), pair("relu", "Elu")])), 200, color_system=None)
    assert "layer of A" in both
    assert "layer of B" in both


def test_colours_are_for_terminals_and_tell_verdicts_apart():
    assert "\x1b" not in shown(small(), 80)
    text = shown(small(), 80, force_terminal=True, color_system="standard")
    for verdict, colour in {"better": 32, "worse": 31, "uncertain": 33}.items():
        assert f"\x1b[{colour}m{verdict}" in text
    assert "\x1b[2msame" in text


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("same", "same: B is as invariant as A;"),
        ("better", "better: B is more invariant than A;"),
        ("worse", "worse: B is less invariant than A;"),
        ("mixed", "mixed: B is more invariant than A in some layers and less in others;"),
    ],
)
def test_the_verdict_over_all_says_what_it_means_and_why(verdict, text):
    told = rendered(comparison_of(between([pair("conv")], verdict=verdict)))
    assert f"{text} normalized-variance of 1 pairs of layers" in told


def test_an_uncertain_verdict_says_why_a_layer_that_is_better_does_not_decide():
    one = comparison_of(between([pair("conv", verdict="better")], verdict="uncertain"))
    none = comparison_of(between([pair("conv", verdict="uncertain")], verdict="uncertain"))
    assert "no difference survives the correction for the number of layers" in rendered(one)
    assert "survives" not in rendered(none)


@pytest.mark.parametrize(
    ("paired", "alone", "profile"),
    [
        pytest.param(2, 2, False, id="half of the smaller model -> they correspond"),
        pytest.param(1, 2, True, id="a third of it -> the depth profile"),
        pytest.param(0, 1, True, id="no pair -> the depth profile"),
    ],
)
def test_layers_that_do_not_correspond_are_shown_over_depth(paired, alone, profile):
    names = [f"only{place}" for place in range(alone)]
    pairs = [pair(f"conv{place}") for place in range(paired)]
    text = TerminalComparisonReport().render(comparison_of(between(pairs, only=(names, [*names, "more"]))))
    rows = [line.split()[:4:2] for line in text.splitlines() if line.lstrip().startswith(("0 %", "70 %", "75 %"))]
    assert rows == ([["0", "0.000"], ["70", "0.700"]] if profile else [])
    sentence = f"do not correspond ({paired} paired of {paired + alone} and {paired + alone + 1})"
    assert (sentence in " ".join(text.split())) is profile


def test_layers_of_one_model_alone_are_named_up_to_ten_and_counted_beyond():
    names = [f"only{place}" for place in range(12)]
    pairs = [pair(f"conv{place}") for place in range(12)]
    text = rendered(comparison_of(between(pairs, only=(names[:10], names))))
    assert f"only in A (10): {', '.join(names[:10])} only" in text
    assert f"only in B (12): {', '.join(names[:10])} and 2 more, all in compare.json" in text


def test_equal_weights_are_told_with_the_largest_difference_and_its_layer():
    pairs = [
        pair("conv", activations=1e-6, channels=5e-7),
        pair("fc", activations=3e-6, channels=None, reordered=True),
        pair("other"),
    ]
    text = rendered(comparison_of(between(pairs)))
    assert (
        "The weights are the same, up to their order, in 2 of 3 pairs: activations differ by at most 3.0e-06 of the "
        "layer's root mean square, in fc; values of channels differ by at most 5.0e-07 of the layer's mean, in conv; "
        "1 has its channels in another order."
    ) in text


def test_differences_are_told_of_equal_weights_and_of_what_is_the_same_without():
    pairs = [pair("conv", activations=1e-6), pair("fc", activations=3e-4, weights=False), pair("other")]
    text = rendered(comparison_of(between(pairs)))
    assert "Unit by unit, 2 of 3 pairs can be compared, 1 with the same weights: activations differ by at most" in text
    assert "3.0e-04 of the layer's root mean square, in fc." in text


def test_equal_inputs_are_no_equal_weights():
    found = comparison_of(between([pair("x", activations=0.0), pair("conv")]))
    layers = [each.model_copy(update={"op": "Input"} if each.name == "x" else {}) for each in found.results[0].layers]
    document = found.results[0].document.model_copy(update={"layers": layers})
    first = replace(found.results[0], document=document)
    assert "weights" not in rendered(replace(found, results=(first, *found.results[1:])))


@pytest.mark.parametrize(("alone", "said"), [pytest.param(1, False, id="half"), pytest.param(2, True, id="a third")])
def test_a_verdict_on_few_pairs_says_that_it_is_about_those(alone, said):
    names = [f"only{place}" for place in range(alone)]
    text = rendered(comparison_of(between([pair("conv")], only=(names, names), verdict="worse")))
    assert ("worse: B is less invariant than A, as far as their layers correspond;" in text) is said


def test_nothing_is_said_of_weights_that_differ():
    assert "weights" not in rendered(comparison_of(between([pair("conv")])))


def test_several_comparisons_follow_one_another_under_one_heading():
    found = (between([pair("conv")]), between([pair("conv", verdict="worse")], place=2, verdict="worse"))
    lines = TerminalComparisonReport().render(comparison_of(*found, names=("one", "two", "three"))).splitlines()
    assert lines[:3] == ["A  one  one.onnx", "B  two  two.onnx", "C  three  three.onnx"]
    told = ("B against A", "C against A", "better:", "worse:")
    assert [line.split(";")[0] for line in lines if line.startswith(told)] == [
        "B against A", "better: B is more invariant than A", "C against A", "worse: C is less invariant than A",
    ]  # fmt: skip


def test_unpaired_intervals_are_said_to_be_such():
    assert "not of paired differences" in rendered(comparison_of(between([pair("conv")]), paired=False))
    assert "paired differences" not in rendered(comparison_of(between([pair("conv")])))


@pytest.mark.parametrize(
    ("ci", "said"),
    [((-0.3, -0.2), False), ((-0.25, -0.2), False), ((-0.4, -0.26), True)],
    ids=["inside", "at its end", "outside"],
)
def test_an_interval_without_its_change_is_explained(ci, said):
    text = rendered(comparison_of(between([pair("conv", values=(0.5, 0.25), ci=ci)])))
    assert ("corrected for the bias" in text) is said


def test_verdicts_of_outputs_stand_only_where_there_are_any():
    def outputs(verdict):
        found = OutputDifference(a=0.5, b=0.75, difference=0.25, ci=(0.125, 0.375), verdict=verdict)
        text = TerminalComparisonReport().render(comparison_of(between([pair("conv")], outputs={"accuracy": found})))
        return [line.split() for line in text.splitlines() if line.startswith(("measure of", "accuracy"))]

    assert outputs("better")[1] == ["accuracy", "0.500", "0.750", "+0.250", "[+0.125,", "+0.375]", "better"]
    assert outputs(None)[1] == ["accuracy", "0.500", "0.750", "+0.250", "[+0.125,", "+0.375]"]
    assert "verdict" not in outputs(None)[0]


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "two\nlines", "[bold]x[/bold]", "\u202eltr", "x" * 5000, "[/"],
    ids=["escape", "line break", "markup", "direction mark", "long", "broken markup"],
)  # fmt: skip
def test_hostile_names_change_nothing_but_their_own_cell(name):
    found = between([pair(name, f"{name}2", activations=1e-6), pair("conv")], only=([name], [name]))
    lines = (
        TerminalComparisonReport().render(comparison_of(found, names=(name, f"{name}2"), warnings=[name])).splitlines()
    )
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)
    assert any(line.startswith("conv ") and line.endswith("better") for line in lines)


@pytest.mark.parametrize(
    ("values", "size", "texts"),
    [
        pytest.param([-0.25, -0.5, 0.0], 1.0, ["-0.250", "-0.500", "0.000"], id="usual -> three decimals"),
        pytest.param([-1e-7, 2e-7], 1.0, ["-0.000", "+0.000"], id="nothing beside the values -> zeros with sign"),
        pytest.param([-1e-7, 2e-7], 1e-6, ["-1.0e-07", "+2.0e-07"], id="small values -> exponents"),
        pytest.param([-1e-7, 0.25], 1e-6, ["-0.000", "+0.250"], id="the largest decides"),
        pytest.param([123.45], 1e3, ["+123.5"], id="hundreds -> one decimal"),
        pytest.param([-12345.0], 1e5, ["-1.2e+04"], id="large -> exponent"),
        pytest.param([], 1.0, [], id="none -> none"),
    ],
)
def test_changes_have_signs_and_share_their_digits(values, size, texts):
    assert signed(values, size) == texts


def test_models_beyond_the_alphabet_are_numbered():
    assert [letter(place) for place in (0, 25, 26)] == ["A", "Z", "model 27"]


if __name__ == "__main__":
    GOLDEN.write_text(TerminalComparisonReport().render(small()), encoding="utf-8")
