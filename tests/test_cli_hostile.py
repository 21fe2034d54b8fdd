"""Names from a model never reach a terminal as they are, and reach the JSON as nothing else."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from onnxinv.result import Result
from tests.reports.command import Outcome, analyze, assert_refused, command

HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="markup"),
    pytest.param("\"'`;$(rm)", id="quotes"),
    pytest.param("\x1b[31mred\x1b]0;title\x07", id="escapes"),
    pytest.param("two\nlines\r\x0b\x85\u2028", id="line breaks"),
    pytest.param("\u202eright\u200fto\u2066left", id="direction marks"),
    pytest.param("long" * 2500, id="10,000 characters"),
    pytest.param('=HYPERLINK("x")', id="a formula"),
    pytest.param("[bold]markup[/bold] :smile:", id="rich markup"),
    pytest.param("*?[!a]", id="globs"),
    pytest.param("a/../../b", id="a path"),
    pytest.param("\u0301\u200b", id="marks that combine"),
]


def network(folder: Path, name: str) -> Path:
    """Write a model all of whose names are the given one, with something behind it where they must differ."""
    nodes = [
        helper.make_node("Relu", ["x"], [name], name=f"{name} node"),
        helper.make_node("Tanh", [name], [f"{name} out"], name=name),
        helper.make_node("Shape", [name], [f"{name} shape"]),
        helper.make_node("Cast", [f"{name} shape"], [f"{name} sizes"], to=TensorProto.FLOAT),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [name, 3])
    y = helper.make_tensor_value_info(f"{name} out", TensorProto.FLOAT, [name, 3])
    sizes = helper.make_tensor_value_info(f"{name} sizes", TensorProto.FLOAT, [2])
    graph = helper.make_graph(nodes, name, [x], [y, sizes])
    model = helper.make_model(graph, producer_name=name, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((4, 3), dtype=np.float32))
    return tmp_path / "x.npy"


def assert_harmless(found: Outcome) -> None:
    for line in (found.out + found.err).split("\n"):
        assert line.isprintable(), line


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_harmless_on_the_terminal_and_true_in_the_json(capsys, tmp_path, data, name):
    model = network(tmp_path, name)
    found = analyze(
        capsys,
        "-o",
        tmp_path / "out",
        "--format",
        "terminal",
        "--format",
        "csv",
        model=model,
        data=data,
        transform="identity",
    )
    assert found.status == 0, found.err
    assert_harmless(found)
    shown = command(capsys, "report", tmp_path / "out")
    assert shown.status == 0
    assert_harmless(shown)
    assert max(map(len, shown.out.splitlines())) <= 80
    text = command(capsys, "report", tmp_path / "out", "--format", "json").out
    assert [layer["name"] for layer in json.loads(text)["layers"]] == ["x", name, f"{name} out"]
    assert [layer.name for layer in Result.load(tmp_path / "out").layers] == ["x", name, f"{name} out"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_harmless_cell_of_the_csv(capsys, tmp_path, data, name):
    found = analyze(
        capsys, "--quiet", "--format", "csv", model=network(tmp_path, name), data=data, transform="identity"
    )
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert {row["op"] for row in rows if row["index"]} == {"Input", "Relu", "Tanh"}
    assert all(cell.isprintable() and len(cell) <= 201 for row in rows for cell in row.values())
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())


@pytest.mark.parametrize("name", HOSTILE)
def test_inspect_and_the_plan_are_harmless(capsys, tmp_path, data, name):
    model = network(tmp_path, name)
    shown = command(capsys, "inspect", model)
    planned = analyze(capsys, "--dry-run", model=model, data=data, transform="identity")
    for found in (shown, planned):
        assert found.status == 0, found.err
        assert_harmless(found)
        assert max(map(len, found.out.splitlines())) <= 80
    assert "tensor cannot be measured" in shown.out


@pytest.mark.parametrize("name", HOSTILE)
def test_messages_are_harmless(capsys, tmp_path, data, name):
    model = network(tmp_path, name)
    assert_refused(
        analyze(capsys, "--layers", "nothing", model=model, data=data, transform="identity"), "fits no layer"
    )
    assert_refused(
        analyze(capsys, "--memory", "1MiB", "--batch", 100_000, model=model, data=data, transform="identity")
    )
    np.save(data, np.zeros((4, 5), dtype=np.float32))
    assert_refused(analyze(capsys, model=model, data=data, transform="identity"), "has shape [5]")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_layer_can_be_named_in_full(capsys, tmp_path, data, name):
    if len(name) < 1000:
        model = network(tmp_path, name)
        found = analyze(
            capsys, "--quiet", "--format", "json", "--layers", name, model=model, data=data, transform="identity"
        )
        assert name in [layer["name"] for layer in json.loads(found.out)["layers"]]


@pytest.mark.parametrize(
    "name", ["\x1b[31mred.onnx", "two\nlines.onnx", "\u202egnp.onnx"], ids=["escape", "line break", "direction"]
)
def test_the_name_of_a_file_is_harmless(capsys, tmp_path, data, name):
    model = network(tmp_path, "a").rename(tmp_path / name)
    out = tmp_path / f"out {name}"
    for found in (
        analyze(capsys, "-o", out, model=model, data=data, transform="identity"),
        analyze(capsys, "-o", out, model=model, data=data, transform="identity"),
        analyze(capsys, model=tmp_path / f"no {name}", data=data, transform="identity"),
        command(capsys, "inspect", model),
        command(capsys, "report", out),
        command(capsys, "report", tmp_path / f"no {name}"),
        command(capsys, "explain", name),
        command(capsys, f"--{name}"),
        command(capsys, name),
    ):
        assert found.status in (0, 2)
        assert_harmless(found)


@pytest.mark.parametrize("place", ["model", "data", "output"])
def test_a_file_whose_name_is_no_text_can_be_used(capsys, tmp_path, data, place):
    odd = "b\udcff"  # a byte that is no UTF-8, as Python hands it over
    model, out = network(tmp_path, "a"), tmp_path / "out"
    if place == "model":
        model = model.rename(tmp_path / f"{odd}.onnx")
    if place == "data":
        data = data.rename(tmp_path / f"{odd}.npy")
    if place == "output":
        out = tmp_path / odd
    found = analyze(capsys, "-o", out, model=model, data=data, transform="identity")
    assert found.status == 0, found.err
    assert_harmless(found)
    assert Result.load(out).meta.model.path == str(model)
    assert command(capsys, "report", out, "--format", "json").status == 0
