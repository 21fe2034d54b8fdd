"""Shards of a measurement, in any order, are merged into what one run finds; what does not belong together is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnxinv.api import analyze, compare
from onnxinv.checkpoint import read_checkpoint
from onnxinv.errors import ModelError, OutputError, UsageError
from onnxinv.merge import merge
from onnxinv.result import STATE, Result
from onnxinv.state_files import read_arrays, write_arrays
from onnxinv.version import __version__
from tests.engine.states import ALL, SOME, VARIANTS, Setting, assert_same, few_kept_units
from tests.networks import save_text


@pytest.fixture(scope="module")
def thirds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Setting, list[Path], Result]:
    """A measurement in three shards, and as one run."""
    setting = Setting.save(tmp_path_factory.mktemp("thirds"))
    return setting, setting.shards(3), setting.run("whole")


@pytest.mark.parametrize("options", VARIANTS)
def test_two_shards_one_of_which_was_interrupted_find_what_one_run_finds(
    setting: Setting, options: dict[str, Any]
) -> None:
    whole = setting.run("whole", **options)
    setting.interrupted("2of2", 12 if "batch" in options else 2, shard="2/2", **options)
    # Some measures must know all samples beforehand, in each shard.
    assert_same(merge(setting.shards(2, **options)[::-1]), whole, inferences="measures" not in options)


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=lambda order: "-".join(str(each + 1) for each in order)
)
def test_shards_are_merged_in_any_order(thirds: tuple[Setting, list[Path], Result], order: tuple[int, ...]) -> None:
    _, folders, whole = thirds
    assert_same(merge([folders[place] for place in order]), whole)


def test_as_many_shards_as_groups_find_what_one_run_finds(setting: Setting) -> None:
    assert_same(merge(setting.shards(8, groups=8)), setting.run("whole", groups=8))


def test_shards_in_several_chunks_of_layers_are_merged(setting: Setting) -> None:
    options = {**ALL, "memory": "2MiB"}
    whole = setting.run("whole", **options)
    assert whole.meta.runtime.schedule == "samples first, 2 chunks"
    assert_same(merge(setting.shards(2, **options)), whole, inferences=False)


@pytest.mark.parametrize("options", [SOME, {"stratify": True}], ids=["some measures", "class by class"])
def test_sums_over_all_units_are_merged_where_group_states_are_of_some(setting, monkeypatch, options) -> None:
    few_kept_units(monkeypatch)
    whole = setting.run("whole", **options)
    assert whole.meta.options.interval_units == 40
    assert_same(merge(setting.shards(2, **options)), whole, inferences=False)


def test_activations_that_are_not_finite_are_merged(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    stored["x"][3, 0, 2, 2] = 3e38
    np.savez(setting.data, **stored)
    options = {**ALL, "layers": ("c", "r", "p")}
    whole = setting.run("whole", **options)
    assert any("nan" in warning for warning in whole.meta.warnings)
    assert_same(merge(setting.shards(2, **options)), whole, inferences=False)


def test_what_has_nothing_finite_together_is_refused_as_one_run_would_be(tmp_path: Path) -> None:
    setting = Setting.save(tmp_path, samples=6)
    save_text(setting.model, "net (float[n,1,8,8] image) => (float[n,1,8,8] y) { y = Mul(image, image) }")
    stored, order = dict(np.load(setting.data)), np.random.default_rng(0).permutation(6)
    stored["x"][order[0], ..., :4], stored["x"][order[-1], ..., 4:] = 1e30, 1e30
    np.savez(setting.data, **stored)
    options = {"groups": 2, "aggregate": "unit", "transforms": "brightness:steps=2"}
    folders = setting.shards(2, **options)
    with pytest.raises(ModelError, match="No unit of the outputs of"):
        setting.run("whole", **options)
    with pytest.raises(ModelError, match="No unit of the outputs of"):
        merge(folders)


def test_a_shard_of_one_sample_tells_little_and_is_merged(tmp_path: Path) -> None:
    setting = Setting.save(tmp_path, samples=3)
    options = {"groups": 2, **ALL}
    folders = setting.shards(2, **options)
    assert Result.load(folders[1]).layers[-1].measures["normalized-variance"].mean is None
    assert_same(merge(folders), setting.run("whole", **options), inferences=False)


def test_one_run_whose_states_were_kept_merges_to_itself(setting: Setting) -> None:
    for options in ({}, {"precision": 0.6}):
        whole = setting.run("out", **options)
        assert_same(merge([setting.folder / "out"]), whole)
        shutil.rmtree(setting.folder / "out")


def test_neither_model_nor_data_nor_transforms_are_needed(setting: Setting) -> None:
    file = setting.folder / "mine.py"
    file.write_text("def f():\n    return [lambda x: x, lambda x: x / 2]\n")
    options = {"transforms": f"{file}:f"}
    whole, folders = setting.run("whole", **options), setting.shards(2, **options)
    for each in (setting.model, setting.data, file):
        each.unlink()
    assert_same(merge(folders), whole)


def test_shards_may_be_measured_where_the_files_lie_elsewhere(tmp_path: Path) -> None:
    one, other = Setting.save(tmp_path / "a"), Setting.save(tmp_path / "b")
    one.run("1of2", shard="1/2")
    other.run("2of2", shard="2/2")
    found = merge([tmp_path / "a" / "1of2", tmp_path / "b" / "2of2"])
    assert_same(found, one.run("whole"))


def test_the_result_of_a_shard_says_so(thirds: tuple[Setting, list[Path], Result]) -> None:
    _, folders, whole = thirds
    found = Result.load(folders[1])
    assert found.meta.options.shard == "2/3"
    assert found.meta.warnings[0] == "This is shard 2/3 alone: onnxinv merge makes one result of all."
    assert found.meta.options.groups == 2
    merged = merge(folders)
    assert merged.meta.options.shard is None
    assert not any("shard" in warning for warning in merged.meta.warnings)
    assert whole.meta.options.shard is None


def test_what_took_the_time_is_that_of_all_shards(thirds: tuple[Setting, list[Path], Result]) -> None:
    _, folders, _ = thirds
    timings = [Result.load(folder).meta.timing for folder in folders]
    merged = merge(folders).meta.timing
    assert merged.seconds == pytest.approx(sum(each.seconds for each in timings))
    assert sum(merged.shares.values()) == pytest.approx(1, abs=0.01)
    assert merged.shares["inference"] == pytest.approx(
        sum(each.shares["inference"] * each.seconds for each in timings) / merged.seconds, abs=1e-3
    )


def test_shards_are_compared_with_the_same_shard_of_another_model_only(tmp_path: Path) -> None:
    one, other = Setting.save(tmp_path / "a"), Setting.save(tmp_path / "b")
    Setting.save(tmp_path / "c", seed=1).model.replace(other.model)
    first, second, whole = one.run("1", shard="1/2"), other.run("1", shard="1/2"), other.run("whole")
    assert compare([first, second]).comparisons
    for not_alike in (whole, other.run("2", shard="2/2")):
        with pytest.raises(UsageError, match="different samples"):
            compare([first, not_alike])


def copied(folders: list[Path], there: Path) -> list[Path]:
    return [Path(shutil.copytree(folder, there / folder.name)) for folder in folders]


def lacking(folders: list[Path]) -> list[Path]:
    return [folders[0], folders[2]]


def twice(folders: list[Path]) -> list[Path]:
    return [*folders, folders[1]]


def unfinished(folders: list[Path]) -> list[Path]:
    (folders[1] / "result.json").unlink()
    return folders


def without_states(folders: list[Path]) -> list[Path]:
    shutil.rmtree(folders[1] / STATE)
    return folders


def another_result(folders: list[Path]) -> list[Path]:
    shutil.copy(folders[0] / "result.json", folders[1] / "result.json")
    return folders


def damaged_states(folders: list[Path]) -> list[Path]:
    (folders[1] / STATE / "chunk-0-group-1.npz").write_bytes(b"PK")
    return folders


def damaged_sketch(folders: list[Path]) -> list[Path]:
    (folders[0] / STATE / "chunk-0-subjects.npz").write_bytes(b"PK")
    return folders


def sketch_of_another_layer(folders: list[Path]) -> list[Path]:
    """As somebody writes one who writes the manifest, too."""
    checkpoint = read_checkpoint(folders[0] / STATE)
    assert checkpoint is not None
    stored = checkpoint.manifest.chunks[0]
    arrays = read_arrays(checkpoint.folder, stored)
    told = write_arrays(checkpoint.folder, stored.file, {**arrays, "1/places": np.full_like(arrays["1/places"], 1e9)})
    manifest = checkpoint.folder / "state.json"
    manifest.write_text(manifest.read_text().replace(stored.digest, told.digest))
    return folders


def damaged_result(folders: list[Path]) -> list[Path]:
    (folders[1] / "result.json").write_text("{")
    return folders


def older_states(folders: list[Path]) -> list[Path]:
    for folder in folders:
        manifest = folder / STATE / "state.json"
        manifest.write_text(manifest.read_text().replace(f'"{__version__}"', '"0.0.1"'))
    return folders


def no_folder(folders: list[Path]) -> list[Path]:
    return [*folders, folders[0].parent / "nowhere"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lacking, "2 of 6 groups are missing: those of shard 2/3.", id="missing"),
        pytest.param(twice, "2of3' both hold group 2: shard 2/3 is given twice", id="twice"),
        pytest.param(unfinished, "2of3' is not finished", id="unfinished"),
        pytest.param(without_states, "2of3' holds no states to be merged", id="no states"),
        pytest.param(another_result, "The result in '{}/2of3' is not that of its states", id="another result"),
        pytest.param(damaged_states, "chunk-0-group-1.npz' cannot be read", id="damaged states"),
        pytest.param(damaged_sketch, "chunk-0-subjects.npz' cannot be read", id="damaged subjects"),
        pytest.param(sketch_of_another_layer, "1of3' do not fit together: IndexError", id="subjects of another layer"),
        pytest.param(damaged_result, "2of3/result.json' is not a result", id="damaged result"),
        pytest.param(older_states, "1of3' are of onnxinv 0.0.1, and this is", id="another version"),
        pytest.param(no_folder, "There is no folder '{}/nowhere'", id="no folder"),
    ],
)
def test_what_cannot_be_merged_is_named(
    thirds: tuple[Setting, list[Path], Result], tmp_path: Path, spoil: Callable[[list[Path]], list[Path]], says: str
) -> None:
    with pytest.raises(OutputError) as refused:
        merge(spoil(copied(thirds[1], tmp_path)))
    assert says.format(tmp_path) in refused.value.message
    assert refused.value.hint


def test_states_are_not_blamed_where_memory_runs_out(
    thirds: tuple[Setting, list[Path], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("onnxinv.merge.finish", exhausted)
    with pytest.raises(OutputError, match="not memory enough to merge"):
        merge(thirds[1])


def test_shards_of_different_numbers_that_overlap_are_named(thirds: tuple[Setting, list[Path], Result]) -> None:
    setting, folders, _ = thirds
    setting.run("1of2", shard="1/2")
    with pytest.raises(OutputError, match="both hold group 1: shard 1/2 is given twice, or shards of different"):
        merge([*folders, setting.folder / "1of2"])


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"seed": 1}, "choice of samples"),
        ({"measures": ("anova",)}, "measures"),
        ({"transforms": "flip"}, "transforms"),
        ({"layers": ("y",)}, "layers"),
    ],
    ids=["seed", "measures", "transforms", "layers"],
)
def test_a_shard_of_another_measurement_is_named(
    thirds: tuple[Setting, list[Path], Result], options: dict[str, Any], what: str
) -> None:
    setting, folders, _ = thirds
    setting.run(f"foreign-{what}", shard="2/3", **options)
    with pytest.raises(OutputError, match=rf"foreign-{what}' are of different measurements; what differs is: {what}"):
        merge([folders[0], setting.folder / f"foreign-{what}", folders[2]])


def test_a_shard_of_other_data_is_named(thirds: tuple[Setting, list[Path], Result], tmp_path: Path) -> None:
    setting, folders, _ = thirds
    other = tmp_path / "x.npz"
    stored = dict(np.load(setting.data))
    np.savez(other, **{**stored, "x": stored["x"] * 0.5})
    setting.run("foreign-data", shard="2/3", data=other)
    with pytest.raises(OutputError, match="what differs is: content of the data"):
        merge([folders[0], setting.folder / "foreign-data", folders[2]])


@pytest.mark.parametrize(
    ("options", "says", "hint"),
    [
        ({"shard": "1/7"}, "6 groups and 7 shards", "--groups 7"),
        ({"shard": "3/2"}, "shard 3 of 2 is none", ""),
        ({"shard": "0/2"}, "shard", ""),
        ({"shard": "a/b"}, "shard", ""),
        ({"shard": "1/0"}, "shard", ""),
        ({"shard": "1/2", "precision": 0.1}, "precise enough", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_shards_that_cannot_be_are_refused(setting: Setting, options: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        analyze(setting.model, setting.data, "flip", groups=6, device="cpu", **options)
    assert hint in refused.value.hint


def test_a_shard_without_a_sample_of_some_class_is_refused(tmp_path: Path) -> None:
    setting = Setting.save(tmp_path, samples=4)
    with pytest.raises(UsageError, match="would hold no sample of the class '1'") as refused:
        setting.shards(2, groups=3, stratify=True)
    assert refused.value.hint


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(
    samples=st.integers(4, 20),
    groups=st.integers(2, 9),
    shards=st.integers(1, 3),
    stratify=st.booleans(),
    data=st.data(),
)
def test_however_samples_are_cut_shards_find_what_one_run_finds(
    tmp_path_factory: pytest.TempPathFactory,
    samples: int,
    groups: int,
    shards: int,
    stratify: bool,
    data: st.DataObject,
) -> None:
    # Every group has a sample of both classes.
    groups = min(groups, samples // 2) if stratify else groups
    shards = min(shards, groups, samples)
    setting = Setting.save(tmp_path_factory.mktemp("cut"), samples=samples)
    options = {"groups": groups, "layers": ("r", "y"), "stratify": stratify}
    order = data.draw(st.permutations(range(shards)))
    folders = setting.shards(shards, **options)
    assert_same(merge([folders[place] for place in order]), setting.run("whole", **options))
