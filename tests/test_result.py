"""A result folder is read back as it was written, and a damaged one is refused with its reason."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from onnxinv.errors import OutputError
from onnxinv.provenance import Meta
from onnxinv.result import Document, LayerResult, MeasureSummary, Result, to_json, units_key
from tests.reports.results import NV, small


@pytest.fixture
def folder(tmp_path):
    small().save(tmp_path / "out")
    return tmp_path / "out"


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def change(folder: Path, edit) -> None:
    path = folder / "result.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_is_read_back_as_it_was_written(folder):
    found = Result.load(folder)
    assert found.document == small().document
    assert list(found.units) == list(small().units)
    np.testing.assert_array_equal(found.values(NV, found.layers[1]), np.full(4, 0.5))


def test_the_keys_are_those_of_format_1(folder):
    content = json.loads((folder / "result.json").read_text(), parse_constant=refuse)
    assert list(content) == ["meta", "layers", "skipped", "outputs", "summary"]
    assert set(content["meta"]) == {
        "format", "onnxinv", "created", "model", "data", "transforms", "options", "runtime", "timing", "warnings",
        "class_output", "pictures",
    }  # fmt: skip
    assert set(content["meta"]["model"]) == {"path", "sha256", "opset", "producer", "inputs", "outputs"}
    assert set(content["meta"]["data"]) == {
        "source",
        "samples",
        "seed",
        "digest",
        "labels",
        "preprocessing",
        "classes",
        "skipped",
    }
    assert set(content["meta"]["transforms"]) == {"spec", "count", "items"}
    assert set(content["meta"]["options"]) == {
        "aggregate", "measures", "groups", "sample_units", "interval_units", "stratify", "precision",
        "skipped_measures", "shard",
    }  # fmt: skip
    assert set(content["meta"]["runtime"]) == {
        "onnxruntime", "providers", "optimization", "reduce", "schedule", "batch", "threads",
    }  # fmt: skip
    assert set(content["meta"]["timing"]) == {"seconds", "inferences", "inferences_per_second", "shares"}
    assert set(content["layers"][0]) == {
        "index", "name", "label", "op", "shape", "channel_axis", "units", "channels", "measures", "node",
        "after",
    }  # fmt: skip
    assert set(content["layers"][0]["measures"][NV]) == {
        "mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "finite", "inf", "nan", "dead", "se", "bias",
        "ci", "loo",
    }  # fmt: skip
    assert set(content["skipped"][0]) == {"name", "op", "reason"}
    assert set(content["summary"][NV]) == {"mean_of_layers", "mean_of_units", "se", "ci"}


def test_the_units_are_keyed_by_measure_and_four_digits_without_pickles(folder):
    with np.load(folder / "units.npz", allow_pickle=False) as arrays:
        assert arrays.files == [f"{NV}/{index:04d}" for index in range(5)]
        assert {arrays[key].dtype for key in arrays.files} == {np.dtype("f8")}
    assert units_key("a", 12345) == "a/12345"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_never_reaches_the_json(value):
    result = small()
    broken = result.layers[0].measures[NV].model_copy(update={"mean": float(value)})
    layer = result.layers[0].model_copy(update={"measures": {NV: broken}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(Result(result.document.model_copy(update={"layers": [layer]}), result.units))


def test_an_older_result_does_not_tell_how_layers_follow_each_other(folder):
    change(folder, lambda content: [layer.pop(key) for layer in content["layers"] for key in ("node", "after")])
    assert [(layer.node, layer.after) for layer in Result.load(folder).layers] == [("", [])] * 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "is not a result", id="an empty file"),
        pytest.param('{"meta": {"format": 1', "is not a result", id="a truncated file"),
        pytest.param("[1, 2]", "it tells no format", id="a list"),
        pytest.param("null", "it tells no format", id="null"),
        pytest.param('{"meta": []}', "it tells no format", id="a meta that is a list"),
        pytest.param('{"meta": {"format": 2}}', "has format 2, and this version reads format 1", id="a newer format"),
        pytest.param('{"meta": {"format": "1"}}', "has format '1'", id="a format that is text"),
        pytest.param('{"meta": {"format": 1}}', "lacks the parameter", id="a format and nothing else"),
        pytest.param("[" * 100_000, "is not a result", id="a bottomless list"),
        pytest.param('{"meta": {"format": 1}, "layers": NaN}', "NaN is no number", id="what JSON lacks"),
    ],
)
def test_a_damaged_document_is_refused(folder, text, reason):
    (folder / "result.json").write_text(text)
    with pytest.raises(OutputError) as caught:
        Result.load(folder)
    assert reason in caught.value.message
    assert str(folder / "result.json") in caught.value.message


def test_a_document_that_is_not_text_is_refused(folder):
    (folder / "result.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OutputError, match="is not a result"):
        Result.load(folder)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda content: content["layers"][0]["measures"].clear(), id="a layer without measures"),
        pytest.param(lambda content: content["summary"].clear(), id="no summary"),
        pytest.param(lambda content: content.update(extra=1), id="a key too many"),
        pytest.param(lambda content: content["layers"][0].pop("name"), id="a key too few"),
        pytest.param(lambda content: content["layers"][0].update(index="x"), id="a word for a number"),
        pytest.param(lambda content: content["layers"][0].update(units=10**12), id="more units than the shape has"),
        pytest.param(
            lambda content: content["layers"][0].update(units=10**400, channels=10**400, shape=[10**400]),
            id="more units than there can be",
        ),
        pytest.param(lambda content: content["layers"][0].update(channels=3), id="channels of another axis"),
        pytest.param(lambda content: content["layers"][0].update(channel_axis=-1), id="no such axis"),
        pytest.param(lambda content: content["layers"][0]["shape"].extend([1] * 100), id="more axes than arrays have"),
        pytest.param(lambda content: content["layers"][1].update(after=[1]), id="a layer that follows itself"),
        pytest.param(lambda content: content["layers"][1].update(after=[-1]), id="a layer that follows none there is"),
    ],
)
def test_a_document_that_breaks_the_format_is_refused(folder, edit):
    change(folder, edit)
    with pytest.raises(OutputError, match=r"result\.json' "):
        Result.load(folder)


def test_a_folder_without_a_result_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(OutputError, match="There is no result in"):
            Result.load(folder)


def test_a_file_for_a_folder_is_refused(folder):
    with pytest.raises(OutputError, match="There is no result in"):
        Result.load(folder / "result.json")


def save_bare(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


def save_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


def save_objects(path: Path) -> None:
    np.savez(path, **{f"{NV}/0000": np.array([{}], dtype=object)})


def save_words(path: Path) -> None:
    np.savez(path, **{f"{NV}/0000": np.array(["a"])})


def save_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def save_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60:120] = bytes(60)
    path.write_bytes(content)


def save_other(path: Path) -> None:
    np.savez(path, other=np.zeros(3))


def save_foreign(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"no array")


@pytest.mark.parametrize(
    "damage",
    [save_bare, save_pickle, save_objects, save_words, save_half, save_flipped, save_other, save_foreign],
    ids=[
        "a bare array",
        "a pickle",
        "pickled objects",
        "words",
        "cut short",
        "overwritten",
        "other arrays",
        "no arrays",
    ],
)
def test_damaged_units_are_refused(folder, damage):
    damage(folder / "units.npz")
    with pytest.raises(OutputError, match=r"units\.npz' "):
        Result.load(folder)


def test_a_result_may_come_without_its_arrays(folder, tmp_path):
    (folder / "units.npz").unlink()
    found = Result.load(folder)
    assert found.lacks_values
    assert found.document == small().document
    with pytest.raises(OutputError, match=r"came without units\.npz"):
        found.values(NV, found.layers[0])
    small().save(tmp_path / "again")
    found.save(tmp_path / "again", overwrite=True)
    assert [each.name for each in (tmp_path / "again").iterdir()] == ["result.json"]


def test_a_result_that_has_no_layer_lacks_no_values():
    assert not Result(small().document.model_copy(update={"layers": []}), {}).lacks_values


def test_a_failed_save_leaves_the_earlier_result(folder, monkeypatch):
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target == folder / "result.json" and self.name == "result.json":
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    changed = small()
    changed = Result(changed.document, {key: values + 1 for key, values in changed.units.items()})
    with pytest.raises(OutputError, match="No space left on device"):
        changed.save(folder, overwrite=True)
    monkeypatch.undo()
    np.testing.assert_array_equal(Result.load(folder).units[f"{NV}/0000"], np.full(4, 0.5))
    assert sorted(each.name for each in folder.iterdir()) == ["result.json", "units.npz"]


def test_a_page_of_an_earlier_result_goes_with_it(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    small().save(folder)
    (folder / "report.html").write_text("earlier")
    (folder / "mine.txt").write_text("mine")
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target == folder / "result.json" and self.suffix != ".earlier":
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OutputError, match="No space left on device"):
        small().save(folder, overwrite=True)
    monkeypatch.undo()
    assert (folder / "report.html").read_text() == "earlier"
    small().save(folder, overwrite=True)
    assert sorted(each.name for each in folder.iterdir()) == ["mine.txt", "result.json", "units.npz"]


@pytest.mark.parametrize("part", [Document, Meta, LayerResult, MeasureSummary])
def test_parts_are_frozen_and_closed(part):
    assert part.model_config["frozen"] is True
    assert part.model_config["extra"] == "forbid"


def save_too_much(path: Path) -> None:
    arrays = {key: np.zeros(1000) for key in small().units}
    np.savez_compressed(path, **arrays)


def save_whole_numbers(path: Path) -> None:
    np.savez_compressed(path, **{key: np.ones(4, np.int64) for key in small().units})


@pytest.mark.parametrize("damage", [save_too_much, save_whole_numbers])
def test_units_that_are_others_than_the_result_tells_of_are_not_unpacked(folder, damage, monkeypatch):
    damage(folder / "units.npz")
    monkeypatch.setattr("onnxinv.units_file.read_member", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(OutputError, match="is not what the result tells of"):
        Result.load(folder)


def test_units_that_nobody_knows_of_are_left_alone(folder):
    np.savez_compressed(folder / "units.npz", **small().units, more=np.zeros(10_000))
    assert list(Result.load(folder).units) == list(small().units)


def test_a_measure_that_tells_nothing_of_its_interval_is_refused(folder):
    change(folder, lambda content: content["layers"][0]["measures"][NV]["ci"].pop("mean"))
    with pytest.raises(OutputError, match="it lacks the interval of the mean"):
        Result.load(folder)


@pytest.mark.parametrize("name", ["result.json", "units.npz"])
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(OutputError, match=r"a device or a pipe|it is no file"):
        Result.load(folder)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused(folder, number):
    path = folder / "result.json"
    path.write_text(path.read_text().replace('"std": 0.1', f'"std": {number}', 1))
    with pytest.raises(OutputError, match=r"is not a result: .*number"):
        Result.load(folder)
