"""The experiments, one a file; each module has an `EXPERIMENT`, and is found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from tools.reproduce.experiment import Experiment


def experiments() -> list[Experiment]:
    """Return all experiments in the order of their files' names."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}."))
    return [importlib.import_module(name).EXPERIMENT for name in modules]
