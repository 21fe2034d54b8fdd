"""Runs a Python file that the user named; what it raises is the caller's to explain."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


def run_file(path: Path) -> ModuleType:
    """Run a file as a module; compiled here, so that no cache is written beside it and none can be stale.

    Raises:
        OSError: the file cannot be read.
        BaseException: whatever the file raises.
    """
    source = path.read_bytes()
    name = f"onnxinv_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Dataclasses and pickle look a class's module up by name.
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def callables_of(module: ModuleType) -> list[str]:
    """Return the names of what can be called in a module, private ones left out."""
    return [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours; last in the path, so that none of them shadows an installed module."""
    entry = str(folder.resolve())
    sys.path.append(entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)
