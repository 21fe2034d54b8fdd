"""A folder with a configuration of a check, and the command that runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.networks import DIGITS, SHIPPED
from tests.reports.command import Outcome, command

PLAIN, ROTATED = SHIPPED
LIMIT, REGRESSION = 'layers = ["elu6", "fc2"]\nmax = 0.75', 'layers = ["conv*", "fc*"]\nmax-regression = "5%"'
UNCLEAR = 'layers = "elu6"\nmax = 0.656'
OUTPUT = 'layers = "output"\nmeasure = "top1-consistency"\nmin = 0.5'


def save_config(folder: Path, *limits: str, name: str = "digits", model: Path = ROTATED, **keys: object) -> Path:
    """Write a configuration of one run over few layers of the shipped model; keys replace or add to those of a run."""
    stated = {
        "name": name, "model": str(model), "data": str(DIGITS), "samples": 60,
        "transforms": ["rotation:steps=4,degrees=360"], "layers": ["conv1", "conv5", "elu6", "fc*"],
        "device": "cpu", "threads": 1, **keys,
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in stated.items() if value is not None]
    tables = [f"[[runs.limits]]\n{limit}\n" for limit in limits or (LIMIT,)]
    path = folder / "onnxinv.toml"
    path.write_text("\n".join(["[[runs]]", *lines, *tables]))
    return path


def check(capsys: pytest.CaptureFixture[str], *options: object) -> Outcome:
    """Run `check` in this process."""
    return command(capsys, "check", *options)


def in_json(capsys: pytest.CaptureFixture[str], *options: object, status: int = 0) -> dict[str, Any]:
    """Run `check` and return its JSON."""
    found = check(capsys, "--format", "json", *options)
    assert found.status == status, found
    return dict(json.loads(found.out))
