"""Measure how invariant an exported ONNX network is, inside, to transformations of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnxinv.version import __version__

if TYPE_CHECKING:
    from onnxinv.api import analyze, check, compare, inspect
    from onnxinv.comparison import Comparison
    from onnxinv.findings import Finding
    from onnxinv.result import Result

__all__ = ["Comparison", "Finding", "Result", "__version__", "analyze", "check", "compare", "inspect"]

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
    if name not in _HOMES:
        raise AttributeError(f"module 'onnxinv' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
