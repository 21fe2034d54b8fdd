"""What makes two runs the same measurement: named facts, so that what differs can be named."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.errors import OutputError
from onnxinv.model.external import external_files
from onnxinv.plan import Plan
from onnxinv.sketch import specification
from onnxinv.spec import parse
from onnxinv.transforms.python import is_file
from onnxinv.version import __version__

Identity = dict[str, str]
"""Facts by what they are called in messages; long ones as digests."""

VERSION = "version of onnxinv"

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

_OF_THE_MACHINE = ("units with group states", "layers measured together", "layers summed in the graph")
"""What follows from memory and cores where nothing is said of them."""

_LOOKED_AT = 16
"""Samples whose content is looked at beforehand, spread over all of them."""

_DIGEST = "sha256:"


def identity(plan: Plan) -> Identity:
    """Return what must be the same for states of a plan to be used by another.

    Files are told by what is in them, wherever they lie, so that shards may be measured on different machines. Of the
    samples some are looked at here; what the others hold is told group by group, once it was read.

    Raises:
        DataError: a sample cannot be read.
        OutputError: a file that was read before is gone.
    """
    config = plan.config
    beside = external_files(plan.model.path, plan.model.proto)
    drawn = [None if layer.drawn is None else layer.drawn.units.tolist() for layer in plan.layers]
    held = [[each.name, each.batch_axis, _of_array(each.values)] for each in plan.feeds.constants.values()]
    facts = {
        VERSION: __version__,
        "model": plan.model.meta.sha256[:16],
        "weights beside the model": _digest([_of_file(file) for file in beside]),
        "number of samples": str(len(plan.samples)),
        "number of groups": str(len(plan.groups)),
        "choice of samples": _digest([[part.tolist() for part in group] for group in plan.groups]),
        "content of the data": _digest(_of_data(plan)),
        "transforms": " x ".join(map(_without_folder, config.transforms)),
        "parameters of the transforms": _digest(plan.transform_items),
        "code of the transforms": _digest([_of_file(file) for file in _programs(config.transforms)]),
        "measures": ", ".join(specification(each) for each in plan.measures),
        **{f"option {name}": str(getattr(config, name)) for name in _OPTIONS},
        "layers": _digest([[[layer.name, layer.dtype, *layer.shape] for layer in plan.layers], drawn]),
        "preprocessing": _digest(plan.feeds.preprocess.model_dump(mode="json")),
        "constant inputs": _digest(held),
        "units with group states": str(plan.layout.kept_units or "all"),
        "layers measured together": _digest([[layer.index for layer in chunk] for chunk in plan.layout.chunks]),
        "layers summed in the graph": _digest(sorted(plan.pushed)),
    }
    return {name: writable(fact) for name, fact in facts.items()}


def writable(text: str) -> str:
    """Return a text that UTF-8 can hold: the name of a file need not be one."""
    return text.encode("utf-8", "backslashreplace").decode()


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return what differs first, in words; empty where nothing does."""
    for name in (*other, *one):
        first, second = (each.get(name, "not told") for each in (one, other))
        if first != second:
            shown = "" if second.startswith(_DIGEST) else f" ({first} there, {second} here)"
            return f"{name}{shown}"
    return ""


def how_to_agree(differs: str) -> str:
    """Return the hint where something differs: of the machine, or of what is measured."""
    if differs.startswith(_OF_THE_MACHINE):
        return "It depends on the machine: give all of them the same --memory, --threads, --batch and --device."
    return ""


def _of_data(plan: Plan) -> list[object]:
    places = np.unique(np.linspace(0, len(plan.samples) - 1, _LOOKED_AT).round().astype(np.intp))
    labels = None if plan.labels is None else plan.labels.tolist()
    return [labels, plan.classes, plan.feeds.digest(plan.samples[places].tolist())]


def _without_folder(text: str) -> str:
    return re.split(r"[\\/]", text)[-1] if is_file(parse(text).name) else text


def _programs(transforms: tuple[str, ...]) -> list[Path]:
    """Return the files that transforms are functions of."""
    names = [parse(text).name for text in transforms]
    return [Path(name if name.endswith(".py") else name.rpartition(":")[0]) for name in names if is_file(name)]


def _of_file(path: Path) -> str:
    try:
        told = path.stat()
        return _content(path, told.st_size, told.st_mtime_ns)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be read: {error.strerror}.") from error


@cache  # weights may be large, and are asked for more than once
def _content(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_array(array: npt.NDArray[Any]) -> list[object]:
    return [array.dtype.str, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]


def _digest(facts: object) -> str:
    return _DIGEST + hashlib.sha256(json.dumps(facts, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
