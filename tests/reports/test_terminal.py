"""The table for the terminal is plain, fits its width, and says what there is to say."""

from __future__ import annotations

import io
from time import perf_counter

import pytest
from rich.console import Console

from onnxinv.reports.numbers import number
from onnxinv.reports.terminal import TerminalReport, abbreviation, bar
from tests.reports.results import NV, layer, result_of, small, summary


def test_ends_no_line_with_blanks_and_keeps_to_80_columns():
    lines = TerminalReport().render(small()).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def shown(width: int) -> str:
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(TerminalReport().renderable(small()))
    return text.getvalue()


@pytest.mark.parametrize(
    ("width", "there", "gone"),
    [
        pytest.param(120, ["op", "ch", "NV", "95 % interval", "0 to 1.5", "dead"], [], id="a wide terminal shows all"),
        pytest.param(80, ["ch", "NV", "95 % interval", "0 to 1.5"], [" op "], id="the operator gives way first"),
        pytest.param(60, ["NV", "95 % interval"], ["0 to 1.5", " ch "], id="the bar gives way to the interval"),
        pytest.param(34, ["layer", "NV"], ["95 %"], id="label and mean stay to the last"),
    ],
)
def test_columns_give_way_where_the_terminal_is_narrow(width, there, gone):
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    head = next(line for line in text.splitlines() if line.startswith("layer"))
    assert all(title in head for title in there)
    assert not any(title in head for title in gone)
    assert "1.500" in text


def test_the_mean_is_shown_even_where_it_is_0_everywhere():
    text = TerminalReport().render(result_of([layer(0, "x", {NV: summary(0.0)})]))
    assert " NV " in text
    assert " 0.000 " in text


def test_columns_of_dead_and_infinite_values_stand_only_where_there_are_any():
    head = TerminalReport().render(result_of([layer(0, "x", {NV: summary(0.5)})]))
    assert " dead" not in head
    assert " inf\n" not in head
    full = TerminalReport().render(small())
    assert " dead" in full
    assert " inf\n" in full


def test_the_first_measure_is_shown_where_there_are_several():
    both = {"sample-variance": summary(0.125), NV: summary(0.875)}
    text = TerminalReport().render(result_of([layer(0, "x", both)]))
    assert text.splitlines()[5].split()[:4] == ["x", "Conv", "4", "0.125"]


def test_other_measures_have_a_line_each():
    both = {"sample-variance": summary(0.125), NV: summary(0.875)}
    ends = [layer(0, "x", both), layer(1, "y", {**both, NV: summary(0.25)})]
    lines = TerminalReport().render(result_of(ends)).splitlines()
    assert [line.split()[:3] for line in lines if line.startswith(NV)] == [[NV, "0.875", "0.250"]]


@pytest.mark.parametrize("count", [pytest.param(1, id="one layer"), pytest.param(2000, id="2,000 layers")])
def test_renders_fast(count):
    result = result_of([layer(index, f"layer{index}", {NV: summary(0.5)}) for index in range(count)])
    start = perf_counter()
    lines = TerminalReport().render(result).splitlines()
    assert perf_counter() - start < 10  # one second on a quiet machine
    assert sum(line.startswith("layer") for line in lines) == count + 1


def test_wide_characters_do_not_break_the_width():
    label = "畳み込み層" * 5
    lines = TerminalReport().render(result_of([layer(0, "x", {NV: summary(0.5)}, label=label)])).splitlines()
    row = next(line for line in lines if "0.500" in line)
    assert len(row) + sum(ord(character) > 0x2FFF for character in row) <= 80


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "-", id="none -> dash"),
        pytest.param(0.0, "0.000", id="zero -> three decimals"),
        pytest.param(0.12345, "0.123", id="usual -> three decimals"),
        pytest.param(123.45, "123.5", id="hundreds -> one decimal"),
        pytest.param(12345.0, "1.2e+04", id="large -> exponent"),
        pytest.param(0.00012, "1.2e-04", id="small -> exponent"),
        pytest.param(-0.5, "-0.500", id="negative -> three decimals"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        pytest.param(0.0, "", id="nothing -> empty"),
        pytest.param(0.5, "██", id="half -> half"),
        pytest.param(1.0, "████", id="all -> full"),
        pytest.param(7.0, "████", id="too much -> full"),
        pytest.param(-1.0, "", id="negative -> empty"),
        pytest.param(1 / 32, "▏", id="an eighth of a block -> an eighth"),
    ],
)
def test_bars_are_as_long_as_their_fraction(fraction, text):
    assert bar(fraction, 4).rstrip() == text


def test_abbreviations_are_those_of_the_papers():
    assert abbreviation("normalized-variance") == "NV"
    assert abbreviation("normalized-variance:dispersion=var") == "NV:dispersion=var"
