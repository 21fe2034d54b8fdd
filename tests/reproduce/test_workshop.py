"""What the workshop makes is finished or not there, and is made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.result import Result
from tests.networks import DIGITS, MODELS
from tools.reproduce import workshop as module
from tools.reproduce.datasets import Folders
from tools.reproduce.experiments import experiments
from tools.reproduce.images import Dataset, Images
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found, layers_of
from tools.reproduce.recipe import Recipe, checkpoint, readable
from tools.reproduce.study import full, small
from tools.reproduce.workshop import RESULT, Workshop, finished, measure_one

RECIPE = Recipe("mnist5k", "simple-conv", (), "rotation:steps=25", 8, 32, 4, 0)
MEASUREMENT = Measurement(RECIPE, "rotation:steps=25", 200)
OTHERWISE = {
    "dataset": "crops", "network": "vgg", "variant": ("kernel=5",), "augment": None, "channels": 9, "hidden": 33,
    "epochs": 5, "seed": 1,
    "recipe": replace(RECIPE, seed=1), "transforms": "rotation:steps=26", "samples": 201, "measures": ("anova",),
    "percent": 10, "stratify": True,
}  # fmt: skip
HOSTILE = [
    "my set.py:turned",
    "/home/me/../sets/file.py:f",
    "C:\\sets\\file.py:f",
    "x" * 400,
    "a\nb",
    "..",
    "ä/*?<>|",
    "",
]


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_is_finished_gets_its_name_only_at_the_end(tmp_path):
    with finished(tmp_path / "networks" / "a") as draft:
        (draft / "file").write_text("content")
        assert not (tmp_path / "networks" / "a").exists()
    assert entries(tmp_path) == ["networks", "networks/a", "networks/a/file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_or_is_interrupted_leaves_nothing_behind(tmp_path, error):
    def interrupted() -> None:
        with finished(tmp_path / "networks" / "a") as draft:
            (draft / "file").write_text("content")
            raise error

    with pytest.raises(error):
        interrupted()
    assert entries(tmp_path) == ["networks"]


def test_what_is_there_is_not_replaced_and_no_draft_stays(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("first")

    def again() -> None:
        with finished(tmp_path / "a") as draft:
            (draft / "file").write_text("second")

    with pytest.raises(OSError, match="not empty"):
        again()
    assert entries(tmp_path) == ["a", "a/file"]
    assert (tmp_path / "a" / "file").read_text() == "first"


def test_drafts_of_a_killed_run_are_cleared_and_nothing_else(tmp_path):
    kept = ["data/digits8.npz", "networks/a/at-000.onnx", "results/b/result.json", "small-0/REPRODUCTION.md"]
    left = ["data/.draft-crops.npz", "networks/.draft-x1/at-000.onnx", "results/b/.onnxinv.0a.partial/units.npz"]
    for each in (*kept, *left):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    Workshop(tmp_path, Folders(), 1).clear()
    assert [each for each in entries(tmp_path) if (tmp_path / each).is_file()] == kept
    assert not [each for each in entries(tmp_path) if "draft" in each or "partial" in each]


def test_a_new_workshop_has_nothing_to_clear(tmp_path):
    Workshop(tmp_path / "new", Folders(), 1).clear()
    assert not (tmp_path / "new").exists()


def made(workshop: Workshop, monkeypatch, *, fails_at: int = 99) -> list:
    """Let jobs be done in this process by making what they would leave; return which were done."""
    done: list = []

    def run(self, what, job, todo):
        for each in todo:
            if len(done) == fails_at:
                raise KeyboardInterrupt
            done.append(each)
            folder = self.network(each) if what == "training" else self.result(each)
            folder.mkdir(parents=True)
            (folder / RESULT).touch()

    nothing = Images(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(2, np.int64))
    monkeypatch.setattr(Workshop, "_run", run)
    monkeypatch.setattr(module, "load", lambda name, _: done.append(name) or Dataset(name, "", nothing, nothing))
    return done


def test_every_network_is_trained_once_and_before_it_is_measured(tmp_path, monkeypatch):
    workshop = Workshop(tmp_path, Folders(), 1)
    done = made(workshop, monkeypatch)
    other = replace(MEASUREMENT, percent=10)
    workshop.fill([MEASUREMENT, other, MEASUREMENT])
    assert done == ["mnist5k", RECIPE, MEASUREMENT, other]


def test_what_is_finished_is_not_done_again(tmp_path, monkeypatch):
    workshop = Workshop(tmp_path, Folders(), 1)
    done = made(workshop, monkeypatch)
    other = replace(MEASUREMENT, recipe=replace(RECIPE, seed=1))
    workshop.fill([MEASUREMENT])
    done.clear()
    workshop.fill([MEASUREMENT, other])
    assert done == [other.recipe, other]
    done.clear()
    workshop.fill([MEASUREMENT, other])
    assert done == []


def test_an_interrupted_call_is_continued_where_it_was(tmp_path, monkeypatch):
    workshop = Workshop(tmp_path, Folders(), 1)
    others = [replace(MEASUREMENT, recipe=replace(RECIPE, seed=seed)) for seed in range(3)]
    first = made(workshop, monkeypatch, fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        workshop.fill(others)
    second = made(workshop, monkeypatch)
    workshop.fill(others)
    assert [*first, *second] == ["mnist5k", *(each.recipe for each in others), *others]


def test_the_held_out_images_are_what_networks_are_measured_on(tmp_path, monkeypatch):
    workshop = Workshop(tmp_path, Folders(), 1)
    shown = Images(np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3), np.array([1, 0, 1, 0]))
    made(workshop, monkeypatch)
    monkeypatch.setattr(module, "load", lambda name, _: Dataset(name, "", shown.of(np.array([0])), shown))
    workshop.fill([MEASUREMENT])
    with np.load(workshop.data("mnist5k")) as stored:
        np.testing.assert_array_equal(stored["x"], shown.x)
        np.testing.assert_array_equal(stored["y"], shown.y)


@pytest.mark.parametrize("stratify", [False, True])
def test_a_network_is_measured_by_onnxinv_and_found_again(tmp_path, stratify):
    workshop = Workshop(tmp_path, Folders(), 1)
    measurement = replace(MEASUREMENT, transforms="rotation:steps=4", samples=20, stratify=stratify)
    network = workshop.network(RECIPE)
    network.mkdir(parents=True)
    shutil.copy(MODELS / "mnist_simpleconv_plain.onnx", network / checkpoint(100))
    with np.load(DIGITS) as digits:
        images = digits["x"].reshape(-1, 28, 28, 1)
        labels = digits["y"]
    workshop.data("mnist5k").parent.mkdir()
    np.savez(workshop.data("mnist5k"), x=images, y=labels)
    measure_one(workshop, measurement)
    assert workshop.unmeasured([measurement]) == []
    result = Found(workshop).result(measurement)
    assert isinstance(result, Result)
    assert (result.meta.data.samples, result.meta.transforms.count) == (20, 4)
    assert bool(result.meta.data.classes) == stratify
    profile = Found(workshop).profile(measurement)
    assert len(profile) == len(layers_of(result)) == len(Found(workshop).labels(measurement))
    assert np.isfinite(profile).all()


def test_a_failing_job_is_told_and_the_others_are_not_begun(tmp_path, monkeypatch):
    """The pool is another in which jobs run at once, for a new process would import torch."""
    from concurrent.futures import Future

    begun = []

    class Pool:
        def __init__(self, *_, **__) -> None: ...
        def __enter__(self):
            return self

        def __exit__(self, *_) -> None: ...
        def submit(self, job, *arguments):
            future: Future = Future()
            try:
                future.set_result(job(*arguments))
            except ValueError as error:
                future.set_exception(error)
            return future

        def shutdown(self, **told) -> None:
            begun.append(told)

    def job(_, each) -> None:
        if each == 2:
            raise ValueError("the second fails")

    monkeypatch.setattr(module, "ProcessPoolExecutor", Pool)
    with pytest.raises(ValueError, match="the second fails"):
        Workshop(tmp_path, Folders(), 1)._run("training", job, [1, 2, 3])
    assert begun == [{"cancel_futures": True}]


@pytest.mark.parametrize("what", [RECIPE, MEASUREMENT], ids=["recipe", "measurement"])
def test_keys_differ_for_everything_that_differs(what):
    names = [each.name for each in fields(what)]
    keys = [replace(what, **{name: OTHERWISE[name]}).key for name in names]
    assert len({what.key, *keys}) == 1 + len(names)


def test_all_that_a_study_measures_has_a_key_of_its_own():
    for study in (small(0, Folders()), full(0, Folders(Path("m"), Path("c")))):
        needed = {measurement for each in experiments() for measurement in each.needs(study)}
        assert len({each.key for each in needed}) == len(needed)
        recipes = {each.recipe for each in needed}
        assert len({each.key for each in recipes}) == len(recipes)


def test_keys_are_the_same_in_every_process():
    imports = "from tools.reproduce.recipe import Recipe; from tools.reproduce.measurement import Measurement"
    told = subprocess.run(
        [sys.executable, "-c", f"{imports}; told = {MEASUREMENT!r}; print(told.recipe.key, told.key)"],
        env={**os.environ, "PYTHONHASHSEED": "1"}, capture_output=True, text=True, cwd=Path(__file__).parents[2],
        check=True,
    )  # fmt: skip
    assert told.stdout.split() == [RECIPE.key, MEASUREMENT.key]


def test_a_key_that_networks_lie_under_stays_what_it_is():
    """Another key would have all networks trained again; whoever wants that counts up the version of recipes."""
    assert RECIPE.key == "mnist5k-simple-conv-rotation-s0-ef84fff3"


def assert_file_name(key: str) -> None:
    assert Path(key).name == key
    assert len(key) < 200
    assert not set(key) & set('/\\:*?"<>|\n\t ')
    assert not key.startswith(".")


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["space", "path", "windows", "long", "line break", "dots", "signs", "empty"]
)
def test_keys_are_file_names_whatever_the_transforms_are(text, tmp_path):
    recipe = replace(RECIPE, augment=text)
    measurement = Measurement(recipe, text, 200)
    assert_file_name(recipe.key)
    assert_file_name(measurement.key)
    with finished(tmp_path / measurement.key) as draft:
        (draft / RESULT).touch()
    assert (tmp_path / measurement.key / RESULT).is_file()


@settings(max_examples=40)
@given(st.text(max_size=50))
def test_what_a_folder_is_called_is_part_of_a_file_name(text):
    assert readable(text) == readable(readable(text))
    assert_file_name("a" + readable(text))


def test_transforms_that_read_alike_have_different_keys():
    assert readable("a/b.py:f") == readable("a-b.py:f")
    assert replace(RECIPE, augment="a/b.py:f").key != replace(RECIPE, augment="a-b.py:f").key


def test_options_of_a_variant_may_contain_an_equals_sign():
    assert replace(RECIPE, variant=("a=b=c", "kernel=5")).options == {"a": "b=c", "kernel": "5"}
