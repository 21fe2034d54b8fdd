"""Node data is what Model Explorer reads: keyed by what its adapter for ONNX calls a node, coloured like the page."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from onnxinv.reports.colours import PALETTE
from onnxinv.reports.model_explorer import ModelExplorerReport
from onnxinv.result import Result
from tests.reports.command import analyze
from tests.reports.results import NV, layer, result_of, small, summary
from tests.reports.test_html import HOSTILE


def data(result: Result) -> Any:
    return json.loads(ModelExplorerReport().render(result))


def values(result: Result) -> dict[str, float]:
    return {key: each["value"] for key, each in data(result)["results"].items()}


def of_means(*means: float | None) -> Result:
    return result_of([layer(place, f"t{place}", {NV: summary(mean)}) for place, mean in enumerate(means)])


def seen(content: Any, value: float) -> str:
    """Return the colour that Model Explorer gives to a value, as its visualizer computes it."""
    if not content.get("gradient"):
        return next((each["bgColor"] for each in content["thresholds"] if value <= each["value"]), "transparent")
    found = [each["value"] for each in content["results"].values()]
    place = (value - min(found)) / (max(found) - min(found))
    stops = content["gradient"]
    for before, behind in pairwise(stops):
        if before["stop"] <= place <= behind["stop"]:
            share = (place - before["stop"]) / (behind["stop"] - before["stop"])
            ends = [[int(each["bgColor"][at : at + 2], 16) for at in (1, 3, 5)] for each in (before, behind)]
            return "#" + "".join(f"{int(low + (high - low) * share):02x}" for low, high in zip(*ends, strict=True))
    raise AssertionError(f"no stop for {place}")


def test_layers_are_keyed_by_tensor_and_node_and_those_without_a_value_left_out():
    assert values(small()) == {
        "x": 1.0, "[value] x": 1.0,
        "a": 0.25, "Conv_0": 0.25,
        "b": 0.00012, "Relu_1": 0.00012,
        "y": 1.5, "Gemm_3": 1.5, "[value] y": 1.5,
    }  # fmt: skip


def test_a_node_comes_before_a_tensor_of_its_name():
    made = [layer(0, "b", {NV: summary(0.1)}, node="a"), layer(1, "a", {NV: summary(0.2)}, node="b")]
    assert {key: value for key, value in values(result_of(made)).items() if "[" not in key} == {"a": 0.1, "b": 0.2}


def test_the_first_output_of_a_node_stands_for_it():
    made = [layer(0, "y", {NV: summary(0.1)}, node="LSTM"), layer(1, "y_h", {NV: summary(0.2)}, node="LSTM")]
    found = values(result_of(made))
    assert (found["LSTM"], found["y"], found["y_h"]) == (0.1, 0.1, 0.2)


def test_values_have_four_digits():
    assert values(of_means(0.123456789, 1234567.8))["t0"] == 0.1235
    assert values(of_means(0.123456789, 1234567.8))["t1"] == 1235000.0


@pytest.mark.parametrize(
    "means",
    [(0.0, 0.5, 1.0), (0.8, 0.9, 1.0), (0.1, 0.11), (-1.0, 0.0, 1.0), (0.7, 0.7), (0.4,), (0.0,), (0.3, 0.8, 1e6)],
    ids=str,
)
def test_colours_are_those_of_the_page(means):
    content = data(of_means(*means))
    low, high = min(0.0, *means, 0.0), max(0.0, *means, 0.0)
    for mean in means:
        place = (mean - low) / (high - low) * 4 if high > low else 0.0
        first = min(int(place), 3)
        for at, part in enumerate((1, 3, 5)):
            expected = PALETTE[first][at] + (PALETTE[first + 1][at] - PALETTE[first][at]) * (place - first)
            assert int(seen(content, mean)[part : part + 2], 16) == pytest.approx(expected, abs=2)


def test_the_run_is_called_by_its_measure_and_each_measure_has_one():
    keys = [NV, "linear-cka"]
    made = result_of([layer(0, "a", {NV: summary(0.5), "linear-cka": summary(0.25)})])
    assert data(made)["name"] == keys[0]
    (other,) = (json.loads(text) for text in ModelExplorerReport().beside(made).values())
    assert (other["name"], other["results"]["a"]["value"]) == (keys[1], 0.25)


@pytest.mark.parametrize("name", [*HOSTILE, "\u202eltr", "__proto__"])
def test_a_name_is_kept_as_it_is_in_ascii(name):
    made = result_of([layer(0, name, {NV: summary(0.5)}, node=f"{name} node")])
    assert set(values(made)) == {name, f"{name} node"}
    text = ModelExplorerReport().render(made)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_a_tensor_called_results_does_not_make_the_data_look_like_that_of_several_graphs():
    made = result_of([layer(0, "results", {NV: summary(0.5)}, node="n"), layer(1, "y", {NV: summary(1.0)})])
    assert set(values(made)) == {"n", "y", "[value] y"}


def test_no_layer_has_a_value():
    assert data(of_means(None, None)) == {"name": NV, "results": {}}


def test_a_result_of_the_class_output_alone_has_no_node():
    empty = small().document.model_copy(update={"layers": [], "summary": {}})
    assert data(Result(empty, {})) == {"results": {}}


def test_the_nodes_of_a_real_model_are_named(capsys):
    found = json.loads(analyze(capsys, "--quiet", "--layers", "*", "--format", "model-explorer").out)["results"]
    assert {"[value] image", "/conv1/Conv", "/conv1/Conv_output_0", "/fc2/Gemm", "logits", "[value] logits"} <= set(
        found
    )
