"""The commands print what they found on stdout, how it goes on stderr, and write what they were asked to."""

from __future__ import annotations

import csv
import io
import json
import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest

from onnxinv import demo
from onnxinv.data import sources
from onnxinv.measures import measures
from onnxinv.reports import reports
from onnxinv.result import Document, Result
from onnxinv.transforms import families
from tests.networks import DIGITS, SHIPPED, save_text
from tests.reports.command import PLAIN, analyze, assert_refused, command


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_results_are_on_stdout_and_progress_on_stderr(capsys):
    found = analyze(capsys)
    assert found.status == 0
    assert "conv1" in found.out
    assert "inferences, " not in found.out
    assert re.search(r"mnist_simpleconv_plain\.onnx: 8 of 8 inferences, ", found.err)
    assert "conv1" not in found.err


def test_piped_output_is_plain_and_fits_80_columns(capsys):
    for arguments in (["inspect", PLAIN], ["explain"], ["explain", "images"], ["explain", "variance-shares"]):
        text = command(capsys, *arguments).out
        assert "\x1b" not in text
        assert widest(text) <= 80
    for options in ([], ["--dry-run"]):
        text = analyze(capsys, *options).out
        assert "\x1b" not in text
        assert widest(text) <= 80
        assert all(line == line.rstrip() for line in text.splitlines())


def test_quiet_prints_neither_progress_nor_table(capsys, tmp_path):
    found = analyze(capsys, "--quiet", "-o", tmp_path / "out")
    assert (found.status, found.out, found.err) == (0, "", "")
    assert (tmp_path / "out" / "result.json").exists()


def test_quiet_still_prints_the_data_that_were_asked_for(capsys):
    found = analyze(capsys, "--quiet", "--format", "csv")
    assert found.err == ""
    assert found.out.startswith("index,name,")


def test_json_is_strict_and_valid(capsys):
    found = analyze(capsys, "--format", "json")
    document = Document.model_validate(json.loads(found.out, parse_constant=refuse))
    assert [layer.label for layer in document.layers] == ["conv1"]
    assert document.meta.data.samples == 4


def test_csv_has_one_row_for_each_layer_and_measure(capsys):
    found = analyze(
        capsys,
        "--format",
        "csv",
        "--layers",
        "conv*",
        "--measure",
        "normalized-variance",
        "--measure",
        "sample-variance",
    )
    rows = list(csv.DictReader(io.StringIO(found.out)))
    names = [f"conv{index}" for index in range(1, 6)]
    expected = [(name, measure) for name in names for measure in ("normalized-variance", "sample-variance")]
    assert [(row["label"], row["measure"]) for row in rows] == expected
    assert all(float(row["mean"]) >= 0 for row in rows)


def test_several_formats_go_where_they_were_sent(capsys, tmp_path):
    place = tmp_path / "new folder" / "größe.json"
    found = analyze(
        capsys, "--format", "csv", "--format", f"json:{place}", "--format", f"terminal:{tmp_path / 'x.txt'}"
    )
    assert found.status == 0
    assert found.out.startswith("index,name,")
    assert json.loads(place.read_text())["meta"]["format"] == 1
    assert "conv1" in (tmp_path / "x.txt").read_text()
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["größe.json", "new folder", "x.txt"]


@pytest.mark.parametrize("name", ["terminal", "json", "csv", "dot", "model-explorer", "schema"])
def test_a_report_of_the_folder_is_the_report_of_the_run(capsys, tmp_path, name):
    found = analyze(
        capsys, "-o", tmp_path / "out", "--format", name, "--quiet" if name != "terminal" else "--overwrite"
    )
    again = command(capsys, "report", tmp_path / "out", "--format", name)
    assert (again.status, again.err) == (0, "")
    assert again.out == found.out
    command(capsys, "report", tmp_path / "out", "--format", f"{name}:{tmp_path / 'again'}")
    assert (tmp_path / "again").read_text() == found.out


def test_the_result_folder_holds_four_files(capsys, tmp_path):
    found = analyze(capsys, "-o", tmp_path / "out")
    assert found.err.endswith(f"Written to {tmp_path / 'out'}: report.html, result.json, units.npz, pictures.npz\n")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "pictures.npz",
        "report.html",
        "result.json",
        "units.npz",
    ]
    with np.load(tmp_path / "out" / "units.npz", allow_pickle=False) as arrays:
        assert all(re.fullmatch(r"[a-z-]+(:[^/]+)?/\d{4}", key) for key in arrays.files)


def test_an_earlier_result_is_replaced_only_where_it_may_be(capsys, tmp_path):
    out = tmp_path / "out"
    assert analyze(capsys, "-o", out, "--quiet").status == 0
    before = (out / "result.json").read_bytes()
    assert_refused(analyze(capsys, "-o", out), "already holds a result", "--overwrite")
    assert (out / "result.json").read_bytes() == before
    assert analyze(capsys, "-o", out, "--quiet", "--overwrite", samples=5).status == 0
    assert Result.load(out).meta.data.samples == 5


def test_an_earlier_result_survives_a_run_that_fails(capsys, tmp_path):
    out = tmp_path / "out"
    analyze(capsys, "-o", out, "--quiet")
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    assert_refused(analyze(capsys, "-o", out, "--overwrite", samples=0))
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before


def test_a_dry_run_prints_the_plan_and_writes_nothing(capsys, tmp_path):
    found = analyze(capsys, "--dry-run", "-o", tmp_path / "out", "--format", f"json:{tmp_path / 'x.json'}")
    assert (found.status, found.err) == (0, "")
    assert list(tmp_path.iterdir()) == []
    lines = dict(line.split(maxsplit=1) for line in found.out.splitlines() if not line.startswith(" "))
    assert lines["inferences"] == "8"
    assert "MiB at the peak" in lines["memory"]
    assert lines["transforms"] == "2: identity, rotation 180"
    assert lines["data"].startswith("4 samples of ")


@pytest.mark.parametrize("model", SHIPPED, ids=lambda path: path.stem)
def test_inspect_shows_the_shipped_models(capsys, model):
    found = command(capsys, "inspect", model)
    assert (found.status, found.err) == (0, "")
    assert "input   image: float32 (batch, 1, 28, 28), image NCHW" in found.out
    assert re.search(r"conv1 +Conv +16x28x28 +16 on axis 0", found.out)
    assert "MiB at the peak" in found.out


def test_inspect_says_why_something_cannot_be_measured(capsys, tmp_path):
    model = save_text(
        tmp_path / "if.onnx",
        """g (float[n,3] x) => (float[n,3] y) {
            a = Relu (x) s = ReduceSum <keepdims=0> (a) zero = Constant <value_float=0.0> () c = Greater (s, zero)
            b = If (c) <then_branch = yes () => (float[n,3] t) { t = Neg (a) },
                        else_branch = no () => (float[n,3] e) { e = Abs (a) }>
            y = Tanh (b)
        }""",
    )
    found = command(capsys, "inspect", model)
    assert (found.status, found.err) == (0, "")
    assert "t (Neg): it is inside the body of an If" in found.out
    assert re.search(r"y +Tanh +3 ", found.out)


def test_one_transform_is_a_warning(capsys):
    found = analyze(capsys, transform="identity")
    assert found.status == 0
    assert "There is one transform: nothing can vary with it" in found.err
    assert "1 transform: identity" in found.out
    assert " 0.000 " in found.out


def test_units_that_are_nan_are_a_warning(capsys, tmp_path):
    model = save_text(tmp_path / "log.onnx", "g (float[n,3] x) => (float[n,3] y) { l = Log (x) y = Relu (x) }")
    np.save(tmp_path / "x.npy", np.array([[1, 2, -3], [2, 3, -1], [3, 5, -2]], dtype=np.float32))
    found = analyze(capsys, model=model, data=tmp_path / "x.npy", transform="identity", samples=3)
    assert found.status == 0
    assert "because activations are not finite, are left out: l (1)." in " ".join(found.out.split())


NAMES = sorted({name for each in (measures, families, sources, reports) for name in each.names()})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained(capsys, name):
    found = command(capsys, "explain", name)
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith(f"{name}: a ")
    assert len(found.out.splitlines()) > 2


def test_every_name_is_listed(capsys):
    found = command(capsys, "explain")
    assert set(NAMES) <= set(re.findall(r"[\w-]+", found.out))


def test_a_name_that_is_not_there_offers_others(capsys):
    assert_refused(command(capsys, "explain", "rotatoin"), "Nothing is called 'rotatoin'", "Did you mean 'rotation'")


def test_the_demonstration_writes_pages_and_says_what_it_shows_and_where_they_are(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("nobody asked for a browser"))
    monkeypatch.setattr(demo, "SAMPLES", 20)
    monkeypatch.setattr(demo, "TRANSFORMS", ("rotation:steps=4",))
    for options in ([], ["--quiet"]):  # the second time over its own results
        found = command(capsys, "demo", *options)
        assert found.status == 0
        sentence = " ".join(found.out.split())
        assert re.search(r"In \d+ of 18 layers 'rotated' is more invariant than 'plain'", sentence)
        pages = [line.strip() for line in found.err.splitlines()[-3:]]
        assert pages == [f"onnxinv-demo/{name}/report.html" for name in ("plain", "rotated", "comparison")]
        assert all("</html>" in Path(page).read_text(encoding="utf-8") for page in pages)
        assert widest(found.out) <= 80
    for name in ("plain", "rotated"):
        assert Result.load(tmp_path / "onnxinv-demo" / name).meta.data.samples == 20
    told = Path("onnxinv-demo/comparison/report.html").read_text(encoding="utf-8")
    assert re.search(r"rotated&#39; is more invariant than &#39;mnist_simpleconv_plain&#39; in \d+ of 18 pairs", told)
    monkeypatch.setenv("CI", "true")
    assert "No page was opened: this is a run of continuous integration." in command(capsys, "demo", "--open").err


def test_the_same_run_gives_the_same_numbers(capsys):
    one, two = (json.loads(analyze(capsys, "--quiet", "--format", "json").out) for _ in range(2))
    for document in (one, two):
        del document["meta"]["created"], document["meta"]["timing"]
    assert one == two


def test_paths_may_hold_blanks_brackets_and_any_letters(capsys, tmp_path):
    place = tmp_path / "ein Ordner [mit] größe, 畳:x=1"
    place.mkdir()
    model, data = place / "my [red]net.onnx", place / "die daten=1.npz"
    model.write_bytes(PLAIN.read_bytes())
    data.write_bytes(DIGITS.read_bytes())
    found = analyze(capsys, "-o", place / "out", "--layers", "conv1", model=model, data=data)
    assert found.status == 0
    assert "my [red]net.onnx" in "".join(found.out.splitlines())
    assert Result.load(place / "out").meta.model.path == str(model)
