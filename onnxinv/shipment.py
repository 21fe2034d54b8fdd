"""Everything that another machine needs to measure groups of a plan: files, samples, and how the work is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.config import RunConfig, run_config
from onnxinv.data.source import Array, SampleLayout, Samples
from onnxinv.errors import DataError, OnnxinvError
from onnxinv.identity import difference, identity
from onnxinv.model.messages import tensors
from onnxinv.plan import Plan, make_plan
from onnxinv.transforms.python import is_file

MODEL, PREPROCESS = "model", "preprocess.json"
"""Folder of the model, and name of the file of the preprocessing, where a shipment is unpacked."""


@dataclass(frozen=True)
class Shipment:
    """A plan without anything that must stay where it is.

    Attributes:
        config: of the run, its files named as they lie where the shipment is unpacked.
        files: content by relative path.
        samples: what the source holds of each chosen sample, by index.
        count: how many samples the source has.
        labels: of all of them.
        label_names: by label.
        sample_layout: of one image sample.
        first: sample that tells what all of them are like.
        chunks: indices of the layers that are measured together.
        kept_units: units of each layer whose group states are kept.
        batch: variants in one session run.
        identity: of the plan; what is unpacked must have the same.
    """

    config: dict[str, Any]
    files: dict[str, bytes]
    samples: dict[int, dict[str, Array]]
    count: int
    labels: npt.NDArray[np.int64] | None
    label_names: tuple[str, ...]
    sample_layout: SampleLayout | None
    first: int
    chunks: tuple[tuple[int, ...], ...]
    kept_units: int | None
    batch: int
    identity: dict[str, str]


def pack(plan: Plan) -> Shipment:
    """Return what another machine needs of a plan.

    Raises:
        DataError: a sample cannot be read.
    """
    config, source = plan.config, plan.feeds.samples
    files = {f"{MODEL}/{config.model.name}": config.model.read_bytes()}
    files |= {f"{MODEL}/{name}": (config.model.parent / name).read_bytes() for name in _beside(config.model)}
    if config.preprocess:
        files[PREPROCESS] = config.preprocess.read_bytes()
    transforms = []
    for number, text in enumerate(config.transforms):
        path, _, function = text.rpartition(":")
        transforms.append(f"transforms/{number}.py:{function}" if is_file(text) else text)
        if is_file(text):
            files[f"transforms/{number}.py"] = Path(path).read_bytes()
    told = {
        **config.model_dump(exclude={"state", "shard", "dask", "memory", "threads"}),
        "model": Path(MODEL) / config.model.name,
        "preprocess": Path(PREPROCESS) if config.preprocess else None,
        "transforms": tuple(transforms),
    }
    return Shipment(
        told,
        files,
        # One of the source tells what its samples are like, chosen or not.
        {index: source.read(index) for index in {source.first, *plan.samples.tolist()}},
        source.count,
        source.labels,
        source.label_names,
        source.layout,
        source.first,
        tuple(tuple(layer.index for layer in chunk) for chunk in plan.layout.chunks),
        plan.layout.kept_units,
        plan.layout.batch,
        identity(plan),
    )


def unpack(shipment: Shipment, folder: Path, threads: int) -> Plan:
    """Return the plan of a shipment, its files written into a folder.

    Args:
        shipment: what was packed.
        folder: of this process alone.
        threads: for the session.

    Raises:
        OnnxinvError: the plan is another one here, or cannot be made.
    """
    for name, content in shipment.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(index: int) -> dict[str, Array]:
        if index not in shipment.samples:
            raise DataError(f"Sample {index} was left out.")
        return {name: array.copy() for name, array in shipment.samples[index].items()}

    source = Samples(
        shipment.config["data"],
        shipment.count,
        read,
        shipment.labels,
        shipment.label_names,
        shipment.sample_layout,
        first=shipment.first,
    )
    plan = make_plan(_placed(shipment, folder, threads), source)
    by_index = {layer.index: layer for layer in plan.layers}
    chunks = tuple(tuple(by_index[index] for index in chunk) for chunk in shipment.chunks)
    layout = replace(
        plan.layout, chunks=chunks, kept_units=shipment.kept_units, batch=shipment.batch, desks=1, joined=False
    )
    plan = replace(plan, layout=layout)
    here = identity(plan)
    # Files lie elsewhere here; what they hold is told besides.
    differs = difference({**shipment.identity, "transforms": here["transforms"]}, here)
    if differs:
        raise OnnxinvError(f"A worker plans another measurement, which differs in: {differs}.", "Install it alike.")
    return plan


def _placed(shipment: Shipment, folder: Path, threads: int) -> RunConfig:
    told = dict(shipment.config)
    told["model"] = folder / told["model"]
    if told["preprocess"]:
        told["preprocess"] = folder / told["preprocess"]
    told["transforms"] = tuple(
        f"{folder / text}" if is_file(text) and f"transforms/{number}.py" in shipment.files else text
        for number, text in enumerate(told["transforms"])
    )
    return run_config(**told, threads=threads, state=folder)


def _beside(model: Path) -> list[str]:
    """Return the files that hold weights of a model, relative to its folder."""
    proto = onnx.load(str(model), load_external_data=False)
    external = (each for each in tensors(proto) if each.data_location == onnx.TensorProto.EXTERNAL)
    entries = (entry for each in external for entry in each.external_data)
    return sorted({entry.value for entry in entries if entry.key == "location"})
