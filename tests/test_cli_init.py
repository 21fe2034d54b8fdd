"""`onnxinv init` writes a configuration that `onnxinv check` holds at once, or nothing."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from onnxinv import api
from onnxinv.check_config import config_schema
from onnxinv.config import RunConfig
from onnxinv.config_file import read_file
from onnxinv.moved_paths import moved_paths
from tests.networks import DIGITS, SHIPPED, save_text
from tests.reports.command import PLAIN, Outcome, assert_refused, command

FEW = ("--samples", 12, "--transform", "rotation:steps=4", "--threads", 1, "--device", "cpu")


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    shutil.copy(DIGITS, tmp_path / "data" / "digits.npz")
    shutil.copy(PLAIN, tmp_path / "plain.onnx")


def init(capsys: pytest.CaptureFixture[str], *options: object) -> Outcome:
    """Propose limits for the last layer of a copy of the shipped model."""
    return command(capsys, "init", "plain.onnx", "--data", "data/digits.npz", *FEW, "--layers", "fc2", *options)


def read(path: str = "onnxinv.toml") -> dict[str, object]:
    return tomllib.loads(Path(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("model", [pytest.param(each, id=each.stem) for each in SHIPPED])
def test_shipped_models_keep_to_what_is_proposed_for_them(capsys, model):
    assert command(capsys, "init", model, "--data", DIGITS, *FEW, "--samples", 30).status == 0
    limits = read()["limits"]
    assert [each["layers"] for each in limits if "measure" not in each][-3:] == ["fc1", "elu6", "fc2"]
    assert [each["measure"] for each in limits if each["layers"] == "output"][:2] == ["top1-consistency", "accuracy"]
    assert "worst-case-accuracy" in Path("onnxinv.toml").read_text()
    found = command(capsys, "check", "--strict", "-q", "--format", "json:check.json")
    assert found.status == 0, found.err
    findings = json.loads(Path("check.json").read_text())["findings"]
    assert len(findings) == len(limits) >= 19
    assert {each["status"] for each in findings} == {"held"}


def test_it_says_what_it_wrote_and_what_comes_next(capsys):
    found = init(capsys)
    assert (found.status, found.out) == (0, "")
    assert "Written to onnxinv.toml" in found.err
    assert "\n  onnxinv check\n" in found.err
    assert found.err.endswith("\n  onnxinv check --update-baseline\n")
    assert set(read()) == {"model", "data", "transforms", "samples", "layers", "device", "threads", "limits"}


def test_quiet_says_nothing(capsys):
    found = init(capsys, "-q")
    assert (found.status, found.out, found.err) == (0, "", "")
    assert Path("onnxinv.toml").exists()


def test_a_file_in_another_folder_finds_its_model_and_data(capsys):
    found = init(capsys, "-o", "sub folder/ci/gate.toml")
    assert found.status == 0
    assert "onnxinv check --config 'sub folder/ci/gate.toml'\n" in found.err
    content = read("sub folder/ci/gate.toml")
    assert (content["model"], content["data"]) == ("../../plain.onnx", "../../data/digits.npz")
    assert command(capsys, "check", "--config", "sub folder/ci/gate.toml", "-q").status == 0


def test_an_earlier_file_is_left_alone_before_anything_is_measured(capsys, monkeypatch):
    Path("onnxinv.toml").write_text("mine")
    monkeypatch.setattr(api, "plan", lambda *given, **options: pytest.fail("it was planned"))
    assert_refused(init(capsys), "'onnxinv.toml' already exists", "--overwrite")
    assert Path("onnxinv.toml").read_text() == "mine"


def test_an_earlier_file_is_replaced_where_that_is_asked_for(capsys):
    Path("onnxinv.toml").write_text("mine")
    assert init(capsys, "--overwrite").status == 0
    assert read()["samples"] == 12


def test_a_file_that_appears_meanwhile_is_left_alone(capsys, monkeypatch):
    run = api.run

    def slow(plan, progress):
        Path("onnxinv.toml").write_text("mine")
        return run(plan, progress)

    monkeypatch.setattr(api, "run", slow)
    assert init(capsys, "-q").status == 2
    assert Path("onnxinv.toml").read_text() == "mine"


def test_pyproject_is_not_written_to(capsys):
    Path("pyproject.toml").write_text("[project]\n")
    assert_refused(init(capsys, "-o", "pyproject.toml", "--overwrite"), "pyproject.toml", "[tool.onnxinv]")
    assert Path("pyproject.toml").read_text() == "[project]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "No model is named", id="no model"),
        pytest.param(["plain.onnx"], "No data is named", id="no data"),
        pytest.param(["plain.onnx", "--data", "data/digits.npz"], "No transform is named", id="no transform"),
        pytest.param(["plain.onnx", "--data", "no.npz", *FEW], "no.npz", id="data that are not there"),
        pytest.param(["plain.onnx", "--data", "data/digits.npz", *FEW, "-o", "data"], "is a folder", id="a folder"),
        pytest.param(
            ["plain.onnx", "--data", "data/digits.npz", "--transform", "flip", "--samples", 2, "-q"],
            "too few groups of samples for intervals: 2, and 3 are needed",
            id="too few samples",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(capsys, arguments, said):
    before = sorted(Path().rglob("*"))
    assert_refused(command(capsys, "init", *arguments), said)
    assert sorted(Path().rglob("*")) == before


def test_the_schema_is_printed_without_a_model(capsys):
    found = command(capsys, "init", "--schema")
    assert (found.status, found.err) == (0, "")
    assert json.loads(found.out) == config_schema()
    assert not Path("onnxinv.toml").exists()


def test_options_that_a_model_needs_are_in_the_file(capsys, tmp_path):
    text = "net (float[n,3,h,w] image, float[1] gain) => (float[n,3,h,w] y) { g = Mul(image, gain) y = Relu(g) }"
    save_text(tmp_path / "net.onnx", text)
    Path("sub").mkdir()
    np.save("gain.npy", np.full(1, 2, dtype="float32"))
    np.save("x.npy", np.random.default_rng(0).random((6, 4, 5, 3), dtype=np.float32))
    options = ("--set-input", "gain=gain.npy", "--shape", "image:1,3,4,5", "--mean", "0.5,0.25,0", "--ops", "Relu")
    named = ("--data", "x.npy", "--transform", "flip", "--device", "cpu", "-q", "-o", "sub/onnxinv.toml")
    found = command(capsys, "init", "net.onnx", *named, *options, "--channel-axis", "y=0", "--seed", 5)
    assert found.status == 0, found.err
    content = read("sub/onnxinv.toml")
    assert content["set-input"] == ["gain=../gain.npy"]
    assert content["shape"] == ["image:1,3,4,5"]
    assert content["mean"] == [0.5, 0.25, 0.0]
    assert content["ops"] == ["Relu"]
    assert content["channel-axis"] == {"y": 0}
    assert content["seed"] == 5
    assert command(capsys, "check", "--config", "sub/onnxinv.toml", "--strict", "-q").status == 0


@pytest.mark.parametrize("folder", ["", "sub", "sub/deep", "data", "link", "/absolute"])
@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        pytest.param("model", "plain.onnx", "plain.onnx", id="model"),
        pytest.param("model", "data/../plain.onnx", "data/../plain.onnx", id="a detour"),
        pytest.param("data", "data/digits.npz", "data/digits.npz", id="data"),
        pytest.param("data", "data/digits.npz:key=x", "data/digits.npz", id="data with a parameter"),
        pytest.param("data", "npz:path=data/digits.npz,key=x", "data/digits.npz", id="data by the name of the source"),
        pytest.param("data", "made.py:f", "made.py", id="data of a function"),
        pytest.param("data", "random:n=64", None, id="no path"),
        pytest.param("preprocess", "data/p.json", "data/p.json", id="preprocessing"),
        pytest.param("transforms", "made.py:f", "made.py", id="a function"),
        pytest.param("transforms", "made.py", "made.py", id="a file of functions"),
        pytest.param("transforms", "~/made.py:f", None, id="a function in the home"),
        pytest.param("transforms", "rotation:steps=2", None, id="a registered transform"),
        pytest.param("set-input", "gain=data/gain.npy", "data/gain.npy", id="an array"),
        pytest.param("set-input", "gain=2", None, id="a number"),
    ],
)
def test_the_reader_finds_every_path_again(tmp_path, folder, key, value, path):
    for name in ("made.py", "data/p.json", "data/gain.npy"):
        (tmp_path / name).touch()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    place = tmp_path / "sub" if folder == "/absolute" else Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    listed = key in ("transforms", "set-input")
    keys = {"model": "plain.onnx", "data": "data/digits.npz", "transforms": ("flip",)}
    field = key.replace("-", "_")
    run = RunConfig.model_validate({**keys, field: (value,) if listed else value})
    moved = getattr(moved_paths(run, place), field)
    written = json.dumps(list(map(str, moved)) if listed else str(moved))
    lines = [f"{each} = {json.dumps(given)}" for each, given in keys.items() if each != key]
    file = place / "onnxinv.toml"
    file.write_text("\n".join([*lines, f"{key} = {written}", "limits = [{ max = 1 }]"]))
    again = getattr(read_file(file).config.runs[0], field)
    text = str(again[0] if listed else again)
    if path is None:
        assert text == value
        return
    head, tail = value.split(path)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert Path(text[len(head) : len(text) - len(tail)]).samefile(path)
