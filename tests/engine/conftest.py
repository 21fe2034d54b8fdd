"""Measurements that are disturbed, for the tests of states."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from onnxinv.result import STATE, Result
from tests.engine.states import GROUPS, Setting, closed


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
