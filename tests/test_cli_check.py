"""The command `check`: its exit codes, its baseline, what it writes and prints, and what it refuses before any work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest

from onnxinv import checking
from onnxinv.cli import run
from tests.check.repository import LIMIT, OUTPUT, PLAIN, REGRESSION, ROTATED, UNCLEAR, check, in_json, save_config
from tests.reports.command import assert_refused

ZOO = Path(__file__).parent / "zoo"
VIT = ZOO / "torchscript_vit.onnx"


def add_run(path: Path, name: str) -> None:
    """Add another run like the first."""
    text = path.read_text()
    path.write_text(text + "\n" + text.replace('name = "digits"', f'name = "{name}"'))


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working folder with a configuration that the shipped model keeps to."""
    monkeypatch.chdir(tmp_path)
    save_config(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def accepted(tmp_path_factory) -> str:
    """The text of a baseline of the shipped model."""
    folder = tmp_path_factory.mktemp("accepted")
    path = save_config(folder, LIMIT, REGRESSION, OUTPUT.replace("min = 0.5", "max-regression = 0.05"))
    assert run(["check", "--config", str(path), "--update-baseline", "--quiet"]) == 0
    return (folder / checking.BASELINE).read_text()


@pytest.fixture
def unmeasured(monkeypatch):
    """Let a measurement fail the test."""

    def measure(*arguments: object) -> None:
        pytest.fail("something was measured")

    monkeypatch.setattr(checking, "measure", measure)


def test_a_model_within_its_limits_passes(capsys, place):
    found = check(capsys)
    assert found.status == 0
    assert found.out.splitlines()[-1] == "passed: 2 of 2 limits held"


def test_another_model_in_its_place_fails_and_the_layers_are_named(capsys, place):
    shutil.copy(PLAIN, place / "net.onnx")
    save_config(place, model=place / "net.onnx")
    found = check(capsys)
    assert found.status == 1
    assert found.out.splitlines()[-1] == "failed: 2 of 2 broken (elu6, fc2 of digits)"
    assert "Error" not in found.err


def test_quiet_a_failure_is_one_sentence_on_stderr(capsys, place):
    failing = check(capsys, PLAIN, "--quiet")
    assert (failing.status, failing.out) == (1, "")
    assert failing.err == "failed: 2 of 2 broken (elu6, fc2 of digits)\n"
    passing = check(capsys, "--quiet")
    assert (passing.status, passing.out, passing.err) == (0, "", "")


@pytest.mark.parametrize(
    ("limit", "options", "status"),
    [
        pytest.param('layers = "fc2"\nmax = 0.1\nlevel = "warn"', [], 0, id="a warning passes"),
        pytest.param('layers = "fc2"\nmax = 0.1\nlevel = "warn"', ["--strict"], 1, id="but not where that is strict"),
        pytest.param(UNCLEAR, [], 0, id="what is uncertain passes"),
        pytest.param(UNCLEAR, ["--strict"], 1, id="but not where that is strict"),
    ],
)
def test_strict_fails_on_what_is_only_told_otherwise(capsys, place, limit, options, status):
    save_config(place, limit)
    found = in_json(capsys, *options, status=status)
    assert found["meta"]["passed"] == (status == 0)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        pytest.param('layers = "cnov5"\nmax = 1', ["'cnov5' fits no layer", "line 11", "conv5"], id="a typo in a glob"),
        pytest.param('layers = "fc2"\nmeasure = "normalised-variance"\nmax = 1', ["normalized-variance"], id="measure"),
        pytest.param('layers = "fc2"\nmaximum = 1', ["'maximum'", "max"], id="an unknown key"),
        pytest.param('layers = "fc2"\nmax = 0.1\nmin = 0.2', ["at most 0.1 and at least 0.2"], id="a contradiction"),
        pytest.param('layers = "fc2"\nmax = 1\nlevel = "off"', ["Every limit is off"], id="nothing looked at"),
        pytest.param(REGRESSION, ["There is no baseline", "--update-baseline"], id="no baseline"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(capsys, place, unmeasured, limit, told):
    save_config(place, limit)
    assert_refused(check(capsys), *told)


def changed(text: str, **keys: object) -> str:
    content = json.loads(text)
    content["runs"]["digits"].update(keys)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("keys", "limit", "told"),
    [
        pytest.param({"transforms": ["flip"]}, REGRESSION, "under other transforms: rotation:steps=4", id="transforms"),
        pytest.param(
            {"transforms": ["rotation:steps=4,degrees=360,fill=edge"]}, REGRESSION, "under other transforms: ",
            id="transforms of the same names",
        ),
        pytest.param({"aggregate": "unit"}, REGRESSION, "another aggregate: channel, not unit", id="aggregate"),
        pytest.param({"stratify": True}, REGRESSION, "another stratify: False, not True", id="stratify"),
        pytest.param({"sample-units": 8}, REGRESSION, "another sample-units: none, not 8", id="sample-units"),
        pytest.param({"name": "letters"}, REGRESSION, "has no run 'letters', only digits", id="a run it lacks"),
        pytest.param(
            {}, REGRESSION + '\nmeasure = "normalized-variance:dispersion=var"',
            "of other measures: it has no mean of 'normalized-variance:dispersion=var'", id="another measure",
        ),
        pytest.param({}, REGRESSION + '\nof = "p95"', "it has no p95 of", id="another location"),
        pytest.param(
            {}, OUTPUT.replace("min = 0.5", "max-regression = 0").replace("top1-consistency", "worst-case-accuracy"),
            "it has no 'worst-case-accuracy'", id="another measure of the class output",
        ),
        pytest.param({"align": "nmae"}, REGRESSION, "called 'nmae'", id="an unknown way to align"),
    ],
)  # fmt: skip
def test_a_baseline_of_something_else_is_refused(capsys, place, unmeasured, accepted, keys, limit, told):
    (place / checking.BASELINE).write_text(accepted)
    save_config(place, limit, **keys)
    assert_refused(check(capsys), checking.BASELINE if "align" not in keys else "onnxinv.toml", told)


def test_a_baseline_of_another_model_is_refused(capsys, place, accepted):
    random = {"data": "random:n=12", "samples": None, "layers": None, "model": VIT}
    save_config(place, 'max-regression = "5%"', **random)
    assert check(capsys, "--update-baseline").status == 0
    save_config(place, REGRESSION)
    assert_refused(check(capsys, "--quiet"), "is of another model", VIT.name)


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "is not a baseline"), ('{"format": 2}', "has format 2, and this version reads format 1. ")],
)
def test_a_baseline_that_cannot_be_read_is_refused(capsys, place, unmeasured, text, told):
    (place / checking.BASELINE).write_text(text)
    save_config(place, REGRESSION)
    assert_refused(check(capsys), told.strip())
    assert_refused(check(capsys, "--run", "digits", "--update-baseline"), told.strip())
    assert (place / checking.BASELINE).read_text() == text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["-o", "/proc/out"], "'/proc/out' cannot be written", id="the folder"),
        pytest.param(["--format", "junit:/proc/x.xml"], "'/proc/x.xml' cannot be written", id="a format"),
        pytest.param(["--update-baseline"], "'/proc/b.json' cannot be written", id="the baseline"),
        pytest.param(["--format", "junti"], "junit", id="no such format"),
        pytest.param(["--update-baseline", "--until-decided"], "rests on all samples", id="a part of the samples"),
        pytest.param(["--run", "digit"], "Did you mean 'digits'", id="no such run"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(capsys, place, unmeasured, options, told):
    config = save_config(place, LIMIT, REGRESSION)
    config.write_text('baseline = "/proc/b.json"\n' + config.read_text())
    assert_refused(check(capsys, *options), told)


def test_an_earlier_check_is_not_overwritten_unless_asked(capsys, place):
    assert check(capsys, "-o", place / "out", "--quiet").status == 0
    kept = (place / "out" / "check.json").read_bytes()
    assert json.loads(kept)["meta"]["passed"] is True
    assert sorted(each.name for each in (place / "out").iterdir()) == ["check.json", "digits", "report.html"]
    assert sorted(each.name for each in (place / "out" / "digits").iterdir()) == [
        "pictures.npz",
        "report.html",
        "result.json",
        "units.npz",
    ]
    assert_refused(check(capsys, "-o", place / "out"), "already holds a result")
    (place / "out" / "check.json").unlink()
    assert_refused(check(capsys, "-o", place / "out"), "already holds a result")
    assert check(capsys, PLAIN, "-o", place / "out", "--overwrite", "--quiet").status == 1
    assert json.loads((place / "out" / "check.json").read_bytes())["meta"]["passed"] is False


def test_a_dry_run_measures_and_writes_nothing(capsys, place, unmeasured):
    found = check(capsys, PLAIN, "--dry-run", "-o", place / "out")
    assert found.status == 0
    assert "60 samples of" in found.out
    assert [each.name for each in place.iterdir()] == ["onnxinv.toml"]


def test_what_was_accepted_is_held(capsys, place):
    config = save_config(place, LIMIT, REGRESSION)
    add_run(config, "again")
    updated = check(capsys, "--update-baseline")
    assert updated.status == 0
    assert f"Written to {checking.BASELINE}" in updated.err
    content = json.loads((place / checking.BASELINE).read_text())
    assert list(content["runs"]) == ["digits", "again"]
    found = in_json(capsys)
    assert {each["status"] for each in found["findings"]} == {"held"}
    assert [each["baseline"]["paired"] for each in found["meta"]["runs"]] == [True, True]


def test_one_run_is_accepted_and_the_others_stay(capsys, place, accepted):
    other = changed(accepted, created="2001-01-01T00:00:00+00:00")
    path = place / checking.BASELINE
    path.write_text(other)
    add_run(save_config(place, LIMIT, REGRESSION), "letters")
    assert check(capsys, "--run", "letters", "--update-baseline", "--quiet").status == 0
    content = json.loads(path.read_text())
    assert content["runs"]["digits"] == json.loads(other)["runs"]["digits"]
    assert list(content["runs"]) == ["digits", "letters"]
    assert check(capsys, "--update-baseline", "--quiet").status == 0
    assert json.loads(path.read_text())["runs"]["digits"]["created"] > "2002"


def test_the_same_model_has_not_regressed_at_all(capsys, place, accepted):
    (place / checking.BASELINE).write_text(accepted)
    save_config(place, REGRESSION.replace('"5%"', "0"), OUTPUT.replace("min = 0.5", "max-regression = 0"))
    assert {each["status"] for each in in_json(capsys)["findings"]} == {"held"}


def test_transforms_may_be_written_in_another_way(capsys, place, accepted):
    (place / checking.BASELINE).write_text(accepted)
    save_config(place, REGRESSION, transforms=["rotation:degrees=360,fill=0,steps=4"])
    assert check(capsys, "--quiet").status == 0


def test_a_worse_model_has_regressed(capsys, place, accepted):
    (place / checking.BASELINE).write_text(accepted)
    save_config(place, REGRESSION, model=PLAIN)
    found = in_json(capsys, status=1)
    assert {each["label"]: each["status"] for each in found["findings"]}["fc2"] == "broken"


def renamed(path: Path) -> Path:
    """Write the shipped model with other names of all nodes and tensors but its input."""
    model = onnx.load(ROTATED)
    graph = model.graph
    known: dict[str, str] = {graph.input[0].name: graph.input[0].name, "": ""}

    def fresh(name: str) -> str:
        return known.setdefault(name, f"block{len(known)}")

    for tensor in graph.initializer:
        tensor.name = fresh(tensor.name)
    for place, node in enumerate(graph.node):
        node.name = f"node{place}"
        del node.metadata_props[:]
        node.input[:] = [fresh(name) for name in node.input]
        node.output[:] = [fresh(name) for name in node.output]
    for output in graph.output:
        output.name = known[output.name]
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def test_a_model_with_other_names_is_aligned_and_that_is_said(capsys, place):
    save_config(place, 'max-regression = "5%"', layers=None)
    assert check(capsys, "--update-baseline", "--quiet").status == 0
    save_config(place, 'max-regression = "5%"', layers=None, model=renamed(place / "net.onnx"))
    found = check(capsys, "--format", "terminal", "--format", f"json:{place / 'check.json'}")
    assert found.status == 0, found
    assert "Renamed since the baseline (" in found.out
    report = json.loads((place / "check.json").read_text())
    told = [each["counterpart"] for each in report["findings"]]
    assert any(name and name.startswith("fc2 (matched by ") for name in told), told
    assert all(each["status"] == "held" for each in report["findings"])


def test_the_summary_of_a_job_is_added_to(capsys, place, monkeypatch):
    summary = place / "summary.md"
    summary.write_text("# Earlier\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert check(capsys).status == 0
    assert summary.read_text() == "# Earlier\n"
    found = check(capsys, PLAIN, "--format", "github")
    assert found.status == 1
    assert found.out.startswith("::error ")
    text = summary.read_text()
    assert text.startswith("# Earlier\n")
    assert "fc2" in text


@pytest.mark.parametrize(("model", "status"), [(ROTATED, 0), (PLAIN, 1)])
def test_a_summary_that_cannot_be_written_keeps_the_verdict(capsys, place, monkeypatch, model, status):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    found = check(capsys, model, "--format", "github")
    assert found.status == status
    assert "The summary '/dev/full' cannot be written: No space left on device." in found.err


@pytest.mark.parametrize("model", [ROTATED, PLAIN])
def test_a_full_disk_is_2_whatever_the_verdict(capsys, place, model):
    assert_refused(check(capsys, model, "--format", "json:/dev/full", "--quiet"), "No space left")


def inferences(found: dict[str, Any]) -> tuple[int, int]:
    run = found["meta"]["runs"][0]
    return run["timing"]["inferences"], run["planned"]


def test_clear_limits_are_decided_on_fewer_samples(capsys, place):
    save_config(place, 'layers = "fc2"\nmax = 0.9', 'layers = "conv5"\nmin = 0.1', samples=300)
    full, early = in_json(capsys), in_json(capsys, "--until-decided")
    assert inferences(full) == (1200, 1200)
    assert inferences(early)[0] < 1200
    assert inferences(early)[1] == 1200
    assert {each["status"] for each in early["findings"]} == {"held"}


def test_unclear_limits_take_more_samples_than_asked_for(capsys, place):
    save_config(place, 'layers = "fc2"\nmax = 0.3')
    assert {each["status"] for each in in_json(capsys)["findings"]} == {"uncertain"}
    found = in_json(capsys, "--until-decided")
    assert inferences(found)[0] > inferences(found)[1] == 240
    assert {each["status"] for each in found["findings"]} == {"held"}


def test_a_precision_is_reached_on_fewer_samples(capsys, place):
    save_config(place, 'layers = "fc2"\nmax = 0.9', samples=300)
    found = in_json(capsys, "--precision", "0.1")
    assert inferences(found)[0] < inferences(found)[1] == 1200


def test_regressions_are_judged_on_the_samples_of_the_baseline_even_where_more_are_taken(capsys, place, accepted):
    (place / checking.BASELINE).write_text(accepted)
    save_config(place, 'layers = "fc2"\nmax = 0.3', REGRESSION)
    alone = [each for each in in_json(capsys)["findings"] if each["kind"] == "max-regression"]
    found = in_json(capsys, "--until-decided")
    assert inferences(found)[0] > 240
    assert [each for each in found["findings"] if each["kind"] == "max-regression"] == alone
    assert found["meta"]["runs"][0]["baseline"]["paired"] is True
