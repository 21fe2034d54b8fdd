"""The command `compare`: its exit codes, what it writes and prints, and what it refuses before any work is done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from onnxinv import api
from onnxinv.align import MODES
from onnxinv.comparison import CompareDocument
from onnxinv.result import Result
from tests.engine.networks import save_images
from tests.networks import MODELS, SHIPPED, save_text
from tests.reports.command import Outcome, assert_refused, command

ZOO = Path(__file__).parent / "zoo"
TURNS = "rotation:steps=4,degrees=360"
FILES = ("pictures.npz", "report.html", "result.json", "units.npz")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder of images and networks: the mean of an image, a weighted one, one much like that, and copies."""
    folder = tmp_path_factory.mktemp("place")
    save_images(folder)
    generator = np.random.default_rng(0)
    weighted = generator.normal(size=(1, 1, 6, 6))
    networks = {
        "steady": ("y", np.ones((1, 1, 6, 6))),
        "fickle": ("y", weighted),
        "copy": ("y", weighted),
        "alike": ("z", weighted + 0.02 * generator.normal(size=(1, 1, 6, 6))),
    }
    for name, (output, kernel) in networks.items():
        body = f"{output} = Conv<kernel_shape = [6, 6]>(image, kernel)"
        text = f"net (float[n,1,6,6] image) => (float[b,c,h,w] {output}) {{ {body} }}"
        save_text(folder / f"{name}.onnx", text, kernel=kernel.astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def folders(place) -> dict[str, Path]:
    """Results of networks, and of one of them on other samples and under other transforms."""
    wanted: dict[str, tuple[str, str, dict[str, Any]]] = {
        "steady": ("steady", TURNS, {}),
        "fickle": ("fickle", TURNS, {}),
        "fewer": ("fickle", TURNS, {"samples": 10}),
        "turned": ("fickle", "rotation:steps=2", {}),
        "by unit": ("fickle", TURNS, {"aggregate": "unit"}),
    }
    for name, (model, transforms, options) in wanted.items():
        on_cpu: dict[str, Any] = {"device": "cpu", "threads": 1, **options}
        api.analyze(place / f"{model}.onnx", place / "images.npz", transforms, **on_cpu).save(place / name)
    return {name: place / name for name in wanted}


@pytest.fixture
def unmeasured(monkeypatch):
    """Let a measurement fail the test."""

    def run(*arguments: object) -> None:
        pytest.fail("something was measured")

    monkeypatch.setattr(api, "run", run)


def compare(capsys, place: Path, models: str, *options: object, transform: str = TURNS) -> Outcome:
    """Run `compare` on networks of the folder, named by words."""
    paths = [place / f"{name}.onnx" for name in models.split()]
    named = ("--data", place / "images.npz", "--transform", transform, "--device", "cpu", "--threads", 1)
    return command(capsys, "compare", *paths, *named, *options)


def compare_quietly(capsys, place: Path, models: str, *options: object) -> dict[str, Any]:
    """Run `compare` and return its JSON."""
    found = compare(capsys, place, models, "--quiet", "--format", "json", *options)
    assert (found.status, found.err) == (0, "")
    return dict(json.loads(found.out))


@pytest.mark.parametrize(
    ("models", "gates", "status", "told"),
    [
        pytest.param("steady fickle", "", 0, [], id="nothing to fail on"),
        pytest.param("steady fickle", "worse", 1, ["'fickle' is worse than 'steady': "], id="worse"),
        pytest.param("fickle steady", "worse", 0, [], id="better"),
        pytest.param("fickle copy", "worse mismatch", 0, [], id="equal"),
        pytest.param("fickle alike", "mismatch", 1, ["Mismatch of 'alike' with 'fickle': "], id="a mismatch"),
        pytest.param(
            "steady fickle", "mismatch worse", 1,
            ["'fickle' is worse than 'steady': ", *["Mismatch of 'fickle' with 'steady': "] * 2],
            id="worse and a mismatch",
        ),
        pytest.param("fickle copy steady", "mismatch", 1, ["Mismatch of 'steady' with 'fickle': "] * 2, id="a third"),
    ],
)  # fmt: skip
def test_the_exit_code_is_1_only_where_what_is_asked_for_fails(capsys, place, models, gates, status, told):
    options = [word for gate in gates.split() for word in ("--fail-on", gate)]
    found = compare(capsys, place, models, "--quiet", *options)
    lines = found.err.splitlines()
    assert (found.status, found.out, len(lines)) == (status, "", len(told)), lines
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


def test_every_reason_is_printed(capsys, tmp_path):
    measuring = (
        "--data",
        MODELS / "digits.npz",
        "--transform",
        "rotation:steps=2",
        "--samples",
        "10",
        "--device",
        "cpu",
    )
    made = ("--format", "json", "-o", tmp_path / "out", "--quiet")
    found = command(capsys, "compare", *SHIPPED, *measuring, *made, "--fail-on", "mismatch")
    mismatches = json.loads(found.out)["comparisons"][0]["mismatches"]
    assert (found.status, len(mismatches) > 1) == (1, True)
    assert [line.partition("': ")[2] for line in found.err.splitlines()] == [f"{text}." for text in mismatches]
    folders = (tmp_path / "out" / "A", tmp_path / "out" / "B")
    assert command(capsys, "compare", *folders, "--fail-on", "worse", "--quiet").status == 0
    for option in (("--fail-on", "mismatch"), ("--samples", "7"), ("--layers", "conv*")):
        assert command(capsys, "compare", *folders, *option).status == 2


@pytest.mark.parametrize(
    "error",
    [RuntimeError("broken"), SystemExit(1), typer.Exit(1), MemoryError(), AssertionError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("part", ["run", "compare_measured"])
def test_what_breaks_is_never_an_answer(capsys, place, tmp_path, monkeypatch, error, part):
    def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(api, part, broken)
    found = compare(capsys, place, "steady fickle", "--quiet", "--fail-on", "worse", "-o", tmp_path / "out")
    assert found.status == 2
    results = {f"out/{letter}/{name}" for letter in "AB" for name in FILES}
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == (set() if part == "run" else results)


def shell(place: Path, line: str) -> str:
    """Run a line of bash in which `compare` compares what is worse; return what it prints, and it says nothing else."""
    words = f'"{sys.executable}" -m onnxinv compare steady.onnx fickle.onnx --data images.npz --transform {TURNS}'
    script = f'compare() {{ {words} --device cpu --threads 1 --quiet "$@"; }}\n{line}\n'
    root = str(MODELS.parent)
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, cwd=place,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    return ended.stdout


@pytest.mark.parametrize(("gate", "status"), [("", "0"), ("--fail-on worse", "1")])
def test_a_reader_that_leaves_does_not_change_the_answer(place, gate, status):
    assert shell(place, f"compare --format json {gate} | head -0; echo ${{PIPESTATUS[0]}}") == f"{status}\n"


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="the system has no /dev/full")
@pytest.mark.parametrize("stream", [">/dev/full", "--format json:/dev/full"])
def test_a_full_disk_is_no_answer(place, stream):
    assert shell(place, f"compare --format json --fail-on worse {stream}; echo $?").splitlines()[-1] == "2"


def test_the_folder_holds_the_comparison_and_the_results(capsys, place, tmp_path):
    out = tmp_path / "new" / "out"
    found = compare(capsys, place, "steady fickle copy", "--quiet", "--format", "json", "-o", out)
    assert (found.status, found.err) == (0, "")
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        *(f"{letter}/{name}" for letter in "ABC" for name in FILES),
        "compare.json",
        "report.html",
    ]
    assert "fickle&#39; is less invariant than &#39;steady&#39;" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "compare.json").read_text() == found.out
    document = CompareDocument.model_validate_json(found.out)
    assert [Result.load(out / letter).meta.model for letter in "ABC"] == document.meta.models
    assert [(each.a, each.b) for each in document.comparisons] == [(0, 1), (0, 2)]
    pair = document.comparisons[0].pairs[-1]
    for letter, told in (("A", pair.measures["normalized-variance"].a), ("B", pair.measures["normalized-variance"].b)):
        assert Result.load(out / letter).layers[-1].measures["normalized-variance"].mean == told


def test_the_page_is_written_where_it_is_asked_for(capsys, folders, tmp_path):
    found = command(
        capsys, "compare", folders["steady"], folders["fickle"], "--format", f"html:{tmp_path / 'page.html'}"
    )
    assert (found.status, found.out) == (0, "")
    assert "fickle&#39; is less invariant than &#39;steady&#39;" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_of_an_earlier_comparison_goes_with_it(folders, tmp_path):
    (tmp_path / "report.html").write_text("earlier")
    api.compare([folders["steady"], folders["fickle"]]).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["compare.json"]


@pytest.mark.parametrize("kept", ["compare.json", "A", "B"])
def test_an_earlier_comparison_or_result_is_only_overwritten_on_demand(
    capsys, place, tmp_path, folders, unmeasured, monkeypatch, kept
):
    out = tmp_path / "out"
    out.mkdir()
    if kept == "compare.json":
        (out / kept).write_text("{}")
    else:
        shutil.copytree(folders["steady"], out / kept)
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    assert_refused(compare(capsys, place, "fickle steady", "--quiet", "-o", out), "already holds", "--overwrite")
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
    monkeypatch.undo()
    assert compare(capsys, place, "fickle steady", "--quiet", "-o", out, "--overwrite").status == 0
    assert Result.load(out / "A").meta.model.path.endswith("fickle.onnx")
    assert json.loads((out / "compare.json").read_text())["comparisons"][0]["verdict"] == "better"


def test_folders_say_of_values_what_the_models_say(capsys, place, folders, tmp_path):
    measured = compare_quietly(capsys, place, "steady fickle")
    out = tmp_path / "out"
    words = (folders["steady"], folders["fickle"], "--quiet", "--format", "json", "-o", out)
    found = command(capsys, "compare", *words)
    assert (found.status, found.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["compare.json", "report.html"]
    first, second = (each["comparisons"][0] for each in (measured, json.loads(found.out)))
    assert second["verdict"] == first["verdict"] == "worse"
    for one, other in zip(first["pairs"], second["pairs"], strict=True):
        assert (other["a"], other["b"], other["verdict"]) == (one["a"], one["b"], one["verdict"])
        for told, again in zip(one["measures"].values(), other["measures"].values(), strict=True):
            assert (again["difference"], again["ci"]) == (told["difference"], told["ci"])
        assert (other["cka"], other["max_relative_difference"]) == (None, None)


@pytest.mark.parametrize(
    ("others", "parts"),
    [
        pytest.param(["fewer"], ["fickle.onnx", "steady.onnx", "different samples", "12 of", "10 of"], id="samples"),
        pytest.param(["turned"], ["fickle.onnx", "steady.onnx", TURNS, "rotation:steps=2"], id="transforms"),
        pytest.param(["by unit"], ["fickle.onnx", "--aggregate", "channel and unit"], id="options"),
        pytest.param(["fickle", "fewer"], ["different samples"], id="the third"),
        pytest.param([], ["one model"], id="a folder alone"),
        pytest.param(["fickle.onnx"], ["Results are compared", "analyze"], id="a model beside"),
        pytest.param(["fickle", "--data", "x.npz"], ["Results are compared", "without"], id="data beside"),
        pytest.param(["fickle", "--transform", "identity"], ["Results are compared", "without"], id="a transform"),
        pytest.param(["."], ["no result in '.'", "analyze -o"], id="a folder without result"),
    ],
)
def test_folders_that_cannot_be_compared_are_refused(capsys, folders, place, monkeypatch, others, parts):
    monkeypatch.chdir(place)
    assert_refused(command(capsys, "compare", "steady", *others), *parts)


@pytest.mark.parametrize(
    ("models", "options", "parts"),
    [
        pytest.param("steady", [], ["one model", "Name two"], id="one model"),
        pytest.param("steady nothing", [], ["nothing.onnx", "There is no model"], id="the second is missing"),
        pytest.param("nothing steady", [], ["nothing.onnx", "There is no model"], id="the first is missing"),
        pytest.param("steady fickle", ["--align", "nmae"], ["'nmae'", *MODES, "map.toml"], id="no way to align"),
        pytest.param("steady fickle", ["--align", "no.toml"], ["'no.toml' cannot be read"], id="no map"),
        pytest.param(
            "steady fickle", ["--layout", "NCHW"] * 3, ["--layout is given 3 times for 2 models"], id="three layouts"
        ),
        pytest.param("steady fickle copy", ["--layout", "NCHW"] * 2, ["2 times for 3 models"], id="two layouts"),
        pytest.param("steady fickle", ["--layout", "NCWH"], ["'NCWH'", "'NCHW'"], id="a layout that is none"),
        pytest.param(
            "steady fickle", ["--layout", "NCHW", "--layout", "NHWC"], ["steady.onnx", "fickle.onnx"],
            id="a layout that does not fit the second",
        ),
        pytest.param("steady fickle", ["--preprocess", "no.json"], ["'no.json'"], id="no preprocessing"),
        pytest.param("steady fickle", ["--margin", "2"], ["--margin '2'", "--margin 1%"], id="a margin of more"),
        pytest.param("steady fickle", ["--margin", "wide"], ["--margin 'wide'"], id="a margin in words"),
        pytest.param("steady fickle", ["--rtol", "-1"], ["--rtol '-1'"], id="a tolerance below 0"),
        pytest.param("steady fickle", ["--fail-on", "wors"], ["'wors'", "Did you mean 'worse'?"], id="no gate"),
        pytest.param("steady fickle", ["--format", "csv"], ["'csv'", "json, markdown"], id="no format"),
        pytest.param("steady fickle", ["--layers", "q*"], ["'q*' fits no layer"], id="no layer"),
        pytest.param("steady alike", ["--layers", "z"], ["'z' fits no layer"], id="no layer of the first"),
        pytest.param("alike steady", ["--layers", "z"], ["alike.onnx", "steady.onnx", "'z' fits"], id="of the second"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_before_any_work(capsys, place, unmeasured, models, options, parts):
    assert_refused(compare(capsys, place, models, "--quiet", *options), *parts)


@pytest.mark.parametrize("missing", ["--data", "--transform"])
def test_models_need_data_and_transforms(capsys, place, missing):
    named = {"--data": place / "images.npz", "--transform": TURNS}
    del named[missing]
    models = [place / f"{name}.onnx" for name in ("steady", "fickle")]
    assert_refused(command(capsys, "compare", *models, *next(iter(named.items()))), "--data", "analyze -o")


@pytest.mark.parametrize("other", ["sklearn_mlp", "tensorflow_mobilenet", "torchscript_conv3d"])
def test_models_with_other_inputs_are_refused_and_both_are_named(capsys, place, unmeasured, other):
    models = [place / "steady.onnx", ZOO / f"{other}.onnx"]
    found = command(capsys, "compare", *models, "--data", place / "images.npz", "--transform", TURNS, "--quiet")
    assert_refused(found, *(f"'{path}'" for path in models))


@pytest.mark.parametrize(
    ("line", "which"), [('"conv9" = "y"', "first"), ('"y" = "conv9"', "second")], ids=["the first", "the second"]
)
def test_a_map_that_names_a_missing_layer_is_refused_before_any_work(capsys, place, tmp_path, unmeasured, line, which):
    (tmp_path / "map.toml").write_text(f"[pairs]\n{line}\n")
    found = compare(capsys, place, "steady fickle", "--quiet", "--align", tmp_path / "map.toml")
    assert_refused(found, "'conv9'", f"the {which} model does not have")


@pytest.mark.parametrize("mode", MODES)
def test_every_way_to_align_is_told(capsys, place, mode):
    told = compare_quietly(capsys, place, "fickle copy", "--align", mode)
    assert told["meta"]["align"] == mode
    methods = {pair["method"] for pair in told["comparisons"][0]["pairs"]}
    assert methods == {{"auto": "name", "scope": "name"}.get(mode, mode)}


def test_a_guess_is_refused_where_none_is_allowed_and_a_map_states_it(capsys, place, tmp_path):
    found = compare(capsys, place, "fickle alike", "--quiet", "--align", "sequence", "--strict-align")
    assert_refused(found, "--strict-align", "'y' is paired with 'z'", "map.toml")
    (tmp_path / "map.toml").write_text('[pairs]\nimage = "image"\ny = "z"\n')
    words = ("--align", tmp_path / "map.toml", "--strict-align")
    told = compare_quietly(capsys, place, "fickle alike", *words)
    assert told["meta"]["align"] == "map"
    pairs = told["comparisons"][0]["pairs"]
    assert [(pair["a"], pair["b"], pair["method"]) for pair in pairs] == [("image", "image", "map"), ("y", "z", "map")]


@pytest.mark.parametrize(("text", "margin"), [("90%", 0.9), ("0.9", 0.9), ("0", 0.0), ("0.01%", 0.0001)])
def test_the_margin_says_what_is_the_same(capsys, place, text, margin):
    told = compare_quietly(capsys, place, "fickle alike", "--margin", text, "--rtol", text)
    assert told["meta"]["margin"] == told["meta"]["rtol"] == pytest.approx(margin)
    verdicts = {pair["a"]: pair["verdict"] for pair in told["comparisons"][0]["pairs"]}
    assert verdicts["image"] == "same"
    assert (verdicts["y"] == "same") == (margin == 0.9)


def test_several_formats_are_written_at_once(capsys, place, tmp_path):
    path = tmp_path / "table.md"
    found = compare(capsys, place, "steady fickle", "--format", f"markdown:{path}", "--format", "terminal")
    assert found.status == 0
    assert path.read_text().startswith("## Invariance compared\n")
    assert "worse: B is less invariant than A" in found.out
    assert "##" not in found.out
    assert "steady.onnx: 48 of 48 inferences" in found.err


def test_quiet_leaves_out_the_table_and_nothing_that_was_asked_for(capsys, place):
    assert compare(capsys, place, "steady fickle", "--quiet") == Outcome(0, "", "")
    assert compare(capsys, place, "steady fickle", "--quiet", "--format", "markdown").out.startswith("## ")


@pytest.mark.parametrize(
    "name", ["a\nb", "a\x1b[31mb", "a|b`c", "[bold]a", "a\u202eb", "${HOME}$(id)", "-x", " ", "a'b"],
    ids=["newline", "escape", "table", "markup", "right to left", "shell", "option", "blank", "quote"],
)  # fmt: skip
def test_names_of_files_do_no_harm(capsys, place, tmp_path, name):
    shutil.copy(place / "steady.onnx", tmp_path / f"{name}.onnx")
    shutil.copy(place / "fickle.onnx", tmp_path / f"{name}2.onnx")
    named = ("--data", place / "images.npz", "--transform", TURNS, "--device", "cpu", "--threads", 1)
    paths = (tmp_path / f"{name}.onnx", tmp_path / f"{name}2.onnx")
    found = command(capsys, "compare", *paths, *named, "--quiet", "--format", "markdown", "--fail-on", "worse")
    assert found.status == 1
    assert len(found.err.splitlines()) == 1
    for text in (found.out, found.err):
        assert text.replace("\n", "").isprintable()
    rows = [line for line in found.out.splitlines() if line.startswith(("| A |", "| B |"))]
    assert len(rows) == 2
    shown = command(capsys, "compare", *paths, *named)
    assert shown.status == 0
    assert shown.out.replace("\n", "").isprintable()
