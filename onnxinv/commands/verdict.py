"""The verdict that ends a command with exit code 1."""

from __future__ import annotations


class LimitBrokenError(Exception):
    """The answer to what was asked is no: the only way to exit 1."""
