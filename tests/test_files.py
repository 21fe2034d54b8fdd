"""Files are written whole or not at all, and what was there before survives every failure."""

from __future__ import annotations

import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from onnxinv.errors import OutputError
from onnxinv.files import check_file, check_folder, read_file, read_up_to, write_file, write_folder

OLD = {"units.npz": b"old units", "result.json": b"old result"}
NEW = {"units.npz": b"new units", "result.json": b"new result"}


def content(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def write(folder: Path, files: dict[str, bytes], *, overwrite: bool = False) -> None:
    write_folder(folder, files, marker="result.json", overwrite=overwrite)


def fail_rename(monkeypatch: pytest.MonkeyPatch, error: BaseException, *, call: int) -> None:
    """Let the nth renaming fail."""
    original, calls = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == call:
            raise error
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)


def test_a_folder_is_made_and_holds_just_its_files(tmp_path):
    write(tmp_path / "a" / "b", NEW)
    assert content(tmp_path / "a" / "b") == NEW


def test_an_earlier_result_is_refused_unless_it_may_be_replaced(tmp_path):
    write(tmp_path, OLD)
    with pytest.raises(OutputError, match="already holds a result"):
        write(tmp_path, NEW)
    assert content(tmp_path) == OLD
    write(tmp_path, NEW, overwrite=True)
    assert content(tmp_path) == NEW


def test_files_of_others_in_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"mine")
    write(tmp_path, NEW)
    assert content(tmp_path) == {**NEW, "notes.txt": b"mine"}


# Two files are staged, two step aside, two get their names.
@pytest.mark.parametrize("call", range(1, 7), ids=lambda call: f"renaming {call} fails")
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["disk", "interrupt"])
def test_the_earlier_result_survives_wherever_it_fails(tmp_path, monkeypatch, call, error):
    write(tmp_path, OLD)
    fail_rename(monkeypatch, error, call=call)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write(tmp_path, NEW, overwrite=True)
    assert content(tmp_path) == OLD


@pytest.mark.parametrize("call", range(1, 5), ids=lambda call: f"renaming {call} fails")
def test_a_folder_that_was_made_goes_again_where_nothing_could_be_written(tmp_path, monkeypatch, call):
    fail_rename(monkeypatch, OSError(28, "No space left on device"), call=call)
    with pytest.raises(OutputError, match="No space left on device"):
        write(tmp_path / "out", NEW)
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_file(tmp_path / "x", b"new")
    assert content(tmp_path) == {"x": b"old"}


def test_a_file_is_never_seen_half_written(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(path.read_bytes()))
    write_file(path, b"new")
    # The content is flushed before it has the name, and the folder with its names after that.
    assert seen == [b"old", b"new"]


def test_the_folder_of_a_file_is_made(tmp_path):
    check_file(tmp_path / "a" / "b" / "x")
    assert list(tmp_path.iterdir()) == []
    write_file(tmp_path / "a" / "b" / "x", b"1")
    assert (tmp_path / "a" / "b" / "x").read_bytes() == b"1"


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    name = "畳" * 85
    write_file(tmp_path / name, b"1")
    assert content(tmp_path) == {name: b"1"}


def test_what_a_link_points_to_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "x")
    write_file(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "x").read_bytes() == b"1"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_file(pipe)
        write_file(pipe, b"1")
        assert os.read(reader, 10) == b"1"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="the system has no /dev/full")
def test_a_device_that_is_full_is_an_error_and_stays_a_device(tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        write_file(tmp_path / "full", b"1")
    assert Path("/dev/full").is_char_device()
    assert [each.name for each in tmp_path.iterdir()] == ["full"]


@pytest.mark.parametrize("check", [check_file, lambda path: check_folder(path, marker="m", overwrite=False)])
def test_nothing_can_be_made_below_a_file(tmp_path, check):
    (tmp_path / "x").write_bytes(b"1")
    with pytest.raises(OutputError, match=r"is a file, so '.*y' cannot be made"):
        check(tmp_path / "x" / "y")


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    (tmp_path / "x").write_bytes(b"1")
    with pytest.raises(OutputError, match="is a folder, not a file"):
        check_file(tmp_path)
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_folder(tmp_path / "x", marker="m", overwrite=True)


def test_a_place_without_permission_is_refused_before_the_work(tmp_path, monkeypatch):
    def touch(self: Path, *, exist_ok: bool) -> None:  # root may write anywhere, so the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(OutputError, match="Permission denied"):
        check_folder(tmp_path, marker="m", overwrite=False)
    with pytest.raises(OutputError, match="Permission denied"):
        check_file(tmp_path / "x")


def test_looking_leaves_nothing_behind(tmp_path):
    check_folder(tmp_path / "a", marker="m", overwrite=False)
    check_file(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_read_than_there_may_be_and_no_memory_taken_for_more_than_there_is(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 1000)
    tracemalloc.start()
    with (tmp_path / "x").open("rb") as stream:
        assert read_up_to(stream, 2**31) == b"abc" * 1000
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    with (tmp_path / "x").open("rb") as stream:
        assert len(read_up_to(stream, 10)) == 11
    with Path("/dev/zero").open("rb") as stream:
        assert len(read_up_to(stream, 2**20)) == 2**20 + 1


def test_what_is_longer_than_it_may_be_or_no_file_is_not_read(tmp_path):
    (tmp_path / "x").write_bytes(b"abcd")
    assert read_file(tmp_path / "x", 4) == b"abcd"
    with pytest.raises(OSError, match="longer than"):
        read_file(tmp_path / "x", 3)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a device or a pipe"):
        read_file(tmp_path / "pipe")
