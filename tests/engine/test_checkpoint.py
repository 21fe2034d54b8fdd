"""A run that was interrupted goes on from its closed groups, and finds what an undisturbed one finds."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnxinv.checkpoint import read_checkpoint
from onnxinv.errors import DataError, OutputError, UsageError
from onnxinv.result import STATE, Result
from onnxinv.statistics.saving import arrays_of
from tests.engine.states import ALL, SOME, Setting, assert_same, few_kept_units

GROUPS = 6


def closed(setting: Setting, out: str = "out") -> int:
    """Return how many groups are kept, over all chunks of layers."""
    checkpoint = read_checkpoint(setting.folder / out / STATE)
    return 0 if checkpoint is None else len(checkpoint.manifest.entries)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting.save(tmp_path)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Setting, Result]:
    """A measurement that nothing disturbed, and the folder `half` of one that was interrupted."""
    setting = Setting.save(tmp_path_factory.mktemp("usual"))
    setting.interrupted("half", 4)
    assert 0 < closed(setting, "half") < GROUPS
    return setting, setting.run("undisturbed")


@pytest.fixture
def halfway(usual: tuple[Setting, Result], tmp_path: Path) -> Setting:
    """A measurement in `out` that was interrupted."""
    there = usual[0].folder
    for name in ("net.onnx", "x.npz"):
        shutil.copy(there / name, tmp_path)
    shutil.copytree(there / "half" / STATE, tmp_path / "out" / STATE)
    return Setting(tmp_path, tmp_path / "net.onnx", tmp_path / "x.npz")


@pytest.mark.parametrize("options", [{}, ALL], ids=["default measures", "all measures"])
def test_an_interrupted_run_finds_what_an_undisturbed_one_finds(setting: Setting, options: dict[str, Any]) -> None:
    undisturbed = setting.run("undisturbed", **options)
    setting.interrupted("out", 3, **options)
    assert 0 < closed(setting) < GROUPS
    assert_same(setting.run("out", **options), undisturbed)


def test_it_does_not_matter_where_and_how_often_a_run_is_interrupted(usual: tuple[Setting, Result]) -> None:
    (setting, undisturbed), before = usual, []
    for told in range(GROUPS):
        setting.interrupted("often", told)
        before.append(closed(setting, "often"))
    assert before == sorted(before)
    assert before[0] == 0
    assert before[-1] > 3
    assert_same(setting.run("often"), undisturbed)


def test_nothing_is_measured_again_once_all_groups_are_closed(usual: tuple[Setting, Result], monkeypatch) -> None:
    setting, whole = usual

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be measured")

    monkeypatch.setattr("onnxinv.engine.Desks", refuse)
    assert_same(setting.run("undisturbed"), whole)


def test_a_run_in_several_chunks_of_layers_goes_on_in_the_one_that_it_was_in(setting: Setting) -> None:
    options = {**ALL, "memory": "2MiB"}
    undisturbed = setting.run("undisturbed", **options)
    assert undisturbed.meta.runtime.schedule == "samples first, 2 chunks"
    setting.interrupted("out", 2, **options)
    assert 0 < closed(setting) < GROUPS
    setting.interrupted("out", 9, **options)
    assert GROUPS <= closed(setting) < 2 * GROUPS
    assert_same(setting.run("out", **options), undisturbed)


@pytest.mark.parametrize("options", [SOME, {"stratify": True}], ids=["some measures", "class by class"])
def test_sums_over_all_units_go_on_where_group_states_are_of_some(setting: Setting, monkeypatch, options) -> None:
    few_kept_units(monkeypatch)
    undisturbed = setting.run("undisturbed", **options)
    assert undisturbed.meta.options.interval_units == 40
    setting.interrupted("out", 3, **options)
    folder = setting.folder / "out" / STATE
    assert len(list(folder.glob("*-up-to-*.npz"))) == 1
    assert_same(setting.run("out", **options), undisturbed)
    assert len(list(folder.glob("*-up-to-*.npz"))) == 1


def test_a_run_that_is_precise_enough_ends_after_the_same_group(setting: Setting) -> None:
    undisturbed = setting.run("undisturbed", precision=0.6)
    assert undisturbed.meta.options.groups == 4
    setting.interrupted("out", 3, precision=0.6)
    assert_same(setting.run("out", precision=0.6), undisturbed)
    assert_same(setting.run("out", precision=0.6), undisturbed)


def test_pictures_are_those_of_an_undisturbed_run(setting: Setting) -> None:
    undisturbed = setting.run("undisturbed", keep_units=2)
    setting.interrupted("out", 3, keep_units=2)
    found = setting.run("out", keep_units=2)
    assert found.pictures is not None
    assert undisturbed.pictures is not None
    assert found.pictures.to_bytes() == undisturbed.pictures.to_bytes()


def test_activations_that_are_not_finite_come_back(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    stored["x"][3, 0, 2, 2] = 3e38
    np.savez(setting.data, **stored)
    options = {**ALL, "layers": ("c", "r", "p")}
    undisturbed = setting.run("undisturbed", **options)
    assert any(summary.nan for layer in undisturbed.layers for summary in layer.measures.values())
    setting.interrupted("out", 4, **options)
    assert_same(setting.run("out", **options), undisturbed)


def test_what_a_killed_process_left_half_written_does_no_harm(usual: tuple[Setting, Result]) -> None:
    setting, undisturbed = usual
    setting.interrupted("killed", 3)
    folder = setting.folder / "killed" / STATE
    for name in (".onnxinv.0123abcd.partial", f"chunk-0-group-{closed(setting, 'killed')}.npz"):
        (folder / name).write_bytes(b"PK\x03\x04 half of it")
    assert_same(setting.run("killed"), undisturbed)


def other_images(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    np.savez(setting.data, **{**stored, "x": stored["x"][::-1]})


def other_labels(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    np.savez(setting.data, **{**stored, "y": 1 - stored["y"]})


def other_weights(setting: Setting) -> None:
    Setting.save(setting.folder / "other", seed=1).model.replace(setting.model)


def nothing(setting: Setting) -> None:
    """Leave the files as they are."""


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        pytest.param(other_weights, {}, "model (", id="model"),
        pytest.param(other_images, {}, "content of the data.", id="images"),
        pytest.param(other_labels, {}, "content of the data.", id="labels"),
        pytest.param(nothing, {"samples": 20}, "number of samples (26 there, 20 here)", id="number of samples"),
        pytest.param(nothing, {"groups": 7}, "number of groups (6 there, 7 here)", id="groups"),
        pytest.param(nothing, {"seed": 1}, "choice of samples.", id="seed"),
        pytest.param(nothing, {"transforms": "flip"}, "transforms (rotation:steps=4,degrees=360 there, flip", id="set"),
        pytest.param(nothing, {"measures": ("anova",)}, "measures (normalized-variance, ", id="measures"),
        pytest.param(nothing, {"aggregate": "unit"}, "option aggregate (channel there, unit here)", id="aggregate"),
        pytest.param(nothing, {"precision": 0.1}, "option precision (None there, 0.1 here)", id="precision"),
        pytest.param(nothing, {"sample_units": 5}, "option sample_units (None there, 5 here)", id="positions"),
        pytest.param(nothing, {"reduce": "host"}, "option reduce (auto there, host here)", id="reduce"),
        pytest.param(nothing, {"layers": ("c", "y")}, "layers.", id="layers"),
        pytest.param(nothing, {"mean": (0.5,)}, "preprocessing.", id="preprocessing"),
        pytest.param(nothing, {"shard": "1/2"}, "shard (1/1 there, 1/2 here)", id="shard"),
    ],
)
def test_states_of_another_measurement_are_refused_by_what_differs(halfway: Setting, change, options, what) -> None:
    change(halfway)
    with pytest.raises(OutputError) as refused:
        halfway.run("out", **options)
    folder = halfway.folder / "out" / STATE
    assert f"'{folder}' are of another measurement; what differs is: {what}" in str(refused.value)
    assert refused.value.hint
    assert closed(halfway) > 0


def test_chunks_of_layers_that_another_memory_makes_are_refused_with_the_options_that_decide(setting: Setting) -> None:
    setting.interrupted("out", 3, **ALL)
    with pytest.raises(OutputError, match="layers measured together") as refused:
        setting.run("out", **ALL, memory="2MiB")
    assert "--memory" in refused.value.hint


def test_a_file_of_transforms_is_known_by_what_is_in_it(setting: Setting) -> None:
    file = setting.folder / "mine.py"
    code = "import numpy as np\n\n\ndef f():\n    return [lambda x: x, lambda x: {}]\n"
    file.write_text(code.format("x / 2"))
    options = {"transforms": f"{file}:f"}
    undisturbed = setting.run("undisturbed", **options)
    setting.interrupted("out", 3, **options)
    file.write_text(code.format("x / 3"))
    with pytest.raises(OutputError, match=r"what differs is: code of the transforms\."):
        setting.run("out", **options)
    other = setting.folder / "elsewhere"
    other.mkdir()
    (other / "mine.py").write_text(code.format("x / 2"))
    found = setting.run("out", transforms=f"{other / 'mine.py'}:f")
    for key, values in undisturbed.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-12)


def test_data_are_known_by_what_is_in_them_wherever_they_lie(halfway: Setting, usual: tuple[Setting, Result]) -> None:
    moved = halfway.folder / "moved.npz"
    halfway.data.replace(moved)
    assert halfway.run("out", data=moved).meta.data.digest == usual[1].meta.data.digest


def test_a_sample_of_a_closed_group_that_has_changed_is_noticed(tmp_path: Path) -> None:
    setting = Setting.save(tmp_path, samples=200)
    setting.interrupted("out", 12, batch=32)
    checkpoint = read_checkpoint(tmp_path / "out" / STATE)
    assert checkpoint is not None
    looked_at = np.linspace(0, 199, 16).round()
    changed = next(index for index in checkpoint.samples(checkpoint.entries(0)[0]) if index not in looked_at)
    stored = dict(np.load(setting.data))
    stored["x"][changed] += 1
    np.savez(setting.data, **stored)
    with pytest.raises(OutputError, match="The samples of group 1 are not those whose states are in"):
        setting.run("out", batch=32)


def test_weights_beside_the_model_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    import onnx

    setting = Setting.save(tmp_path)
    model = onnx.load(setting.model)
    onnx.save(model, setting.model, save_as_external_data=True, location="net.data", size_threshold=0)
    undisturbed = setting.run("undisturbed")
    setting.interrupted("out", 3)
    weights = tmp_path / "net.data"
    before = weights.read_bytes()
    weights.write_bytes(np.frombuffer(before, np.float32).__mul__(2).astype(np.float32).tobytes())
    with pytest.raises(OutputError, match=r"what differs is: weights beside the model\."):
        setting.run("out")
    weights.write_bytes(before)
    assert_same(setting.run("out"), undisturbed)


def test_numbers_that_an_input_is_held_at_are_known_by_what_they_are(tmp_path: Path) -> None:
    from tests.networks import save_text

    text = "net (float[n,1,8,8] image, float[n,1] s) => (float[n,1,8,8] y) { f = Unsqueeze(s, a)  y = Mul(image, f) }"
    base = Setting.save(tmp_path)
    save_text(base.model, text.replace("f = Unsqueeze(s, a)", "f = Reshape(s, a)"), a=np.array([-1, 1, 1, 1]))
    np.save(tmp_path / "s.npy", np.array([[2.0]], np.float32))
    options = {"set_input": (f"s={tmp_path / 's.npy'}",)}
    base.interrupted("out", 3, **options)
    np.save(tmp_path / "s.npy", np.array([[3.0]], np.float32))
    with pytest.raises(OutputError, match=r"what differs is: constant inputs\."):
        base.run("out", **options)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the disk be full after some files were written."""
    left, real = after, os.fsync

    def full(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.parametrize("files", [0, 1, 2, 5])
def test_a_full_disk_is_said_and_what_was_kept_stays(usual: tuple[Setting, Result], files: int) -> None:
    (setting, undisturbed), out = usual, f"full{files}"
    with pytest.MonkeyPatch.context() as patched:
        fill_the_disk(patched, files)
        with pytest.raises(OutputError, match="cannot be written: No space left on device") as refused:
            setting.run(out)
    assert "--resume" in refused.value.hint
    # The subjects first, then a file of states and the manifest for each group.
    assert closed(setting, out) == max(0, files - 1) // 2
    assert not list((setting.folder / out / STATE).glob("*.partial"))
    assert_same(setting.run(out), undisturbed)


def manifest(halfway: Setting) -> Path:
    return halfway.folder / "out" / STATE / "state.json"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param('"format": 1', '"format": 2', "has format 2", id="newer"),
        pytest.param('"format": 1', '"format": "1"', "is damaged", id="format of another type"),
        pytest.param('"format": 1,', "", "is damaged", id="no format"),
        pytest.param('"format": 1', '"format": 1, "more": 2', "is damaged", id="foreign key"),
        pytest.param("chunk-0-group-0.npz", "../x.npz", "is damaged", id="a path"),
        pytest.param("chunk-0-group-0.npz", "/etc/x.npz", "is damaged", id="an absolute path"),
        pytest.param("chunk-0-group-0.npz", "chunk-0-group-0.npz\\n", "is damaged", id="a line break"),
        pytest.param("chunk-0-group-0.npz", "chunk-0-group-1.npz", "it is not what was written", id="another file"),
        pytest.param("chunk-0-group-0.npz", "nothing.npz", "No such file", id="no file"),
        pytest.param('"group": 0', '"group": 5', "is damaged", id="another group"),
        pytest.param('"chunk": 0', '"chunk": 3', "is damaged", id="another chunk"),
        pytest.param('"shard": "1/1"', '"shard": "3/2"', "is damaged", id="no such shard"),
        pytest.param('"seconds": ', '"seconds": -', "is damaged", id="before it began"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(halfway: Setting, old: str, new: str, says: str) -> None:
    assert old in manifest(halfway).read_text()
    manifest(halfway).write_text(manifest(halfway).read_text().replace(old, new, 1))
    with pytest.raises(OutputError, match=says) as refused:
        halfway.run("out")
    assert refused.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe{}", b"[" * 100_000], ids=repr)
def test_a_manifest_that_is_none_is_refused(halfway: Setting, content: bytes) -> None:
    manifest(halfway).write_bytes(content)
    with pytest.raises(OutputError, match=r"state\.json' (is damaged|cannot be read)"):
        halfway.run("out")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def pickle(path: Path) -> None:
    np.savez(path, samples=np.array([{"a": 1}], dtype=object))


def of_other_shapes(path: Path) -> None:
    with np.load(path) as stored:
        np.savez(path, **{name: np.atleast_1d(array)[:1] for name, array in stored.items()})


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [cut, flip_a_bit, pickle, of_other_shapes, folder, Path.unlink, lambda path: path.write_bytes(b"no archive")],
    ids=["cut short", "a bit flipped", "a pickle", "other shapes", "a folder", "missing", "no archive"],
)
def test_states_that_are_damaged_are_refused(halfway: Setting, damage) -> None:
    file = halfway.folder / "out" / STATE / "chunk-0-group-0.npz"
    damage(file)
    with pytest.raises(OutputError, match="cannot be read") as refused:
        halfway.run("out")
    assert str(file) in refused.value.message
    assert refused.value.hint == "Remove the folder of states, and measure again."


def everything_in(folder: Path) -> dict[str, np.ndarray]:
    """Return all arrays that a folder of states holds."""
    checkpoint = read_checkpoint(folder)
    assert checkpoint is not None
    found: dict[str, np.ndarray] = {}
    for chunk in range(len(checkpoint.manifest.chunks)):
        subjects = checkpoint.described(chunk)
        found |= {f"places/{chunk}/{number}": sketch.places for number, (sketch, _) in enumerate(subjects)}
        for entry in checkpoint.entries(chunk):
            checkpoint.samples(entry)
            groups = checkpoint.groups(entry, len(subjects), checkpoint.manifest.places)
            for number, parts in enumerate(groups):
                for state in filter(None, parts):
                    told = f"{chunk}/{entry.group}/{number}"
                    found |= {f"{told}/{name}": array for name, array in arrays_of(state).items()}
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_to_a_file_it_is_refused_or_harmless(halfway: Setting, data: st.DataObject) -> None:
    there = halfway.folder / "out" / STATE
    path = data.draw(st.sampled_from(sorted(there.iterdir())))
    before, expected = path.read_bytes(), everything_in(there)
    place = data.draw(st.integers(0, len(before) - 1))
    piece = data.draw(st.binary(max_size=4))
    path.write_bytes(before[:place] + piece + before[place + data.draw(st.sampled_from([0, 1, len(piece), 10**9])) :])
    with suppress(OutputError):
        found = everything_in(there)
        if path.suffix == ".npz":
            assert list(found) == list(expected)
            for name, array in expected.items():
                np.testing.assert_array_equal(found[name], array, err_msg=name)
    path.write_bytes(before)


def test_a_folder_of_states_that_is_a_file_is_refused(halfway: Setting) -> None:
    (halfway.folder / "other").mkdir()
    (halfway.folder / "other" / STATE).write_text("")
    with pytest.raises(OutputError, match="Not a directory"):
        halfway.run("other")


def test_a_sample_that_cannot_be_read_ends_the_run_and_what_was_kept_stays(halfway: Setting) -> None:
    stored = dict(np.load(halfway.data))
    before = closed(halfway)
    stored["x"][5] = np.nan
    np.savez(halfway.data, **stored)
    with pytest.raises((DataError, OutputError)):
        halfway.run("out")
    assert closed(halfway) == before


def test_states_are_for_one_model_so_comparing_does_not_take_them(setting: Setting) -> None:
    from onnxinv.api import compare

    for option in ({"state": setting.folder / "s"}, {"shard": "1/2"}):
        with pytest.raises(UsageError, match="as a whole"):
            compare([setting.model, setting.model], setting.data, "flip", **option)


@pytest.mark.parametrize("key", ["state", "shard"])
def test_a_check_is_measured_as_a_whole(setting: Setting, key: str) -> None:
    from onnxinv.api import check

    with pytest.raises(UsageError, match="a check measures a run as a whole"):
        check(setting.model, setting.data, "flip", ["normalized-variance:max=2"], **{key: "1/2"})
