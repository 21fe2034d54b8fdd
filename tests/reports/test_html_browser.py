"""The page in a real browser: it works, it asks for nothing, it stays within a narrow window, and names are inert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from onnxinv.reports.html import HtmlReport
from onnxinv.result import Result
from tests.reports.browser import MISSING, asked_for, complaints, shown, sideways, started
from tests.reports.pictured import pictured, with_pictures
from tests.reports.results import NV, layer, result_of, small, summary
from tests.reports.test_html import HOSTILE, many

# `.ci/run` installs them; without them `make test` needs nothing beyond the package index.
pytestmark = pytest.mark.skipif(MISSING, reason="Chromium and ChromeDriver are not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def opened(browser: webdriver.Chrome, folder: Path, result: Result, width: int = 1000) -> webdriver.Chrome:
    return shown(browser, folder / "report.html", HtmlReport().render(result), width)


def shown_layers(browser: webdriver.Chrome) -> list[str]:
    rows = browser.find_elements(By.CSS_SELECTOR, "#layers tbody:not([hidden]) tr:not([hidden]) th")
    return [row.text for row in rows]


def two_measures() -> Result:
    values = {"conv1": (0.9, 5.0), "relu1": (0.2, 3.0), "conv10": (0.5, None), "fc": (0.7, 4.0)}
    return result_of(
        [
            layer(place, name, {NV: summary(nv), "sample-variance": summary(sv)})
            for place, (name, (nv, sv)) in enumerate(values.items())
        ]
    )


def linked(result: Result, *, every: bool = False) -> Result:
    """Return a result whose layers follow each other, each the one before or every one before."""
    layers = [
        each.model_copy(update={"after": list(range(0 if every else max(0, each.index - 1), each.index))})
        for each in result.layers
    ]
    return Result(result.document.model_copy(update={"layers": layers}), result.units)


def test_nothing_fails_and_nothing_leaves_the_file(browser, tmp_path):
    page = opened(browser, tmp_path, linked(many(60, 40)))
    Select(page.find_element(By.ID, "measure")).select_by_index(3)
    assert complaints(page) == []
    (asked,) = asked_for(page)
    assert asked.endswith("report.html")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_nothing(browser, tmp_path, name):
    made = result_of([layer(0, name, {NV: summary(0.5)}, label=name, op=name)], path=name, warnings=[name])
    page = opened(browser, tmp_path, made)
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert len(page.find_elements(By.TAG_NAME, "script")) == 2
    assert complaints(page) == []
    assert not sideways(page)


def test_layers_are_sorted_by_number_and_by_name_both_ways(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    heads = page.find_elements(By.CSS_SELECTOR, "#layers thead button")
    heads[5].click()
    assert shown_layers(page) == ["relu1", "conv10", "fc", "conv1"]
    heads[5].send_keys(Keys.ENTER)
    assert shown_layers(page) == ["conv1", "fc", "conv10", "relu1"]
    heads[1].click()
    assert shown_layers(page) == ["conv1", "conv10", "fc", "relu1"]
    heads[0].click()
    assert shown_layers(page) == ["conv1", "relu1", "conv10", "fc"]


def test_what_has_no_value_comes_last_both_ways(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    Select(page.find_element(By.ID, "measure")).select_by_visible_text("sample-variance")
    head = page.find_elements(By.CSS_SELECTOR, "#layers thead button")[5]
    head.click()
    assert shown_layers(page) == ["relu1", "fc", "conv1", "conv10"]
    head.click()
    assert shown_layers(page) == ["conv1", "fc", "relu1", "conv10"]


def test_layers_are_filtered_by_name(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    page.find_element(By.ID, "filter").send_keys("CONV1")
    assert shown_layers(page) == ["conv1", "conv10"]
    assert page.find_element(By.ID, "count").text == "2 of 4"
    page.find_element(By.ID, "filter").clear()
    page.find_element(By.ID, "filter").send_keys("x", Keys.BACKSPACE)
    assert len(shown_layers(page)) == 4


def test_measures_are_switched(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    charts = page.find_elements(By.CSS_SELECTOR, "div.of")
    assert [chart.is_displayed() for chart in charts] == [True, False]
    Select(page.find_element(By.ID, "measure")).select_by_index(1)
    assert [chart.is_displayed() for chart in charts] == [False, True]


def rows_of_the_graph(browser: webdriver.Chrome) -> list[tuple[str, str, str, str]]:
    """Return title, colour, value and name of each row."""
    return [
        tuple(browser.execute_script(
            "return [0, 2, 3].map(i => arguments[0].children[i].textContent)"
            ".toSpliced(1, 0, arguments[0].children[1].getAttribute('fill'))", node,
        ))
        for node in browser.find_elements(By.CSS_SELECTOR, ".graph .node")
    ]  # fmt: skip


def test_the_graph_is_coloured_by_the_measure_that_is_switched_on(browser, tmp_path):
    page = opened(browser, tmp_path, linked(two_measures()))
    first = rows_of_the_graph(page)
    assert first[0] == ("conv1 (Conv): 0.900 [0.850, 0.950]", "#fde725", "0.900", "conv1")
    page.find_elements(By.CSS_SELECTOR, "#layers thead button")[5].click()  # the table in another order changes nothing
    Select(page.find_element(By.ID, "measure")).select_by_visible_text("sample-variance")
    other = rows_of_the_graph(page)
    assert other[0] == ("conv1 (Conv): 5.000 [4.950, 5.050]", "rgb(253,231,37)", "5.000", "conv1")
    assert other[2] == ("conv10 (Conv): no value", "none", "-", "conv10")
    assert [len(page.find_elements(By.CSS_SELECTOR, ".node.lacking"))] == [1]
    Select(page.find_element(By.ID, "measure")).select_by_index(0)
    titles, values = ([row[place] for row in rows_of_the_graph(page)] for place in (0, 2))
    assert (titles, values) == ([row[0] for row in first], [row[2] for row in first])
    assert page.find_elements(By.CSS_SELECTOR, ".node.lacking") == []


def test_a_wide_and_long_graph_scrolls_in_its_own_box_by_the_keys_alone(browser, tmp_path):
    page = opened(browser, tmp_path, linked(many(150, 8), every=True), 400)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 400
    box = page.find_element(By.CSS_SELECTOR, ".graph")
    assert (
        page.execute_script("return [arguments[0].scrollWidth > 400, arguments[0].clientHeight < 600]", box)
        == [True] * 2
    )
    box.send_keys(Keys.END)
    WebDriverWait(page, 5).until(lambda at: at.execute_script("return arguments[0].scrollTop", box) > 1000)


def test_all_of_the_graph_is_printed(browser, tmp_path):
    page = opened(browser, tmp_path, linked(many(150, 8)))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    heights = page.execute_script(
        "const box = document.querySelector('.graph'); return [box.clientHeight, box.scrollHeight]"
    )
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert heights[0] == heights[1] > 3000


@pytest.mark.parametrize("name", ["m" * 100, "畳" * 60, "W" * 60, "i", "\u05d0" * 40])
def test_a_name_stands_within_the_graph(browser, tmp_path, name):
    made = result_of([layer(at, name, {NV: summary(0.5)}, after=range(at)) for at in range(2)])
    page = opened(browser, tmp_path, made)
    ends = page.execute_script(
        "return [...document.querySelectorAll('.graph text')].map(each => each.getBBox()).map(box => box.x + box.width)"
    )
    assert max(ends) <= float(page.find_element(By.CSS_SELECTOR, ".graph svg").get_attribute("width"))


def test_a_channel_is_told_by_the_keys_alone(browser, tmp_path):
    page = opened(browser, tmp_path, two_measures())
    page.find_element(By.ID, "sorted").click()
    page.find_element(By.ID, "strips").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert page.find_element(By.ID, "at").text == "relu1, channel 0: about 0.500"


def many_pictures() -> Result:
    layers = [layer(at, f"block.{at}", {NV: summary(0.5)}, label=f"block.{at}" * 9) for at in range(40)]
    return with_pictures(layers, transforms=20, samples=16, size=(60, 80), colours=3, side=30)


def test_all_pictures_are_shown_and_nothing_is_asked_for(browser, tmp_path):
    page = opened(browser, tmp_path, many_pictures())
    page.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    widths = page.execute_script("return [...document.images].map((image) => image.complete && image.naturalWidth)")
    assert len(widths) > 80
    assert all(widths)
    assert all(image.is_displayed() for image in page.find_elements(By.TAG_NAME, "img"))
    assert complaints(page) == []
    assert all(each.endswith("report.html") or each.startswith("data:image/") for each in asked_for(page))


def test_pictures_of_a_layer_are_opened_by_the_keys_alone(browser, tmp_path):
    page = opened(browser, tmp_path, pictured())
    first = page.find_elements(By.CSS_SELECTOR, "details.gallery")[1]
    assert not first.find_element(By.TAG_NAME, "img").is_displayed()
    first.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert first.find_element(By.TAG_NAME, "img").is_displayed()


@pytest.mark.parametrize("width", [400, 1000])
@pytest.mark.parametrize("make", [small, lambda: many(176, 60), many_pictures], ids=["small", "many", "many pictures"])
def test_no_sideways_scrolling(browser, tmp_path, make, width):
    page = opened(browser, tmp_path, make(), width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_where_the_reader_wants_it(browser, tmp_path):
    page = opened(browser, tmp_path, small())
    found = []
    for scheme in ("light", "dark"):
        page.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        found.append(page.execute_script("return getComputedStyle(document.body).backgroundColor"))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
