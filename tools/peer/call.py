"""Runs a script of this folder in another environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def call(python: Path, script: str, *arguments: object) -> dict[str, Any]:
    """Return what the script prints in its last line, JSON.

    Args:
        python: interpreter of the environment.
        script: name of its module.
        *arguments: of its command line.
    """
    file = Path(__file__).with_name(f"{script}.py")
    quiet = ["-W", "ignore:'pin_memory' argument"]  # tmeasures asks for it whether or not there is a GPU
    command = [str(python), *quiet, str(file), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
