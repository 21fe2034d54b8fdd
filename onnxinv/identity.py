"""What makes two runs the same measurement: named facts, so that what differs can be named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from onnxinv.plan import Plan
from onnxinv.sketch import specification
from onnxinv.transforms.python import is_file
from onnxinv.version import __version__

Identity = dict[str, str]
"""Facts by what they are called in messages; long ones as digests."""

_OPTIONS = (
    "aggregate",
    "seed",
    "stratify",
    "sample_units",
    "precision",
    "class_output",
    "class_kind",
    "shape",
    "set_input",
    "channel_axis",
    "reduce",
)
"""Fields of the configuration that decide what is measured, and are told by nothing else here."""


def identity(plan: Plan) -> Identity:
    """Return what must be the same for states of a plan to be used by another.

    Samples are told by their numbers alone: what they hold is told group by group, once it was read.
    """
    config = plan.config
    options = config.model_dump(mode="json", include=set(_OPTIONS))
    drawn = [None if layer.drawn is None else layer.drawn.units.tolist() for layer in plan.layers]
    return {
        "version of onnxinv": __version__,
        "model": plan.model.meta.sha256[:16],
        "data": config.data,
        "choice of samples": _digest([[part.tolist() for part in group] for group in plan.groups]),
        "number of groups": str(len(plan.groups)),
        "transforms": " x ".join(config.transforms),
        "parameters of the transforms": _digest([plan.transform_items, _programs(config.transforms)]),
        "measures": ", ".join(specification(each) for each in plan.measures),
        "layers": _digest([[[layer.name, layer.dtype, *layer.shape] for layer in plan.layers], drawn]),
        "preprocessing": _digest(plan.feeds.preprocess.model_dump(mode="json")),
        "options": ", ".join(f"{key}={value}" for key, value in options.items()),
        "units with group states": str(plan.layout.kept_units or "all"),
        "layers measured together": _digest([[layer.index for layer in chunk] for chunk in plan.layout.chunks]),
        "layers summed in the graph": _digest(sorted(plan.pushed)),
    }


def difference(there: Mapping[str, str], here: Identity) -> str:
    """Return what differs first, in words; empty where nothing does."""
    for name, value in here.items():
        if there.get(name) != value:
            return f"{name} (there: {there.get(name, 'not told')}, here: {value})"
    return ""


def _programs(transforms: tuple[str, ...]) -> list[str]:
    """Return digests of the files that transforms are functions of."""
    from pathlib import Path

    files = [Path(text.rpartition(":")[0]) for text in transforms if is_file(text)]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
