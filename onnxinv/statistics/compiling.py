"""How functions are compiled: once on a machine, free of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled_function(*, fused: bool = False) -> Callable[[F], F]:
    """Compile a function.

    Args:
        fused: whether a product may be added without being rounded first.
    """

    def decorate(function: F) -> F:
        options: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"} if fused else False}
        try:
            compiled: F = njit(cache=True, **options)(function)
        except RuntimeError:  # there is no folder that it may be kept in
            compiled = njit(**options)(function)
        return compiled

    return decorate
