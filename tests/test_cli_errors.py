"""What cannot be used ends with exit code 2, one sentence and a hint, and leaves everything as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnxinv.reports import reports
from tests.networks import DIGITS, save_text
from tests.reports.command import PLAIN, analyze, assert_refused, command
from tests.reports.results import small

PIXELS = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(
            lambda path: path.write_bytes(b"no model at all, just text"), "is not an ONNX model", id="some other file"
        ),
        pytest.param(lambda path: path.write_bytes(PLAIN.read_bytes()[:400_000]), "cut short", id="a truncated model"),
        pytest.param(lambda path: path.touch(), "is empty", id="an empty file"),
        pytest.param(lambda path: path.mkdir(), "is a folder, not a model", id="a folder"),
        pytest.param(lambda path: None, "There is no model", id="nothing"),
    ],
)
@pytest.mark.parametrize("how", ["analyze", "inspect"])
def test_a_model_that_is_none(capsys, tmp_path, make, reason, how):
    make(tmp_path / "net.onnx")
    options = ["--data", DIGITS, "--transform", "flip", "-o", tmp_path / "out"] if how == "analyze" else []
    assert_refused(command(capsys, how, tmp_path / "net.onnx", *options), reason, "Hint: ")
    assert not (tmp_path / "out").exists()


def images(folder: Path, *, size: tuple[int, int] = (28, 28), mode: str = "L") -> Path:
    folder.mkdir()
    for index in range(4):
        pixels = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{index}.png")
    return folder


def truncated(folder: Path) -> Path:
    for path in images(folder).iterdir():
        path.write_bytes(path.read_bytes()[:200])
    return folder


def npz(**arrays: np.ndarray) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        np.savez(path.with_suffix(".npz"), **arrays)
        return path.with_suffix(".npz")

    return make


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: path, "There is no such file or folder", id="missing data"),
        pytest.param(empty, "holds no images", id="an empty folder"),
        pytest.param(
            lambda path: images(path, mode="RGB"), "has 3 channels, but the input 'image'", id="too many channels"
        ),
        pytest.param(lambda path: images(path, size=(20, 30)), "is 30 high and 20 wide", id="another size"),
        pytest.param(truncated, "is truncated", id="truncated images"),
        pytest.param(npz(x=np.array(["a"] * 4)), "is not an array of real numbers", id="words"),
        pytest.param(npz(x=PIXELS * np.nan), "784 of 784 values that are NaN or infinite", id="nothing but nan"),
        pytest.param(npz(x=PIXELS + np.inf), "784 of 784 values that are NaN or infinite", id="nothing but inf"),
        pytest.param(
            npz(a=PIXELS, b=PIXELS), "holds 'a', 'b', the model takes 'image'", id="no array of a name that is known"
        ),
        pytest.param(npz(y=np.arange(4)), "holds 'y', the model takes 'image'", id="labels alone"),
        pytest.param(npz(x=PIXELS[:0]), "holds no samples", id="no samples"),
        pytest.param(
            npz(x=PIXELS, y=np.arange(3)), "differ in their number of samples", id="fewer labels than samples"
        ),
    ],
)
def test_data_that_cannot_be_used(capsys, tmp_path, make, reason):
    made = make(tmp_path / "data")
    assert_refused(analyze(capsys, "-o", tmp_path / "out", data=made), reason)
    assert not (tmp_path / "out").exists()


def test_floats_for_an_input_of_integers(capsys, tmp_path):
    text = "g (int64[n,3] x) => (float[n,3] y) { f = Cast <to=1> (x) y = Tanh (f) }"
    model = save_text(tmp_path / "ints.onnx", text)
    np.save(tmp_path / "x.npy", np.ones((4, 3), dtype=np.float32))
    found = analyze(capsys, model=model, data=tmp_path / "x.npy", transform="identity")
    assert_refused(found, "takes int64, and", "holds float32", "Convert the array")


def test_a_model_of_texts(capsys, tmp_path):
    text = "g (string[n,3] x) => (string[n,3] y) { y = Identity (x) }"
    np.save(tmp_path / "x.npy", np.ones((4, 3), dtype=np.float32))
    found = analyze(capsys, model=save_text(tmp_path / "t.onnx", text), data=tmp_path / "x.npy", transform="identity")
    assert_refused(found, "takes texts, which cannot be fed")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param(
            ["--layers", "zonv*"], ["'zonv*' fits no layer", "Did you mean 'conv"], id="a glob that fits nothing"
        ),
        pytest.param(
            ["--ops", "Cnov"],
            ["No layer is made by 'Cnov'", "Did you mean 'Conv'"],
            id="an operator that makes nothing",
        ),
        pytest.param(
            ["--transform", "rotatoin"],
            ["no transform called 'rotatoin'", "Did you mean 'rotation'"],
            id="an unknown transform",
        ),
        pytest.param(["--transform", "flip:axsi=1"], ["'flip' has no parameter 'axsi'"], id="an unknown parameter"),
        pytest.param(
            ["--transform", "rotation:steps=0"],
            ["greater than or equal to 1", "given: '0'"],
            id="a parameter out of range",
        ),
        pytest.param(
            ["--measure", "normalised-variance"],
            ["no measure called", "Did you mean 'normalized-variance'"],
            id="an unknown measure",
        ),
        pytest.param(
            ["--measure", "normalized-variance:dispersion=vra"],
            ["'std' or 'var'", "Did you mean 'var'"],
            id="an unknown value",
        ),
        pytest.param(["--format", "jsn"], ["no format called 'jsn'", "Did you mean 'json'"], id="an unknown format"),
        pytest.param(["--format", "json:"], ["names no file", "json:FILE"], id="a format with an empty path"),
        pytest.param(["--outptu", "x"], ["No such option: --outptu", "--output"], id="an unknown option"),
        pytest.param(["--select", "defautl"], ["select: ", "Did you mean 'default'"], id="an unknown selection"),
        pytest.param(["--sample-units", "0"], ["sample_units: ", "or equal to 4"], id="no positions"),
        pytest.param(["--sample-units", "1.5"], ["--sample-units", "valid integer"], id="half a position"),
        pytest.param(
            ["--sample-units", "9", "--aggregate", "unit"],
            ["--aggregate unit is about all", "Take --aggregate channel"],
            id="some positions of all units",
        ),
        pytest.param(["--aggregate", "chanel"], ["aggregate: ", "Did you mean 'channel'"], id="an unknown aggregate"),
        pytest.param(["--layout", "NWCH"], ["layout: ", "'NCHW'"], id="an unknown layout"),
        pytest.param(["--device", "tpu"], ["no device 'tpu'", "Choose auto, cpu"], id="an unknown device"),
        pytest.param(["--groups", "1"], ["groups: ", "greater than or equal to 2"], id="one group"),
        pytest.param(["--groups", "x"], ["Invalid value for '--groups'"], id="groups that are a word"),
        pytest.param(["--batch", "0"], ["batch: ", "greater than or equal to 1"], id="an empty batch"),
        pytest.param(["--threads", "-1"], ["threads: ", "greater than or equal to 0"], id="negative threads"),
        pytest.param(
            ["--memory", "banana"],
            ["write a number of bytes such as 8GiB", "given: 'banana'"],
            id="memory that is a fruit",
        ),
        pytest.param(["--memory", "1KiB"], ["the least is 1MiB", "given: '1KiB'"], id="too little memory"),
        pytest.param(
            ["--memory", "1MiB", "--transform", "rotation:steps=50"],
            ["and the budget is 1 MiB", "Raise --memory"],
            id="memory for no layer",
        ),
        pytest.param(
            ["--resize", "1x2x3"], ["--resize '1x2x3' is not a size", "--resize 224,224"], id="a size of three numbers"
        ),
        pytest.param(["--resize", ""], ["--resize '' is not a size"], id="an empty size"),
        pytest.param(["--resize", "0"], ["resize: Input should be greater than or equal to 1"], id="a size of 0"),
        pytest.param(["--mean", "a,b"], ["--mean 'a,b' is not a list of numbers"], id="a mean that is words"),
        pytest.param(["--mean", ""], ["--mean '' is not a list of numbers"], id="an empty mean"),
        pytest.param(["--mean", "1,2"], ["has 2 values, but the image has 1 channel"], id="a mean of too many numbers"),
        pytest.param(["--mean", "nan"], ["mean", "finite"], id="a mean that is nan"),
        pytest.param(["--std", "0"], ["std must be above zero"], id="a deviation of 0"),
        pytest.param(["--scale", "inf"], ["rescale: ", "finite"], id="an infinite scale"),
        pytest.param(["--seed", "-1"], ["seed: ", "greater than or equal to 0"], id="a negative seed"),
        pytest.param(
            ["--channel-axis", "conv1"],
            ["--channel-axis 'conv1' is not GLOB=AXIS"],
            id="a channel axis without a number",
        ),
        pytest.param(["--channel-axis", "conv1=x"], ["is not GLOB=AXIS"], id="a channel axis that is a word"),
        pytest.param(["--channel-axis", "conv*=7"], ["7 is outside the shape"], id="a channel axis that is not there"),
        pytest.param(["--channel-axis", "z*=0"], ["'z*' fits no layer"], id="a channel axis of no layer"),
        pytest.param(
            ["--preprocess", "missing.json"], ["no such file or folder: 'missing.json'"], id="a missing configuration"
        ),
        pytest.param(["--samples", "0"], ["At least one sample"], id="no samples"),
        pytest.param(["--samples", "-1"], ["At least one sample"], id="negative samples"),
        pytest.param(["--samples", "1"], ["needs 2 samples", "Take more samples"], id="one sample"),
        pytest.param(
            ["--samples", "5000"],
            ["holds 1000 samples, fewer than the 5000 asked for", "--samples 1000"],
            id="too many samples",
        ),
        pytest.param(["--samples", "1e3"], ["Invalid value for '--samples'"], id="samples that are no whole number"),
    ],
)
def test_an_option_that_means_nothing(capsys, tmp_path, options, parts):
    assert_refused(analyze(capsys, "-o", tmp_path / "out", *options), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        pytest.param(["analyze"], ["Missing argument 'MODEL'"], id="no model"),
        pytest.param(["analyze", PLAIN], ["No data is named", "--data"], id="no data"),
        pytest.param(["analyze", PLAIN, "--data", DIGITS], ["No transform is named", "--transform"], id="no transform"),
        pytest.param(["analyze", PLAIN, PLAIN], ["unexpected extra argument"], id="two models"),
        pytest.param(
            ["analyse", PLAIN], ["No such command 'analyse'", "Did you mean 'analyze'"], id="a misspelt command"
        ),
        pytest.param(["report"], ["Missing argument 'DIR'"], id="a report of nothing"),
        pytest.param(["demo", "x"], ["unexpected extra argument"], id="a demonstration of something"),
        pytest.param(
            ["inspect", PLAIN, "--select", "al"], ["Did you mean 'all'"], id="inspect with an unknown selection"
        ),
        pytest.param(
            ["analyze", "x" * 5000, "--data", "x", "--transform", "flip"], ["File name too long"], id="an endless path"
        ),
    ],
)
def test_a_command_that_is_not_complete(capsys, arguments, parts):
    assert_refused(command(capsys, *arguments), *parts)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("file", "is a file, not a folder", id="a file"),
        pytest.param("file/out", "cannot be made", id="a folder below a file"),
        pytest.param("result", "already holds a result", id="a folder with a result"),
    ],
)
def test_a_folder_that_cannot_be_written(capsys, tmp_path, place, reason):
    (tmp_path / "file").write_bytes(b"mine")
    small().save(tmp_path / "result")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert_refused(analyze(capsys, "-o", tmp_path / place), reason, "Hint: Choose another")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("", "is a folder, not a file", id="a folder"),
        pytest.param("file/x.json", "cannot be made", id="a file below a file"),
    ],
)
def test_a_report_that_cannot_be_written(capsys, tmp_path, place, reason):
    (tmp_path / "file").write_bytes(b"mine")
    assert_refused(analyze(capsys, "--format", f"json:{tmp_path / place}"), reason, "Hint: ")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="the system has no folder that nobody can write to")
def test_a_folder_without_permission_is_refused_before_the_work(capsys):
    assert_refused(analyze(capsys, "-o", "/proc/out"), "'/proc/out' cannot be written", "Choose another place")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda folder: (folder / "result.json").unlink(), "There is no result in", id="missing"),
        pytest.param(lambda folder: (folder / "result.json").write_text('{"meta"'), "is not a result", id="truncated"),
        pytest.param(lambda folder: (folder / "result.json").write_text("[]"), "it tells no format", id="a list"),
        pytest.param(
            lambda folder: (folder / "result.json").write_text('{"meta": {"format": 2}}'), "Upgrade onnxinv", id="newer"
        ),
        pytest.param(lambda folder: np.savez(folder / "units.npz"), "is damaged: it lacks", id="with no units"),
        pytest.param(
            lambda folder: np.savez(folder / "units.npz", **{"normalized-variance/0000": np.array([{}])}),
            "units.npz' cannot be read",
            id="with pickled units",
        ),
    ],
)
def test_a_result_that_is_damaged(capsys, tmp_path, damage, reason):
    small().save(tmp_path / "out")
    damage(tmp_path / "out")
    for name in reports.names():
        assert_refused(command(capsys, "report", tmp_path / "out", "--format", name), reason)


def test_a_report_in_a_format_that_is_not_there(capsys, tmp_path):
    small().save(tmp_path / "out")
    assert_refused(command(capsys, "report", tmp_path / "out", "--format", "cvs"), "Did you mean 'csv'")


def test_a_result_with_a_value_too_much_is_not_quoted_at_length(capsys, tmp_path):
    small().save(tmp_path / "out")
    path = tmp_path / "out" / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "layers": "x" * 100_000}))
    found = command(capsys, "report", tmp_path / "out")
    assert_refused(found, "layers: Input should be a valid list")
    assert len(found.err) < 3000
