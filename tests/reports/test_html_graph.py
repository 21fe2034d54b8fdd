"""The page draws the graph of the layers, with all that the result says of it and nothing in its names that acts."""

from __future__ import annotations

import re

import pytest

from onnxinv.reports.html import HtmlReport
from onnxinv.reports.page.graph import MOST_LAYERS
from onnxinv.result import Result
from tests.reports.results import NV, layer, result_of, small, summary
from tests.reports.test_html import HOSTILE, Page, data, many, page


def chain(layers: int, keys: int = 1) -> Result:
    """Return a result of so many layers, each after the one before and the one three before."""
    made = many(layers, 60, keys)
    linked = [
        each.model_copy(update={"after": sorted({max(0, each.index - 3), each.index - 1}) if each.index else []})
        for each in made.layers
    ]
    return Result(made.document.model_copy(update={"layers": linked}), made.units)


def of_class(shown: Page, word: str) -> list[dict[str, str | None]]:
    return [attributes for _, attributes in shown.elements if word in (attributes.get("class") or "").split()]


def drawing(result: Result) -> str:
    found = re.search(r'<div class="graph".*?</div>', HtmlReport().render(result), re.DOTALL)
    assert found is not None
    return found[0]


def test_each_layer_has_a_row_with_its_value_and_what_it_is():
    text = drawing(small())
    titles = re.findall(r'<g class="(node[a-z ]*)"><title>(.*?)</title>', text)
    assert [title for _, title in titles] == [
        "x (Input): 1.000 [0.950, 1.050]",
        "features.0.conv (Conv): 0.250 [0.200, 0.300]",
        "features.1.relu (Relu): 1.2e-04",
        "a very long label of a layer that must be cut (Log): no value",
        "fc (Gemm): 1.500 [1.450, 1.550]",
    ]
    assert [kind for kind, _ in titles] == ["node", "node", "node", "node lacking", "node"]
    assert re.findall(r'class="end">(.*?)</text>', text) == ["1.000", "0.250", "1.2e-04", "-", "1.500"]


def test_colours_are_those_of_the_means_and_none_where_there_is_none():
    fills = re.findall(r'<circle[^>]* fill="(.*?)"', drawing(small()))
    assert (fills[2], fills[3], fills[4]) == ("#440154", "none", "#fde725")


def test_lines_lead_from_a_layer_to_each_that_follows_it():
    text = drawing(small())
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text)]
    ways = set()
    for path in re.findall(r'<path d="(.*?)"', text):
        moves = [
            [float(number) for number in re.findall(r"[\d.]+", part)] for part in re.findall(r"[MVC][^MVC]*", path)
        ]
        start, x = dots.index((moves[0][0], moves[0][1])), moves[0][0]
        for kind, numbers in zip(re.findall("[MVC]", path), moves, strict=True):
            end = (numbers[-2], numbers[-1]) if kind == "C" else (x, numbers[0])
            if kind != "M" and end in dots:
                ways.add((start, dots.index(end)))
    assert ways == {(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)}


def test_an_older_result_has_no_graph():
    made = result_of([layer(0, "a", {NV: summary(0.5)}), layer(1, "b", {NV: summary(0.2)})])
    assert "On the graph" not in page(made).text
    assert data(made)["graph"] == []


def test_a_graph_of_many_layers_is_told_of_and_not_drawn():
    assert len(of_class(page(chain(MOST_LAYERS)), "node")) == MOST_LAYERS
    shown = page(chain(MOST_LAYERS + 1))
    assert of_class(shown, "node") == []
    assert "200 layers, too many to be drawn here" in shown.text


def test_measures_of_the_output_alone():
    bare = small().document.model_copy(update={"layers": [], "summary": {}})
    assert "On the graph" not in page(Result(bare, {})).text


@pytest.mark.parametrize("name", [*HOSTILE, "畳" * 30])
def test_names_are_inert_and_whole_within_the_drawing(name):
    def two(text: str) -> Result:
        named = layer(0, text, {NV: summary(0.5)}, label=text, op=text)
        return result_of([named, layer(1, "y", {NV: summary(1.0)}, after=[0])])

    plain, shown = page(two("name")), page(two(name))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", drawing(two(name)))
    assert len(drawing(two(name))) < len(drawing(two("name"))) + 1500


def test_every_measure_is_there_to_be_switched_to():
    values = {NV: summary(0.5), "linear-cka": summary(0.25), "sample-variance": summary(None)}
    halves = {NV: summary(0.25), "linear-cka": summary(None), "sample-variance": summary(None)}
    made = result_of([layer(0, "a", values), layer(1, "b", halves, after=[0])])
    assert data(made)["graph"] == [[250, 125], [250, 255], [255, 255]]
    legends = re.findall(
        r'class="of legend" data-of="(\d)".*?>([\d.]+) <span class="colours"></span> ([\d.]+) <span class="lacking"',
        HtmlReport().render(made),
    )
    assert legends == [("0", "0.000", "0.500"), ("1", "0.000", "0.250"), ("2", "0.000", "1.000")]


def test_size():
    bare, whole = (len(HtmlReport().render(made).encode()) for made in (many(MOST_LAYERS, 60), chain(MOST_LAYERS, 8)))
    assert whole - bare < 90_000
    assert len(HtmlReport().render(chain(MOST_LAYERS, 3)).encode()) < 600_000
