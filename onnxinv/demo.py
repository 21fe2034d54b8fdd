"""The shipped models and digits, and where the demonstration finds them."""

from __future__ import annotations

from pathlib import Path

from onnxinv.errors import OnnxinvError

FOLDER = Path("onnxinv-demo")
"""Where the demonstration writes its results, below the current folder."""

NAMES = ("plain", "rotated")
COMPARISON = "comparison"
"""Folder of the comparison of the two, beside their own."""

SAMPLES = 300
KEEP_UNITS = 2
TRANSFORMS = ("rotation:steps=16,degrees=360",)


def shipped(name: str) -> Path:
    """Return the path of a shipped file, in an installed package or in a source checkout.

    Raises:
        OnnxinvError: the installation is incomplete.
    """
    package = Path(__file__).parent
    for folder in (package / "_shipped", package.parent / "models"):
        if (folder / name).is_file():
            return folder / name
    raise OnnxinvError(f"The shipped file '{name}' is missing.", "Install onnxinv again.")


def model(name: str) -> Path:
    """Return the path of one of the two shipped models."""
    return shipped(f"mnist_simpleconv_{name}.onnx")


def digits() -> Path:
    """Return the path of the shipped digits."""
    return shipped("digits.npz")
