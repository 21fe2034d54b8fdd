"""The table of a check is plain, fits its width, and shows what is not held however much is held."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from onnxinv.findings import CheckReport
from onnxinv.reports.checks.terminal import TerminalCheckReport
from tests.reports.checks.checked import HOSTILE, baseline, check_of, finding, output, run, small

GOLDEN = Path(__file__).parent / "golden" / "check.txt"
"""To refresh: .venv/bin/python -m tests.reports.checks.test_terminal"""


def shown(report: CheckReport, width: int = 200, **console: object) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, **console).print(TerminalCheckReport().renderable(report))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_is_the_golden_text():
    assert TerminalCheckReport().render(small()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_status_bound_or_value_gives_way(width):
    lines = shown(small(), width, color_system=None)
    assert max(map(len, lines)) <= width
    for layer, value, bound, status in (
        ("fc2", "0.884", "<= 0.500", "broken"),
        ("output", "0.625", ">= 0.750", "broken"),
        ("elu3", "0.484", "<= 0.500", "uncertain"),
        ("pool", "-", "<= 0.500", "not applicable"),
        ("conv1", "0.250", "<= 0.500", "held"),
    ):
        found = [line for line in lines if f"{layer} " in line and f" {value} " in line and bound in line]
        assert [line.endswith(f" {status}") for line in found] == [True]


@pytest.mark.parametrize("width", [80, 200])
def test_the_interval_has_room(width):
    assert any("[0.872, 0.896]" in line for line in shown(small(), width))


@pytest.mark.parametrize(("width", "told"), [(200, False), (70, True), (30, False)])
def test_initials_are_told_only_where_they_are_shown(width, told):
    lines = shown(check_of(finding("fc2")), width)
    assert any(line.startswith("NV mean") for line in lines) == told
    assert ("NV: normalized-variance" in lines) == told


def test_an_interval_beyond_its_bound_that_decides_nothing_is_explained():
    lines = shown(check_of(finding("fc2", "uncertain", value=0.6)))
    assert "fc2: uncertain, since the interval, corrected for the number of layers, holds the bound" in lines


def test_what_fails_comes_first_and_what_is_held_last():
    statuses = [line.split("  ")[-1] for line in shown(small()) if "= 0." in line and "digits" not in line]
    assert statuses[:-1] == [
        "broken", "broken", "broken", "broken (warn)", "uncertain", "uncertain", "not applicable", "held", "held",
    ]  # fmt: skip


@pytest.mark.parametrize(("held", "listed"), [(20, 20), (21, 0)])
def test_many_that_are_held_are_counted(held, listed):
    found = [finding(f"layer{place}") for place in range(held)]
    lines = shown(check_of(finding("fc2", "broken"), *found))
    assert sum(line.endswith("held") for line in lines) == listed
    assert any(line.endswith("broken") for line in lines)
    counted = [line for line in lines if line.startswith("held:")]
    assert counted == ["held: 21 layers, normalized-variance mean <= 0.500"] * (listed == 0)


def test_a_count_is_of_one_limit():
    found = [finding(f"a{place}", value=0.499999, half=None) for place in range(30)]
    found += [finding(f"b{place}", limit=1, kind="max-regression", baseline=0.2) for place in range(3)]
    lines = [line for line in shown(check_of(*found, output(limit=2))) if line.startswith("held:")]
    assert lines == [
        "held: 30 layers, normalized-variance mean <= 0.500",
        "held: 3 layers, normalized-variance mean no worse than the baseline allows",
        "held: the class output, top1-consistency >= 0.750",
    ]


def test_two_thousand_findings_are_all_told():
    found = [finding(f"layer{place}", "broken" if place % 2 else "held") for place in range(2000)]
    lines = shown(check_of(*found), 80)
    assert sum(line.endswith("broken") for line in lines) == 1000
    assert "held: 1000 layers, normalized-variance mean <= 0.500" in lines
    assert any(line.startswith("failed: 1000 of 2000 broken (layer1, layer3,") for line in lines)


def test_an_infinite_value_is_told_from_none():
    found = [finding("a", "broken", value=None), finding("b", "not-applicable", value=None)]
    lines = [line.split() for line in shown(check_of(*found)) if "<= 0.500" in line]
    assert [(line[2], line[3]) for line in lines] == [("a", "inf"), ("b", "-")]


def test_a_run_without_findings_is_told():
    assert shown(check_of(runs=[run()])) == [
        "digits  net.onnx", "20 samples x 2 transforms, 40 of 1,200 inferences", "", "passed: no limit was checked",
    ]  # fmt: skip


def test_a_reason_is_told_once_with_its_layers():
    found = [finding(f"l{place}", "not-applicable", value=None, reason="it is constant") for place in range(8)]
    assert "l0, l1, l2, l3, l4 and 3 more: it is constant" in shown(check_of(*found))


def test_reasons_that_are_all_different_are_cut():
    found = [finding(f"l{place}", "not-applicable", value=None, reason=f"reason {place}") for place in range(25)]
    lines = shown(check_of(*found))
    assert "l19: reason 19" in lines
    assert "5 more reasons stand in check.json." in lines


@pytest.mark.parametrize(
    ("found", "colour"),
    [
        pytest.param(finding("x", "broken"), "\x1b[1;31mbroken", id="broken is red"),
        pytest.param(finding("x", "broken", level="warn"), "\x1b[33mbroken", id="a warning is yellow"),
        pytest.param(finding("x", "uncertain"), "\x1b[33muncertain", id="uncertain is yellow"),
        pytest.param(finding("x", "uncertain", fails=True), "\x1b[1;31muncertain (fails)", id="unless it fails"),
        pytest.param(finding("x"), "\x1b[32mheld", id="held is green"),
        pytest.param(finding("x", "not-applicable", value=None), "\x1b[2mnot applicable", id="the rest is dim"),
    ],
)
def test_a_status_has_its_colour(found, colour):
    lines = shown(check_of(found), 80, force_terminal=True, color_system="standard", no_color=False)
    assert any(colour in line for line in lines)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [40, 80])
def test_hostile_names_are_printed_and_nothing_else(name, width):
    report = check_of(
        finding(name, "broken", reason=name), finding("y", counterpart=name),
        runs=[run(against=baseline(renamed={name: "y"}, lost=[name]), notes=[name], path=name)],
    )  # fmt: skip
    lines = shown(report, width, color_system=None)
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert [line.split()[-1] for line in lines if "<= 0.500 " in line] == ["broken", "held"]


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(TerminalCheckReport().render(small()), encoding="utf-8")
