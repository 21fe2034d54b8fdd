"""The page of a check has every finding as a row, says how it ended, and does nothing that a name in it asks for."""

from __future__ import annotations

import re
from html import unescape

import pytest

from onnxinv.findings import CheckReport
from onnxinv.reports.checks.html import HtmlCheckReport
from onnxinv.reports.checks.rows import ordered
from onnxinv.reports.checks.sentences import advice, verdict
from tests.reports.browser import MISSING, asked_for, complaints, shown, sideways, started
from tests.reports.checks.checked import HOSTILE, check_of, finding, run, small

ROW = re.compile(r'<tr><th scope="row" title="(.*?)">(.*?)</th>(.*?)</tr>', re.S)
CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.S)


def page(report: CheckReport) -> str:
    return HtmlCheckReport().render(report)


def rows(text: str) -> list[list[str]]:
    """Return the cells of all findings, as they read."""
    return [[unescape(label), *map(unescape, CELL.findall(cells))] for _, label, cells in ROW.findall(text)]


def test_every_finding_is_a_row_and_what_fails_comes_first():
    report = small()
    found = rows(page(report))
    assert len(found) == len(report.findings)
    for name in {each.run for each in report.findings}:
        of_run = [each for each in ordered(report.findings) if each.run == name]
        assert [each[0] for each in found if each[0] in {one.label for one in of_run}]
    assert ["fc2", "normalized-variance mean", "broken", "0.884", "[0.872, 0.896]", "<= 0.500", ""] in found


def test_it_says_how_the_check_ended_and_what_to_do():
    report = small()
    text = unescape(page(report))
    assert verdict(report).partition(": ")[2] in text
    for sentence in advice(report):
        assert sentence in text
    assert "<title>Invariance check: failed</title>" in text


def test_what_fails_and_what_is_held_is_told_by_its_look():
    report = small()
    text = page(report)
    assert text.count('"word worse"') == sum(each.fails for each in report.findings)
    assert text.count('"word better"') == sum(each.status == "held" and not each.fails for each in report.findings)


def test_a_check_without_limits_says_so():
    assert "No limit was checked." in page(check_of(runs=[run()]))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    found = page(check_of(finding(name, reason=name)))
    assert found.count("<script>") == 1
    assert "<img" not in found
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", found)


def test_it_is_the_same_each_time_and_names_no_address():
    text = page(small())
    assert text == page(small())
    assert text.endswith("\n")
    assert not re.search(r"https?://|src=|href=", text)


@pytest.mark.skipif(MISSING, reason="no Chromium with its driver here")
def test_in_a_browser_findings_are_sorted_and_filtered(tmp_path):
    browser = started(tmp_path / "profile")
    try:
        opened = shown(browser, tmp_path / "report.html", page(small()), width=400)
        assert not sideways(opened)
        found = (
            "return [...document.querySelectorAll('#findings1 tbody tr:not([hidden])')].map(e => e.cells[0].innerText)"
        )
        every = opened.execute_script(found)
        opened.execute_script("document.querySelector('#findings1 thead button').click()")
        assert opened.execute_script(found) == sorted(every)
        opened.execute_script(
            "const i = document.getElementById('filter1'); i.value = 'broken'; i.dispatchEvent(new Event('input'))"
        )
        assert 0 < len(opened.execute_script(found)) < len(every)
        assert complaints(opened) == []
        assert all(each.endswith("report.html") for each in asked_for(opened))
    finally:
        browser.quit()
