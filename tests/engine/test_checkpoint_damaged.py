"""States that are spoiled in any way are refused with a sentence, and what was kept before stays usable."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnxinv.checkpoint import read_checkpoint
from onnxinv.errors import DataError, OutputError
from onnxinv.result import STATE, Result
from onnxinv.statistics.saving import arrays_of
from tests.engine.states import Setting, assert_same, closed


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the disk be full after some files were written."""
    left, real = after, os.fsync

    def full(descriptor: int) -> None:
        nonlocal left
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return
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
        pytest.param('"groups": 6', '"groups": 4611686018427387904', "is damaged", id="groups beyond all measure"),
        pytest.param('"places": 1', '"places": 4611686018427387904', "is damaged", id="classes beyond all measure"),
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
    with pytest.raises(OutputError, match="Nothing can be written to"):
        halfway.run("other")


def test_a_sample_that_cannot_be_read_ends_the_run_and_what_was_kept_stays(halfway: Setting) -> None:
    stored = dict(np.load(halfway.data))
    before = closed(halfway)
    stored["x"][5] = np.nan
    np.savez(halfway.data, **stored)
    with pytest.raises((DataError, OutputError)):
        halfway.run("out")
    assert closed(halfway) == before
