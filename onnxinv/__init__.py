"""Measure how invariant an exported ONNX network is, inside, to transformations of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnxinv.version import __version__

if TYPE_CHECKING:
    from onnxinv import plot
    from onnxinv.api import analyze, check, compare, inspect
    from onnxinv.comparison import Comparison
    from onnxinv.findings import Finding
    from onnxinv.result import Result

__all__ = ["Comparison", "Finding", "Result", "__version__", "analyze", "check", "compare", "inspect", "plot"]

_HOMES = {
    "analyze": "onnxinv.api",
    "check": "onnxinv.api",
    "compare": "onnxinv.api",
    "inspect": "onnxinv.api",
    "Comparison": "onnxinv.comparison",
    "Finding": "onnxinv.findings",
    "Result": "onnxinv.result",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: the command line starts without them."""
    from importlib import import_module

    if name == "plot":
        return import_module("onnxinv.plot")
    if name not in _HOMES:
        raise AttributeError(f"module 'onnxinv' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
