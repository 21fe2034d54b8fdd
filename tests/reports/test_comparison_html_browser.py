"""The page of a comparison in a real browser: it works, asks for nothing, stays narrow, and names are inert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from onnxinv.comparing import Terms, compare_results
from onnxinv.comparison import Comparison
from onnxinv.reports.comparisons.html import HtmlComparisonReport
from tests.reports.browser import MISSING, asked_for, complaints, shown, sideways, started
from tests.reports.compared import between, comparison_of, pair, small
from tests.reports.results import NV, layer, result_of, summary
from tests.reports.test_html import HOSTILE

pytestmark = pytest.mark.skipif(MISSING, reason="Chromium and ChromeDriver are not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def opened(browser: webdriver.Chrome, folder: Path, comparison: Comparison, width: int = 1000) -> webdriver.Chrome:
    return shown(browser, folder / "report.html", HtmlComparisonReport().render(comparison), width)


def two_measures() -> Comparison:
    """Return a comparison in which the order of layers is not the same by both measures."""
    values = {"conv": (0.5, 1.0), "relu": (0.25, 3.0), "fc": (0.75, 2.0)}
    results = [
        result_of(
            [
                layer(at, name, {NV: summary(nv + more), "sample-variance": summary(sv)})
                for at, (name, (nv, sv)) in enumerate(values.items())
            ]
        )
        for more in (0.0, 0.125)
    ]
    return compare_results(results, Terms())


def rows(browser: webdriver.Chrome) -> list[str]:
    found = browser.find_elements(By.CSS_SELECTOR, ".pairs tbody:not([hidden]) tr:not([hidden])")
    return [row.find_element(By.TAG_NAME, "th").text for row in found]


def head(browser: webdriver.Chrome, title: str) -> webdriver.remote.webelement.WebElement:
    buttons = browser.find_elements(By.CSS_SELECTOR, ".pairs thead button")
    return next(button for button in buttons if button.text.split("\n")[0].rstrip(" ▲▼") == title)


def test_nothing_fails_and_nothing_leaves_the_file(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    Select(page.find_element(By.ID, "measure")).select_by_index(1)
    assert complaints(page) == []
    assert all(each.endswith("report.html") for each in asked_for(page))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_nothing(browser, tmp_path, name):
    found = between([pair(name, f"{name} ", method=name)], only=([f"{name}!"], [f"{name}?"]))
    made = comparison_of(found, names=(f"{name}1", f"{name}2"), warnings=[name])
    page = opened(browser, tmp_path, made, 400)
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert len(page.find_elements(By.TAG_NAME, "script")) == 1
    assert complaints(page) == []
    assert not sideways(page)


def test_pairs_are_sorted_by_number_and_by_word_both_ways(browser, tmp_path):
    page = opened(browser, tmp_path, small())
    long = "a very long label of a layer that must be cut"
    head(page, "difference").click()
    assert rows(page) == ["relu", "x", "conv", "pool", long]
    head(page, "difference").send_keys(Keys.ENTER)
    assert rows(page) == ["pool", "conv", "x", "relu", long]
    head(page, "verdict").click()
    assert rows(page)[0] == "relu"
    head(page, "CKA").click()
    assert rows(page)[:2] == ["pool", "relu"]
    assert rows(page)[-1] == long
    head(page, "#").click()
    assert rows(page)[0] == "x"


@pytest.mark.parametrize(
    ("typed", "left"),
    [("worse", ["pool"]), ("ELU", ["relu"]), ("sequence", ["conv", "relu"]), ("nothing like it", [])],
)
def test_pairs_are_filtered_by_names_match_and_verdict(browser, tmp_path, typed, left):
    page = opened(browser, tmp_path, small())
    field = page.find_element(By.CSS_SELECTOR, "input[type=search]")
    field.send_keys(typed)
    assert rows(page) == left
    assert f"{len(left)} of 5" in page.find_element(By.CSS_SELECTOR, ".filter").text
    field.send_keys(*[Keys.BACKSPACE] * len(typed))
    assert len(rows(page)) == 5


def test_measures_are_switched_in_charts_and_tables(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    head(page, "A").click()
    assert rows(page) == ["relu", "conv", "fc"]
    Select(page.find_element(By.ID, "measure")).select_by_visible_text("sample-variance")
    assert rows(page) == ["conv", "fc", "relu"]
    charts = [chart.is_displayed() for chart in page.find_elements(By.CSS_SELECTOR, "svg.chart")]
    assert charts == [False, True, False, True]


def test_each_comparison_has_a_table_of_its_own(browser, tmp_path):
    found = [between([pair("conv"), pair("fc")], place=place) for place in (1, 2)]
    page = opened(browser, tmp_path, comparison_of(*found, names=("one", "two", "three")))
    page.find_element(By.ID, "filter2").send_keys("conv")
    assert rows(page) == ["conv", "fc", "conv"]


@pytest.mark.parametrize("width", [400, 1000])
def test_no_sideways_scrolling(browser, tmp_path, width):
    assert not sideways(opened(browser, tmp_path, small(), width))


def test_models_and_verdicts_have_colours_of_their_own_in_light_and_dark(browser, tmp_path):
    page = opened(browser, tmp_path, small())
    script = "return [...document.querySelectorAll('g.model .line, .bar')].map((each) => getComputedStyle(each).stroke)"
    found = []
    for scheme in ("light", "dark"):
        page.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        found.append(set(page.execute_script(script)))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [len(each) for each in found] == [5, 5]
    assert found[0].isdisjoint(found[1])
