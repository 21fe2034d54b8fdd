"""The command line takes measures by class, until they are precise, of the class output, and all of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from onnxinv.result import Result
from tests.networks import DIGITS, save_text
from tests.reports.command import analyze, assert_refused, command

NV = "normalized-variance"
TURNS = "rotation:steps=4"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a classifier of three classes with feature maps."""
    generator = np.random.default_rng(0)
    weights = {
        "k": generator.standard_normal((2, 1, 3, 3)).astype(np.float32),
        "w": generator.standard_normal((2, 3)).astype(np.float32),
    }
    body = "c = Conv(image, k) r = Relu(c) g = GlobalMaxPool(r) f = Flatten(g) y = MatMul(f, w)"
    return save_text(tmp_path / "net.onnx", f"net (float[n,1,6,6] image) => (float[n,3] y) {{ {body} }}", **weights)


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Return a model of two outputs that could hold classes."""
    generator = np.random.default_rng(0)
    weights = {name: generator.standard_normal((36, 3)).astype(np.float32) for name in ("v", "w")}
    body = "f = Flatten(image) a = MatMul(f, v) one = Sigmoid(a) two = MatMul(f, w)"
    text = f"net (float[n,1,6,6] image) => (float[n,3] one, float[n,3] two) {{ {body} }}"
    return save_text(tmp_path / "heads.onnx", text, **weights)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return save_images(tmp_path / "images.npz", np.arange(30) % 3)


def save_images(path: Path, labels: np.ndarray | None = None) -> Path:
    arrays: dict[str, Any] = {"x": np.random.default_rng(1).random((30, 1, 6, 6), dtype=np.float32)}
    np.savez(path, **(arrays if labels is None else {**arrays, "y": labels}))
    return path


def save_folder(folder: Path, names: list[str]) -> Path:
    """Write a folder of images with these subfolders."""
    generator = np.random.default_rng(2)
    for name in names:
        subfolder = os.fsencode(folder / "images") + b"/" + os.fsencode(name)
        os.makedirs(subfolder)
        for index in range(4):
            with open(subfolder + f"/{index}.png".encode(), "wb") as file:
                Image.fromarray(generator.integers(0, 256, (6, 6), dtype=np.uint8)).save(file, "PNG")
    return folder / "images"


def test_by_class(capsys: Capture, model: Path, data: Path, tmp_path: Path) -> None:
    options = ("--stratify", "-o", tmp_path / "out")
    outcome = analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert f"{NV}, mean over classes: mean of layers" in outcome.out
    assert f"{NV} by class" in outcome.out
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["meta"]["data"]["classes"] == ["0", "1", "2"]
    assert result["meta"]["options"]["stratify"] is True
    assert list(result["layers"][0]["measures"][NV]["classes"]) == ["0", "1", "2"]
    with np.load(tmp_path / "out" / "units.npz") as units:
        assert units[f"{NV}/0000/classes"].shape == (3, 1)


def test_by_class_ten_digits_are_shown_whole(capsys: Capture) -> None:
    outcome = analyze(capsys, "--stratify", "--layers", "fc*", transform="rotation:steps=2", samples=40)
    assert outcome.status == 0, outcome.err
    assert "…" not in outcome.out
    head = [line.split() for line in outcome.out.splitlines() if line.startswith("layer")][-1]
    assert head == ["layer", *map(str, range(10))]


def test_by_class_needs_labels(capsys: Capture, model: Path, tmp_path: Path) -> None:
    data = save_images(tmp_path / "plain.npz")
    outcome = analyze(capsys, "--stratify", model=model, data=data, transform=TURNS, samples=None)
    assert_refused(outcome, "plain.npz' has no labels", "Hint: Give an npz file with an array y or labels")


def test_a_class_of_one_sample_is_named(capsys: Capture, model: Path, tmp_path: Path) -> None:
    data = save_images(tmp_path / "rare.npz", np.array(["many"] * 29 + ["\x1b[31m[/b] rare"]))
    outcome = analyze(capsys, "--stratify", model=model, data=data, transform=TURNS, samples=None)
    assert_refused(outcome, "The class '\\x1b[31m[/b] rare' has 1 sample, and --stratify needs 2 of each.")


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["\x1b[31mred\x07", "line\nbreak"], id="control characters"),
        pytest.param(["n" * 255, "n" * 254 + "m"], id="very long ones"),
        pytest.param(["[bold]", "[b]ab"], id="markup"),
        pytest.param(["=cmd()", "-2+3"], id="formulas"),
        pytest.param(["\u202egnp", "\u200bx"], id="direction marks and what has no width"),
        pytest.param(["caf\udce9", "caf\udce8"], id="no UTF-8"),
        pytest.param([f"{number} \x1b[2J" for number in range(12)], id="many"),
    ],
)
def test_folders_may_have_any_name(capsys: Capture, model: Path, tmp_path: Path, names: list[str]) -> None:
    try:
        folder = save_folder(tmp_path, names)
    except OSError:
        pytest.skip("this file system does not take such names")
    out = tmp_path / "out"
    options = ("--stratify", "--groups", 4, "-o", out, "--format", "terminal", "--format", "csv")
    outcome = analyze(capsys, *options, model=model, data=folder, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert all(character.isprintable() for character in re.sub(r"[\n\r]", "", outcome.out + outcome.err))
    assert max(map(len, outcome.out.split("index,name")[0].splitlines())) <= 80
    rows = list(csv.DictReader(io.StringIO("index,name" + outcome.out.split("index,name")[1])))
    assert {row["measure"] for row in rows} >= {NV}
    result = Result.load(out)
    told = [name.encode("utf-8", "backslashreplace").decode() for name in sorted(names)]
    assert result.meta.data.classes == told
    assert list(result.layers[0].measures[NV].classes or ()) == told
    for name in names:
        if len(names) < 10 and len(name) <= 5 and name.isprintable():
            assert name in outcome.out
    again = command(capsys, "report", out)
    assert again.status == 0, again.err
    assert again.out == outcome.out.split("index,name")[0].split("Written")[0]


def test_it_stops_early(capsys: Capture, model: Path, data: Path, tmp_path: Path) -> None:
    options = ("--precision", 1000, "--layers", "c", "-o", tmp_path / "out")
    outcome = analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    result = Result.load(tmp_path / "out")
    assert (result.meta.options.groups, result.meta.data.samples) == (4, 12)
    assert "12 samples of" in outcome.out
    assert f"{12 * 4} inferences in" in outcome.out


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param(["--precision", "0"], ["precision", "greater than 0"], id="a precision of 0"),
        pytest.param(["--precision", "nan"], ["precision", "finite number"], id="none"),
        pytest.param(["--precision", "x"], ["'--precision'"], id="a word"),
        pytest.param(
            ["--precision", "1", "--measure", "anova"],
            [
                "--precision is about the interval of a measure of layers, and 'anova-f' has none.",
                "Hint: Name a measure that has one first",
            ],
            id="a measure without an interval",
        ),
        pytest.param(
            ["--precision", "1", "--measure", "goodfellow"],
            [
                "'goodfellow' cannot be measured: its thresholds rank all samples",
                "Hint: Measure it without --precision",
            ],
            id="a measure of all samples",
        ),
        pytest.param(
            ["--measure", "linear-cka", "--stratify"],
            ["'linear-cka' cannot be measured", "Hint: Measure it without --stratify."],
            id="a measure of samples in random order",
        ),
        pytest.param(
            ["--class-output", "z"], ["--class-output: the model has no output 'z'"], id="an output that is not there"
        ),
        pytest.param(["--probabilities"], ["--probabilities: output 'y' holds", "Hint: Take --logits."], id="logits"),
    ],
)
def test_is_refused(capsys: Capture, model: Path, data: Path, options: list[str], parts: list[str]) -> None:
    assert_refused(analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None), *parts)


def test_a_precision_of_the_class_output_is_refused(capsys: Capture, model: Path, data: Path) -> None:
    options = ("--precision", "0.1", "--measure", "top1-consistency")
    assert_refused(analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None), "interval")


def test_several_chunks_and_a_precision_are_refused(capsys: Capture) -> None:
    options = ("--precision", 0.1, "--memory", "40MiB", "--layers", "*")
    outcome = analyze(capsys, *options, data=DIGITS, transform="rotation:steps=3", samples=23)
    assert_refused(outcome, "--precision needs all layers together", "Hint: Raise --memory or choose fewer layers")


def test_all_measures(capsys: Capture, model: Path, tmp_path: Path) -> None:
    data = save_images(tmp_path / "plain.npz")
    options = ("--measure", "all", "--layers", "c", "-o", tmp_path / "out")
    outcome = analyze(capsys, *options, model=model, data=data, transform="brightness:steps=2", samples=None)
    assert outcome.status == 0, outcome.err
    said = " ".join(outcome.out.split())
    skipped = {each.name: each.reason for each in Result.load(tmp_path / "out").meta.options.skipped_measures}
    assert "Skipped: accuracy, because the data has no labels." in said
    assert {"accuracy", "equivariance-error", "normalized-variance-se"} <= set(skipped)
    for name, reason in skipped.items():
        assert f"Skipped: {name}, because {reason}." in said
    assert command(capsys, "report", tmp_path / "out").out == outcome.out


def test_a_dry_run_tells_which_of_all_measures_are_skipped(capsys: Capture, model: Path, data: Path) -> None:
    options = ("--measure", "all", "--stratify", "--dry-run")
    outcome = analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert max(map(len, outcome.out.splitlines())) <= 80
    said = " ".join(outcome.out.split())
    assert "Skipped: linear-cka, because" in said
    assert "and the untransformed samples first" in said
    assert "y, 3 classes, read as logits (detected)" in said


def test_a_named_variant_goes_before_all(capsys: Capture, model: Path, data: Path) -> None:
    variant = f"{NV}:dispersion=var"
    options = ("--measure", "all", "--measure", variant, "--layers", "c", "--format", "json")
    outcome = analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    result = json.loads(outcome.out)
    assert list(result["layers"][0]["measures"])[:2] == [variant, NV]
    assert result["meta"]["options"]["measures"] == list(result["layers"][0]["measures"])


def test_the_class_output_alone(capsys: Capture, model: Path, data: Path, tmp_path: Path) -> None:
    options = ("--measure", "top1-consistency", "-o", tmp_path / "out")
    outcome = analyze(capsys, *options, model=model, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert "class output: y, 3 classes, the softmax of its logits (detected)" in outcome.out
    lines = [line for line in outcome.out.splitlines() if line.startswith("top1-consistency")]
    assert len(lines) == 1
    for name in ("terminal", "json", "csv"):
        made = tmp_path / f"report.{name}"
        assert command(capsys, "report", tmp_path / "out", "--format", f"{name}:{made}").status == 0
        assert made.stat().st_size
    assert (tmp_path / "report.terminal").read_text() == outcome.out
    assert (tmp_path / "report.json").read_text() == (tmp_path / "out" / "result.json").read_text()
    outputs = json.loads((tmp_path / "report.json").read_text())["outputs"]
    assert list(outputs) == ["top1-consistency"]
    assert len(outputs["top1-consistency"]["profile"]) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--class-output", "one"], "one, 3 classes, the softmax of its logits (named)", id="an output"),
        pytest.param(
            ["--class-output", "one", "--probabilities"], "one, 3 classes, probabilities (named)", id="its kind too"
        ),
        pytest.param(
            ["--class-output", "two", "--logits"], "two, 3 classes, the softmax of its logits (named)", id="another"
        ),
    ],
)
def test_the_class_output_is_the_one_that_is_named(
    capsys: Capture, heads: Path, data: Path, options: list[str], said: str
) -> None:
    outcome = analyze(capsys, *options, model=heads, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert f"class output: {said}" in outcome.out


def test_of_several_outputs_none_is_guessed(capsys: Capture, heads: Path, data: Path) -> None:
    outcome = analyze(capsys, model=heads, data=data, transform=TURNS, samples=None)
    assert outcome.status == 0, outcome.err
    assert "class output" not in outcome.out
    named = analyze(capsys, "--measure", "accuracy", model=heads, data=data, transform=TURNS, samples=None)
    assert_refused(named, "several outputs could hold classes: 'one' (3 numbers), 'two' (3 numbers)", "--class-output")
