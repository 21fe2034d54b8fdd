"""A twentieth of the models that the onnx package brings is measured, or refused with a sentence; nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "tools" / "conformance.py"


def test_a_twentieth_of_the_models_of_the_onnx_package_is_measured_or_refused_with_a_sentence() -> None:
    command = [sys.executable, str(SCRIPT), "--share", "0.05", "--seed", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = re.findall(r"^\| \S+ (\|(?: \d+ \|){5})$", done.stdout, re.MULTILINE)
    counts = [[int(count) for count in re.findall(r"\d+", row)] for row in rows]
    measured, hinted, refused, defects, crashes = map(sum, zip(*counts, strict=True))
    assert (defects, crashes) == (0, 0)
    assert measured + hinted + refused > 75
    assert measured > 25
    assert hinted > 10
