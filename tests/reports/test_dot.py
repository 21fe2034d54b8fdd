"""The text for Graphviz holds every layer with its mean and colour, every arrow, and no name that means anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from onnxinv.reports.colours import colour, letters_on
from onnxinv.reports.dot import DotReport
from onnxinv.result import Result
from tests.reports.command import analyze, command
from tests.reports.dot_text import parse_dot
from tests.reports.results import NV, layer, result_of, small, summary
from tests.reports.test_html import HOSTILE


def test_has_a_node_a_layer_and_an_arrow_for_each_way():
    nodes, edges = parse_dot(DotReport().render(small()))
    assert list(nodes) == ["n0", "n1", "n2", "n3", "n4"]
    assert edges == [("n0", "n1"), ("n1", "n2"), ("n1", "n3"), ("n2", "n4"), ("n3", "n4")]
    assert nodes["n1"]["label"] == "features.0.conv\n0.250"
    assert nodes["n1"]["tooltip"] == "features.0.conv (Conv): 0.250 [0.200, 0.300]"


def test_colours_go_from_zero_to_the_highest_mean():
    made = [layer(place, str(place), {NV: summary(mean)}) for place, mean in enumerate([0.0, 0.5, 2.0, 1.0])]
    nodes, _ = parse_dot(DotReport().render(result_of(made)))
    assert [node["fillcolor"] for node in nodes.values()] == ["#440154", "#3b528b", "#fde725", "#21918c"]
    assert [node["fontcolor"] for node in nodes.values()] == ["#ffffff", "#ffffff", "#000000", "#000000"]


def test_a_negative_mean_is_the_lower_end():
    made = [layer(place, str(place), {NV: summary(mean)}) for place, mean in enumerate([-1.0, 0.0, 1.0])]
    nodes, _ = parse_dot(DotReport().render(result_of(made)))
    assert [node["fillcolor"] for node in nodes.values()] == ["#440154", "#21918c", "#fde725"]


def test_a_layer_without_a_value_is_dashed_and_has_no_colour():
    node = parse_dot(DotReport().render(small()))[0]["n3"]
    assert "dashed" in node["style"]
    assert "fillcolor" not in node
    assert node["label"].endswith("\n-")


@pytest.mark.parametrize("name", [*HOSTILE, "\\", '\\"', "a\\N\\G\\l", '"]; n0 -> n0; n9 ["', "a -> b", "//", "畳"])
def test_a_name_is_one_string_that_means_nothing(name):
    made = result_of([layer(0, name, {NV: summary(0.5)}, label=name, op=name)], path=name)
    text = DotReport().render(made)
    nodes, edges = parse_dot(text)
    assert list(nodes) == ["n0"]
    assert edges == []
    assert nodes["n0"]["label"].count("\n") == 1
    assert len(text) < 1000
    assert text.replace("\n", "").isprintable()
    if name.isprintable() and len(name) <= 60:
        assert nodes["n0"]["label"] == f"{name}\n0.500"


def test_each_further_measure_has_a_file_of_its_own(capsys, tmp_path):
    named = ("--measure", NV, "--measure", "transformational-variance", "--measure", "linear-cka")
    assert analyze(capsys, *named, "--quiet", "--format", f"dot:{tmp_path / 'graph.dot'}").status == 0
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(texts) == ["graph.dot", "graph.linear-cka.dot", "graph.transformational-variance.dot"]
    assert "normalized-variance of" in texts["graph.dot"]
    assert "linear-cka of" in texts["graph.linear-cka.dot"]
    assert len({str(parse_dot(text)[1]) for text in texts.values()}) == 1


def test_the_name_of_a_measure_makes_a_plain_name_of_a_file(capsys, tmp_path):
    named = ("--measure", NV, "--measure", "normalized-variance:dispersion=var")
    assert analyze(capsys, *named, "--quiet", "--format", f"dot:{tmp_path / 'graph'}").status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph", "graph.normalized-variance-dispersion-var"]


def test_nothing_lies_beside_what_is_printed(capsys):
    named = ("--measure", NV, "--measure", "linear-cka", "--quiet")
    found = analyze(capsys, *named, "--format", "dot")
    assert "normalized-variance of" in found.out
    assert "linear-cka" not in found.out
    assert analyze(capsys, *named, "--format", "dot:/dev/null").status == 0
    assert not list(Path("/dev").glob("null.*"))


def test_a_saved_result_is_drawn_again(capsys, tmp_path):
    found = analyze(capsys, "-o", tmp_path / "out", "--quiet", "--format", "dot")
    assert command(capsys, "report", tmp_path / "out", "--format", "dot").out == found.out


def test_a_result_of_the_class_output_alone_has_no_node():
    empty = small().document.model_copy(update={"layers": [], "summary": {}})
    assert parse_dot(DotReport().render(Result(empty, {}))) == ({}, [])


@pytest.mark.parametrize("share", [place / 20 for place in range(21)])
def test_letters_are_told_from_their_colour(share):
    def luminance(text: str) -> float:
        parts = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ends = sorted([luminance(colour(share)), luminance(letters_on(colour(share)))])
    assert (ends[1] + 0.05) / (ends[0] + 0.05) >= 4.5
