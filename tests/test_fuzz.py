"""The tool that feeds hostile files: what it makes can be made again, and its guard sees what it must not miss."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tools.fuzz.__main__ import main
from tools.fuzz.formats import FORMATS, changed
from tools.fuzz.mutations.burdens import BURDENS
from tools.fuzz.mutations.messages import change_model

CHEAP = sorted(set(FORMATS) - {"result", "units", "pictures", "compare", "state", "subjects", "group", "baseline"})

FORBIDDEN = """
import json, os, pickle, socket, subprocess, sys
from pathlib import Path
import numpy as np
from tools.fuzz.guard import Guard
folder = Path(sys.argv[1])
inside, outside = folder / "in", folder / "outside"
guard = Guard([inside], inside, [outside / "secret"])
deeds = {
    "writes outside": lambda: (outside / "x").write_text("a"),
    "removes outside": lambda: (outside / "x").unlink(),
    "moves out": lambda: (inside / "a").rename(outside / "b"),
    "makes a folder": lambda: (outside / "c").mkdir(),
    "starts a program": lambda: subprocess.run(["true"]),
    "calls a shell": lambda: os.system("true"),
    "calls somebody": lambda: socket.socket(socket.AF_UNIX).connect(str(outside / "none")),
    "takes a pickle apart": lambda: pickle.loads(pickle.dumps(Path)),
    "runs code": lambda: exec(compile("1", str(inside / "evil.py"), "exec")),
    "opens what a link points to": lambda: open(inside / "link").read(),
    "opens it in native code": lambda: np.fromfile(inside / "link", np.uint8),
    "maps it": lambda: np.memmap(inside / "link", np.uint8, "r"),
    "writes inside": lambda: (inside / "x").write_text("a"),
    "reads inside": lambda: (inside / "x").read_text(),
    "follows a link to its end": lambda: (inside / "link").resolve(),
}
seen = {}
for name, deed in deeds.items():
    with guard:
        try:
            deed()
        except OSError:
            pass
    seen[name] = guard.seen
print(json.dumps(seen))
"""


def test_the_guard_sees_what_is_forbidden_and_nothing_else(tmp_path):
    for name in ("in", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "in" / "a").touch()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside" / "secret")
    run = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, tmp_path], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    seen = json.loads(run.stdout)
    allowed = ("writes inside", "reads inside", "follows a link to its end")
    assert [name for name, what in seen.items() if not what] == list(allowed)


@pytest.mark.parametrize("name", CHEAP)
def test_a_seed_makes_the_same_files_again_and_each_is_another(name, tmp_path):
    path = tmp_path / "in" / FORMATS[name].name
    path.parent.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    seeds = FORMATS[name].prepare(path)
    made = [[changed(name, seeds, chance) for _ in range(15)] for chance in (random.Random(3), random.Random(3))]
    assert made[0] == made[1]
    assert len(set(made[0])) > 5


def test_changed_models_get_past_the_parser(tmp_path):
    chance = random.Random(0)
    (tmp_path / "outside").mkdir()
    path = tmp_path / "in" / "net.onnx"
    path.parent.mkdir()
    contents = FORMATS["onnx-analyze"].prepare(path)
    models = [onnx.load_model_from_string(change_model(contents[0], chance)) for _ in range(40)]
    assert len({model.SerializeToString(deterministic=True) for model in models}) > 30


@pytest.mark.parametrize("build", BURDENS)
def test_what_is_a_burden_is_small(build):
    assert 0 < len(build(random.Random(1))) < 2 << 20


def test_the_table_counts_what_came_of_the_files(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--minutes", "0.02", "--formats", "cifar", "--keep", str(tmp_path / "finds")])
    assert ended.value.code == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| cifar |"))
    tried, read, refused, _, *finds = (int(cell.replace(",", "")) for cell in row.split("|")[2:-1])
    assert tried == read + refused > 0
    assert finds == [0] * 4
