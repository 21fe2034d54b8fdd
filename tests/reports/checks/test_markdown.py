"""The Markdown of a check has whole tables, folds what is held, and a name in it is never markup."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from onnxinv.findings import CheckReport
from onnxinv.reports.checks.markdown import MarkdownCheckReport
from tests.reports.checks.checked import HOSTILE, baseline, check_of, finding, run, small

GOLDEN = Path(__file__).parent / "golden" / "check.md"
"""To refresh: .venv/bin/python -m tests.reports.checks.test_markdown"""


def render(report: CheckReport) -> str:
    return MarkdownCheckReport().render(report)


def html(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables, as they read."""
    found = re.findall(r"<tr>(.*?)</tr>", html(text), re.S)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in found]
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_is_the_golden_text():
    assert render(small()) == GOLDEN.read_text(encoding="utf-8")


def test_every_finding_is_a_row_with_its_numbers():
    found = rows(render(small()))
    assert found[1] == ["normalized-variance mean", "fc2", "0.884", "[0.872, 0.896]", "<= 0.500", "broken", ""]
    assert found[2][0] == "normalized-variance mean (regression)"
    assert found[2][6] == "was fc_2 (matched by name) in the baseline"
    assert found[5][5:] == [
        "uncertain", "the interval holds the bound: about 430 samples would decide it (20 were measured)",
    ]  # fmt: skip
    assert sum(len(row) >= 6 and row[0] != "limit" for row in found) == 10


def test_what_fails_is_bold_and_a_warning_is_not():
    text = render(small())
    assert text.count("**broken**") == 3
    assert "| broken (warn) |" in text


def test_what_is_held_is_folded():
    before, _, after = render(small()).partition("<details><summary>2 held</summary>")
    assert "`conv1`" in after.partition("</details>")[0]
    assert "`conv1`" not in before


def test_a_check_without_anything_amiss_has_only_folded_tables():
    text = render(check_of(finding("a")))
    assert text.startswith("## Invariance check: passed\n\n**passed**: 1 of 1 limits held\n\n### `digits`")
    assert rows(text.partition("<details>")[0]) == []


def test_a_run_without_findings_has_no_table():
    text = render(check_of(runs=[run()]))
    assert "|" not in text
    assert "<details>" not in text


def test_many_that_are_held_are_counted():
    text = render(check_of(*(finding(f"l{place}", "broken" if place % 2 else "held") for place in range(2000))))
    assert "- held: 1000 layers, `normalized-variance` mean `<= 0.500`" in text
    assert text.count("| **broken** |") == 1000
    assert "| held |" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_leave_every_table_whole(name):
    report = check_of(
        finding(name, "broken", reason=name), finding("y", reason="it is", counterpart=name),
        finding("z", "broken", reason="it is"),
        runs=[run(against=baseline(renamed={name: "y"}, lost=[name]), notes=[name], path=name)],
    )  # fmt: skip
    text = render(report)
    assert [len(row) for row in rows(text)] == [7, 7, 7, 7, 7]
    tags = set(re.findall(r"</?([a-z0-9]+)", html(text)))
    assert tags <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "details",
                    "summary"}  # fmt: skip


if __name__ == "__main__":
    GOLDEN.write_text(render(small()), encoding="utf-8")
