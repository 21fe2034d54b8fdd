"""A command that was interrupted or killed goes on with --resume, and shards are merged on the command line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onnxinv.checkpoint import read_checkpoint
from onnxinv.commands.states import forget_earlier
from onnxinv.occupied import occupied
from onnxinv.result import Result
from tests.engine.states import assert_same
from tests.networks import DIGITS
from tests.reports.command import PLAIN, analyze, assert_refused, command

ONNXINV = [sys.executable, "-m", "onnxinv"]
posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")
LAYERS = ("--layers", "fc*", "--layers", "conv5")
WORK = [
    *("analyze", str(PLAIN), "--data", str(DIGITS), "--samples", "120", "--transform", "rotation:steps=16"),
    *("--groups", "12", "--threads", "1", "--device", "cpu", *LAYERS, "--resume"),
]


def closed(out: Path) -> int:
    """Return how many groups are kept."""
    checkpoint = read_checkpoint(out / "state")
    return 0 if checkpoint is None else len(checkpoint.manifest.entries)


@contextmanager
def working(out: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a command at work, in a process group of its own."""
    line = [*ONNXINV, *WORK, "-o", str(out), *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(process: subprocess.Popen[bytes], out: Path, groups: int) -> None:
    """Wait until so many groups are kept."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if closed(out) >= groups:
            return
        time.sleep(0.005)
    raise TimeoutError(f"{groups} groups are not kept")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run([*ONNXINV, *WORK, "-o", str(out), "--quiet"], check=True)
    return Result.load(out)


@posix
def test_a_run_that_is_killed_again_and_again_finds_what_an_undisturbed_one_finds(tmp_path, undisturbed):
    out = tmp_path / "out"
    for groups in (1, 7):
        with working(out, "--quiet") as process:
            wait_for(process, out, groups)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        assert groups <= closed(out) < 12
        assert not (out / "result.json").exists()
    done = subprocess.run([*ONNXINV, *WORK, "-o", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of 12 groups, whose states are in" in done.stderr
    assert_same(Result.load(out), undisturbed)
    assert sorted(each.name for each in out.iterdir()) == ["pictures.npz", "report.html", "result.json", "units.npz"]


@posix
def test_a_run_that_was_interrupted_goes_on(tmp_path, undisturbed):
    out = tmp_path / "out"
    for groups, number, code in ((2, signal.SIGINT, 130), (5, signal.SIGTERM, -signal.SIGTERM)):
        with working(out) as process:
            wait_for(process, out, groups)
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode == code
        assert groups <= closed(out) < 12
    subprocess.run([*ONNXINV, *WORK, "-o", str(out), "--quiet"], check=True)
    assert_same(Result.load(out), undisturbed)


@posix
def test_a_disk_that_fills_up_is_said_in_one_sentence(tmp_path):
    """Files are limited to 4 kB here, and groups are larger."""
    out = tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
    code = f"{limit}from onnxinv.cli import main; main()"
    line = [sys.executable, "-c", code, *WORK, "-o", str(out), "--quiet"]
    failed = subprocess.run(line, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    error, hint = failed.stderr.splitlines()
    assert error.startswith(f"Error: '{out / 'state'}")
    assert error.endswith("cannot be written: File too large.")
    assert "--resume" in hint
    assert not list((out / "state").glob("*.partial"))


@pytest.mark.parametrize("option", [("--resume",), ("--keep-state",), ("--shard", "1/2")], ids=lambda each: each[0])
def test_states_need_a_folder(capsys, option):
    assert_refused(analyze(capsys, *option), f"{option[0]} keeps states in the folder of the result", "Add -o DIR.")


def test_states_go_when_the_result_is_there(capsys, tmp_path):
    assert analyze(capsys, "--resume", "-o", tmp_path / "out").status == 0
    assert not (tmp_path / "out" / "state").exists()


def test_states_stay_where_they_are_to_be_kept(capsys, tmp_path):
    for out, options in (("kept", ("--keep-state",)), ("shard", ("--shard", "2/2"))):
        assert analyze(capsys, *options, "-o", tmp_path / out).status == 0
        assert closed(tmp_path / out) > 0


def test_how_much_is_there_is_said_and_not_measured_again(capsys, tmp_path):
    out = tmp_path / "out"
    analyze(capsys, "--keep-state", "-o", out)
    told = analyze(capsys, "--resume", "--overwrite", "--keep-state", "-o", out)
    assert told.status == 0
    assert f"Going on after 4 of 4 groups, whose states are in {out / 'state'}." in told.err
    assert "Going on" not in analyze(capsys, "--resume", "-o", tmp_path / "fresh").err
    shutil.rmtree(out)
    analyze(capsys, "--shard", "1/2", "-o", out)
    told = analyze(capsys, "--shard", "1/2", "--resume", "--overwrite", "-o", out)
    assert "Going on after 2 of 2 groups" in told.err


def test_states_that_are_there_are_neither_overwritten_nor_left_beside_another_result(capsys, tmp_path):
    out = tmp_path / "out"
    analyze(capsys, "--keep-state", "-o", out)
    (out / "result.json").unlink()
    before = closed(out)
    for options in ((), ("--keep-state",), ("--shard", "1/2")):
        assert_refused(analyze(capsys, *options, "-o", out), "already holds states", "--resume", "--overwrite")
    assert closed(out) == before
    assert analyze(capsys, "--overwrite", "-o", out).status == 0
    assert not (out / "state").exists()


def test_what_cannot_be_measured_or_is_only_planned_removes_no_states(capsys, tmp_path):
    out = tmp_path / "out"
    analyze(capsys, "--keep-state", "-o", out)
    assert analyze(capsys, "--overwrite", "--dry-run", "-o", out).status == 0
    assert analyze(capsys, "--overwrite", "-o", out, data="nowhere.npz").status == 2
    assert closed(out) == 4


@pytest.mark.parametrize("options", [("--resume", "--quiet"), ()], ids=["to go on", "to begin anew"])
def test_a_folder_that_another_process_works_in_is_refused_and_stays_as_it_is(capsys, tmp_path, options):
    analyze(capsys, "--resume", "--keep-state", "-o", tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out" / "state").iterdir()}
    with occupied(tmp_path / "out" / "state"):
        refused = analyze(capsys, *options, "--overwrite", "-o", tmp_path / "out")
    assert_refused(refused, "Another process measures in")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "state").iterdir()} == before


def test_states_that_a_run_was_removing_when_it_was_killed_go_when_it_is_resumed(capsys, tmp_path):
    state = tmp_path / "out" / "state"
    analyze(capsys, "--resume", "--keep-state", "-o", tmp_path / "out")
    (state / "state.json").unlink()  # it goes first
    assert list(state.glob("chunk-*.npz"))
    assert_refused(analyze(capsys, "--resume", "-o", tmp_path / "out"), "already holds a result")
    assert not state.exists()


def test_a_folder_is_free_again_and_gone_if_nothing_was_kept(tmp_path):
    for _ in range(2):
        with occupied(tmp_path / "out" / "state"):
            assert (tmp_path / "out" / "state").is_dir()
    assert not (tmp_path / "out" / "state").exists()


@posix
@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize("reason", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_where_the_file_system_knows_no_locks_nobody_is_kept_out(monkeypatch, tmp_path, reason):
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(getattr(errno, reason), "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".onnxinv.lock").write_text("1234\nanother machine\n")  # where a process was killed
    with occupied(tmp_path) as entered:
        assert entered is None


def test_states_are_removed_where_a_file_that_is_open_cannot_be(capsys, monkeypatch, tmp_path):
    """As on Windows, where the lock is such a file."""
    analyze(capsys, "--resume", "--keep-state", "-o", tmp_path / "out")
    unlink = Path.unlink

    def unlink_but_locks(path: Path, missing_ok: bool = False) -> None:
        if path.name == ".onnxinv.lock":
            raise PermissionError(errno.EACCES, "it is open", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_but_locks)
    forget_earlier(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("state/*")] in ([], [".onnxinv.lock"])


def test_a_folder_of_that_name_that_holds_something_else_stays(capsys, tmp_path):
    mine = tmp_path / "out" / "state"
    mine.mkdir(parents=True)
    (mine / "chunk-1.npz").write_text("mine")
    assert analyze(capsys, "--overwrite", "-o", tmp_path / "out").status == 0
    assert (mine / "chunk-1.npz").read_text() == "mine"


def test_another_measurement_is_refused_by_what_differs(capsys, tmp_path):
    out = tmp_path / "out"
    analyze(capsys, "--keep-state", "-o", out)
    again = ("--resume", "--overwrite", "-o", out)
    assert_refused(analyze(capsys, *again, "--seed", 3), "of another measurement; what differs is: choice of samples.")
    assert_refused(analyze(capsys, *again, transform="flip"), "what differs is: transforms")
    assert closed(out) == 4


def test_shards_are_merged(capsys, tmp_path):
    for number in (1, 2):
        assert analyze(capsys, "--shard", f"{number}/2", "-o", tmp_path / str(number)).status == 0
    whole = analyze(capsys, "--format", "csv", "--quiet").out
    merged = command(capsys, "merge", tmp_path / "2", tmp_path / "1", "-o", tmp_path / "out", "--format", "csv")
    assert merged.status == 0
    assert merged.out.splitlines()[0] == whole.splitlines()[0]
    assert len(merged.out.splitlines()) == len(whole.splitlines())
    assert f"Written to {tmp_path / 'out'}: report.html, result.json, units.npz" in merged.err
    assert "conv1" in command(capsys, "report", tmp_path / "out").out
    assert json.loads((tmp_path / "out" / "result.json").read_text())["meta"]["data"]["samples"] == 4
    assert (
        "This is shard 1/2 alone"
        in analyze(capsys, "--shard", "1/2", "--resume", "--overwrite", "-o", tmp_path / "1").out
    )


def test_a_shard_is_not_overwritten_by_the_result_of_all(capsys, tmp_path):
    for number in (1, 2):
        analyze(capsys, "--shard", f"{number}/2", "-o", tmp_path / str(number))
    named = (tmp_path / "1", tmp_path / "2")
    for out in (tmp_path / "1", tmp_path / "2" / ".." / "2"):
        assert_refused(command(capsys, "merge", *named, "-o", out, "--overwrite"), "is one of the shards")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("{}")
    assert_refused(command(capsys, "merge", *named, "-o", tmp_path / "out"), "already holds a result")
    assert command(capsys, "merge", *named, "-o", tmp_path / "out", "--overwrite").status == 0


def test_what_cannot_be_merged_is_said(capsys, tmp_path):
    analyze(capsys, "--shard", "1/2", "-o", tmp_path / "1")
    assert_refused(command(capsys, "merge", tmp_path / "1"), "2 of 4 groups are missing: those of shard 2/2.")
    assert_refused(command(capsys, "merge", tmp_path), "holds no states to be merged")
    assert_refused(command(capsys, "merge"), "Missing argument")


@pytest.mark.parametrize("shard", ["3/2", "0/2", "a/b", "1", "1/2/3", "", "1/99"])
def test_shards_that_cannot_be_are_refused(capsys, tmp_path, shard):
    assert_refused(analyze(capsys, "--shard", shard, "-o", tmp_path / "out"), "shard")
    assert not (tmp_path / "out").exists()


def test_merge_is_a_command_with_help(capsys):
    assert "\n  merge " in command(capsys, "--help").out
    told = command(capsys, "merge", "--help")
    assert told.status == 0
    assert "DIR..." in told.out
