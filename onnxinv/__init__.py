"""Measure how invariant an exported ONNX network is, inside, to transformations of its input."""

from __future__ import annotations
