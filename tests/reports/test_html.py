"""The HTML page says what the result says, needs nothing else, and leaves every name inert."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from time import perf_counter

import numpy as np
import pytest

from onnxinv.measures import measures
from onnxinv.reports.html import HtmlReport
from onnxinv.reports.page.strips import ROWS
from onnxinv.reports.page.svg import tick_text, ticks
from onnxinv.reports.verdict import command, verdict
from onnxinv.result import OutputValue, Result, units_key
from tests.reports.results import NV, layer, result_of, small, summary

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "&lt;b&gt; & <!-- ",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\u202eleft\u2066",
    "two\nlines\tand\x00more",
    "x" * 10_000,
    "= 1 + 1",
]


class Page(HTMLParser):
    """What a page holds: elements with attributes, and the texts in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page(result: Result) -> Page:
    return Page(HtmlReport().render(result))


def data(result: Result) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', HtmlReport().render(result))
    assert found is not None
    content: dict[str, object] = json.loads(found[1])
    return content


def many(layers: int, channels: int, keys: int = 8) -> Result:
    """Return a result of so many layers, as long as those of large networks."""
    names = [NV, *(f"measure-{number}" for number in range(keys - 1))]
    made = result_of(
        [
            layer(at, f"/layer{at // 9}/block.{at % 9}/conv/Conv_output_0", dict.fromkeys(names, summary(0.5)))
            for at in range(layers)
        ]
    )
    generator = np.random.default_rng(0)
    return Result(made.document, {key: generator.random(channels) for key in made.units})


def test_says_what_the_result_says():
    shown = page(small())
    assert shown.count("table") == 1
    assert "5 layers" in shown.text
    for words in (
        "features.0.conv",
        "0.250",
        "[0.200, 0.300]",
        "2 dead",
        "1 inf",
        "Values that are nan",
        "i (Shape): integer",
    ):
        assert words in shown.text
    assert "onnxinv analyze net.onnx --data digits.npz --transform rotation:steps=2" in shown.text


def test_asks_for_nothing_from_the_network():
    text = HtmlReport().render(small())
    assert not re.findall(r"(?:src|href|action)\s*=|url\(|@import|https?://|fetch\(|import\(", text)
    assert "default-src 'none'" in text


def test_is_the_same_each_time_and_ends_with_a_line_break():
    assert HtmlReport().render(small()) == HtmlReport().render(small())
    assert HtmlReport().render(small()).endswith("</html>\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_inert(name):
    plain = page(result_of([layer(0, "name", {NV: summary(0.5)})], path="name", warnings=["name"]))
    made = result_of([layer(0, name, {NV: summary(0.5)}, label=name, op=name)], path=name, warnings=[name])
    shown = page(made)
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    assert not any(attribute.startswith("on") for _, attributes in shown.elements for attribute in attributes)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", HtmlReport().render(made))
    assert len(HtmlReport().render(made)) < len(HtmlReport().render(small())) + 5000
    assert data(made)["layers"]


def test_channels_are_told_as_steps_of_the_scale():
    result = result_of([layer(0, "a", {NV: summary(0.5)}), layer(1, "b", {NV: summary(0.5)})])
    few, lots = np.array([0.0, 1.0, np.nan, np.inf]), np.linspace(0, 1, 10 * ROWS)
    result = Result(result.document, {units_key(NV, 0): few, units_key(NV, 1): lots})
    (found,) = data(result)["measures"]
    columns = np.frombuffer(base64.b64decode(found["strips"]), np.uint8).reshape(2, ROWS)
    quarter = ROWS // 4
    assert columns[0, ::quarter].tolist()[0] == 0
    assert set(columns[0, quarter : 2 * quarter].tolist()) <= {250, 251}
    assert set(columns[0, 2 * quarter : 3 * quarter].tolist()) == {255}
    assert set(columns[0, 3 * quarter :].tolist()) == {251}
    means = lots.reshape(ROWS, 10).mean(1)
    inside = columns[1] <= 250
    told = found["low"] + (found["high"] - found["low"]) * columns[1] / 250
    np.testing.assert_allclose(told[inside], means[inside], atol=1 / 250)


def test_layers_without_a_value_are_shown_without_one():
    shown = page(result_of([layer(0, "a", {NV: summary(None, nan=4)})]))
    assert "No layer has a value" in shown.text
    assert shown.count("circle") == 0


def test_a_layer_that_cannot_have_the_measure_says_why():
    lacking = summary(None).model_copy(update={"reason": "it has no <map>"})
    made = result_of([layer(0, "a", {NV: lacking}), layer(1, "b", {NV: summary(0.5)})])
    made = Result(made.document, {units_key(NV, 1): np.full(4, 0.5)})
    assert "it has no <map>" in page(made).text
    assert data(made)["measures"][0]["counts"] == [0, 4]


def test_a_curve_for_every_layer_that_has_one():
    curve = summary(0.5).model_copy(update={"profile": [0.1, None, 0.3, 0.2]})
    layers = [layer(0, "a", {NV: curve}), layer(1, "b", {NV: summary(0.5)}), layer(2, "c", {NV: curve})]
    shown = page(result_of(layers))
    assert sum(attributes.get("class") == "curve" for _, attributes in shown.elements) == 2
    assert "number of the transform" in shown.text


def test_measures_of_the_output_alone():
    whole = small().document.model_copy(
        update={
            "layers": [], "summary": {},
            "outputs": {"accuracy": OutputValue(value=0.9, se=0.1, bias=0.0, ci=(0.8, 1.0), loo=None, profile=None)},
        }
    )  # fmt: skip
    shown = page(Result(whole, {}))
    assert "accuracy 0.900 [0.800, 1.000]" in shown.text
    assert "Only the class output was measured" in shown.text
    assert shown.count("canvas") == 0


@pytest.mark.parametrize(
    ("layers", "channels", "most"),
    [(1, 4, 60_000), (176, 150, 1_000_000), (2000, 64, 9_000_000)],
    ids=["one", "ResNet50", "2,000"],
)
def test_size(layers, channels, most):
    begin = perf_counter()
    assert len(HtmlReport().render(many(layers, channels)).encode()) < most
    assert perf_counter() - begin < 60, "not a timing: something is quadratic"


def test_the_verdict_names_the_ends_in_the_direction_of_the_measure():
    def two(key: str) -> Result:
        return result_of([layer(0, "a", {key: summary(0.9)}), layer(1, "b", {key: summary(0.2)})])

    assert verdict(two(NV)) == (
        "By normalized-variance, the most invariant layer is b (0.200 [0.150, 0.250]), the least a (0.900 [0.850, "
        "0.950]); the last layer is more invariant than the first."
    )
    assert "the most invariant layer is a (" in verdict(two("variance-share-sample"))
    assert "less invariant than the first" in verdict(two("variance-share-sample"))
    assert "the lowest layer is b (" in verdict(two("sample-variance"))
    assert verdict(result_of([layer(0, "a", {NV: summary(0.9)})])).startswith("a (0.900 [0.850, 0.950]) is the only")
    alike = result_of([layer(0, "a", {NV: summary(0.5)}), layer(1, "b", {NV: summary(0.52)})])
    assert "than the first" not in verdict(alike)


def test_a_layer_that_is_dead_is_not_the_most_invariant_one():
    dead = summary(0.1, dead=4).model_copy(update={"mean_alive": None})
    made = [layer(0, "a", {NV: summary(0.9)}), layer(1, "b", {NV: summary(0.2)}), layer(2, "c", {NV: dead})]
    assert "the most invariant layer is b (" in verdict(result_of(made))
    assert verdict(result_of(made[2:])) == (
        "No layer has a value of normalized-variance in a channel that responds to anything."
    )


def test_a_measure_that_this_version_lacks_has_no_direction():
    gone = result_of([layer(0, "a", {"gone": summary(0.9)}), layer(1, "b", {"gone": summary(0.2)})])
    assert "gone" not in measures.names()
    assert "the lowest layer is b (" in verdict(gone)


def test_the_command_is_quoted_for_a_shell():
    assert "'a b; rm -rf $HOME.onnx'" in command(result_of(small().layers, path="a b; rm -rf $HOME.onnx"))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0, 0.03, ["0", "0.01", "0.02", "0.03"]),
        (-10, 10, ["-10", "-5", "0", "5", "10"]),
        (2, 2, ["2"]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert [tick_text(tick) for tick in ticks(low, high)] == expected
