"""Results that are seldom seen make legible pages: of one, and of two compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from onnxinv.comparing import Terms, compare_results
from onnxinv.comparison import Comparison
from onnxinv.reports.comparisons.html import HtmlComparisonReport
from onnxinv.reports.html import HtmlReport
from onnxinv.result import Result
from tests.reports.browser import MISSING, complaints, shown, sideways, started
from tests.reports.compared import between, comparison_of, pair
from tests.reports.odd_results import ODD, save_older
from tests.reports.results import NV, small
from tests.reports.test_html import many

pytestmark = pytest.mark.skipif(MISSING, reason="Chromium and ChromeDriver are not installed")


def alone(result: Result) -> str:
    """Return the page of a result."""
    return HtmlReport().render(result)


def against_itself(result: Result) -> str:
    """Return the page of a result compared with itself."""
    return HtmlComparisonReport().render(compare_results([result, result], Terms()))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("width", [400, 1000])
@pytest.mark.parametrize("make_page", [alone, against_itself])
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_results_are_legible(browser, tmp_path, make, make_page, width):
    page = shown(browser, tmp_path / "report.html", make_page(make()), width)
    assert complaints(page) == []
    assert not sideways(page)
    assert not any(word in text(page) for word in ("NaN", "None", "undefined", "Infinity"))


def test_a_result_without_arrays_says_that_and_shows_the_rest(browser, tmp_path):
    small().save(tmp_path)
    (tmp_path / "units.npz").unlink()
    page = shown(browser, tmp_path / "page.html", alone(Result.load(tmp_path)))
    assert "The values of channels are not at hand: the result came without units.npz." in text(page)
    assert page.find_elements(By.ID, "strips") == []
    page.find_elements(By.CSS_SELECTOR, "#layers thead button")[5].click()
    assert page.find_element(By.CSS_SELECTOR, "#layers tbody th").text == "features.1.relu"


@pytest.mark.parametrize("make_page", [alone, against_itself])
def test_a_result_of_an_older_version_is_shown(browser, tmp_path, make_page):
    save_older(small(), tmp_path)
    assert "stratify" not in (tmp_path / "result.json").read_text(encoding="utf-8")
    page = shown(browser, tmp_path / "page.html", make_page(Result.load(tmp_path)))
    assert complaints(page) == []
    assert "features.0.conv" in text(page)


def unaligned(result: Result) -> str:
    """Return the page of a result compared with itself, layer by layer as they come."""
    pairs = [pair(each.name) for each in result.layers]
    told = [each.model_copy(update={"measures": dict.fromkeys(result.measures, each.measures[NV])}) for each in pairs]
    made = comparison_of(between(told))
    return HtmlComparisonReport().render(Comparison(made.document, (result, result), made.names))


@pytest.mark.parametrize("make_page", [alone, unaligned])
def test_2000_layers_are_shown_and_filtered(browser, tmp_path, make_page):
    browser.set_page_load_timeout(60)
    page = shown(browser, tmp_path / "report.html", make_page(many(2000, 64)), 400)
    assert complaints(page) == []
    assert not sideways(page)
    field = page.find_element(By.CSS_SELECTOR, "input[type=search]")
    field.send_keys("layer222/block.1/")
    shown_rows = page.execute_script(
        "return document.querySelectorAll('.sortable tbody:not([hidden]) tr:not([hidden])').length"
    )
    assert shown_rows == 1
