"""Merges shards of a measurement: the states of all groups become one result, without the model or the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onnxinv.assemble import global_values, output_value, warnings_of
from onnxinv.checkpoint import Checkpoint, Entry, read_checkpoint
from onnxinv.collect import Parts
from onnxinv.errors import OutputError
from onnxinv.feeds import digest_of_all
from onnxinv.finishing import Together, finish
from onnxinv.identity import difference
from onnxinv.measured import Found
from onnxinv.measures.layer import Collected
from onnxinv.provenance import Meta
from onnxinv.result import STATE, LayerResult, Result, classes_key, units_key
from onnxinv.sketch import Sketch
from onnxinv.statistics import State, merge_states
from onnxinv.statistics.compiled import Compiled


@dataclass(frozen=True)
class Shard:
    """A folder that `analyze --shard` or `--keep-state` wrote.

    Attributes:
        folder: of the result.
        checkpoint: its states.
        result: what was found of its samples alone.
    """

    folder: Path
    checkpoint: Checkpoint
    result: Result


def merge(folders: Sequence[Path], code: Compiled | None = None) -> Result:
    """Return the result of all shards together.

    Args:
        folders: of the shards, in any order.
        code: compiled code that may work on their states.

    Returns:
        What one run over all groups finds, to rounding in float64.

    Raises:
        OutputError: a folder holds no states, or those of another measurement; a shard is missing or given twice.
    """
    shards = [_read(folder) for folder in folders]
    _check(shards)
    sketches: list[Sketch] = []
    done: list[Together] = []
    # One by one: all chunks together may not fit into memory.
    for chunk in range(len(shards[0].checkpoint.manifest.chunks)):
        part, every = _chunk(shards, chunk, code)
        done.append(finish(part, every.__getitem__, os.cpu_count() or 1))
        sketches += part
    return _assembled(shards, sketches, done)


def _read(folder: Path) -> Shard:
    checkpoint = read_checkpoint(folder / STATE)
    if checkpoint is None:
        raise OutputError(
            f"'{folder}' holds no states to be merged.", "Measure with --shard I/N -o DIR, and name those folders."
        )
    return Shard(folder, checkpoint, Result.load(folder))


def _check(shards: Sequence[Shard]) -> None:
    """Make sure that the shards are all of one measurement.

    Raises:
        OutputError: they are not; the message names the folder and what is wrong.
    """
    first = shards[0]
    owners: dict[int, Path] = {}
    for shard in shards:
        differs = difference(first.checkpoint.manifest.identity, shard.checkpoint.manifest.identity)
        if differs:
            raise OutputError(
                f"'{shard.folder}' is of another measurement than '{first.folder}', which differs in: {differs}.",
                "Merge the shards of one measurement.",
            )
        for entry in shard.checkpoint.entries(0):
            if entry.group in owners:
                raise OutputError(
                    f"'{shard.folder}' and '{owners[entry.group]}' both hold group {entry.group + 1}: "
                    f"{_called(shard)} is given twice, or shards of different numbers are mixed.",
                    "Name each shard once.",
                )
            owners[entry.group] = shard.folder
    _check_complete(shards, set(owners))


def _check_complete(shards: Sequence[Shard], groups: set[int]) -> None:
    manifest = shards[0].checkpoint.manifest
    missing = sorted(set(range(manifest.groups)) - groups)
    if missing:
        count = int(manifest.shard.partition("/")[2])
        lacking = sorted({group % count + 1 for group in missing})
        given = {int(each.checkpoint.manifest.shard.partition("/")[0]): each.folder for each in shards}
        unfinished = [str(given[each]) for each in lacking if each in given]
        where = f" ('{unfinished[0]}' is not finished)" if unfinished else ""
        raise OutputError(
            f"{len(missing)} of {manifest.groups} groups are missing: those of shard "
            f"{', '.join(f'{each}/{count}' for each in lacking)}{where}.",
            "Name the folders of all shards; --resume finishes one that was interrupted.",
        )
    for shard in shards:
        told = shard.checkpoint.manifest
        of_first = {entry.group for entry in shard.checkpoint.entries(0)}
        for chunk in range(1, len(manifest.chunks)):
            if {entry.group for entry in shard.checkpoint.entries(chunk)} != of_first or len(told.chunks) <= chunk:
                raise OutputError(f"'{shard.folder}' is not finished.", "Finish it with --resume.")


def _called(shard: Shard) -> str:
    return f"shard {shard.checkpoint.manifest.shard}"


def _chunk(shards: Sequence[Shard], chunk: int, code: Compiled | None) -> tuple[list[Sketch], list[Collected]]:
    """Return what belongs to a chunk of layers: how to make values of its states, and the states."""
    described = shards[0].checkpoint.described(chunk)
    places = shards[0].checkpoint.manifest.places
    classes = tuple(shards[0].result.meta.data.classes)
    owned: list[tuple[Entry, Checkpoint]] = sorted(
        ((entry, shard.checkpoint) for shard in shards for entry in shard.checkpoint.entries(chunk)),
        key=lambda pair: pair[0].group,
    )
    groups = [checkpoint.groups(entry, len(described), places, code) for entry, checkpoint in owned]
    totals = [
        shard.checkpoint.totals(shard.checkpoint.entries(chunk)[-1], len(described), places, code) for shard in shards
    ]
    collected = []
    for place, (_, kept) in enumerate(described):
        states = [group[place] for group in groups]
        # Where all units' group states are kept, they are the whole.
        whole = states if kept is None else [each[place] for each in totals if each]
        collected.append(Collected(_merged(whole), tuple(states), kept, classes))
    return [sketch for sketch, _ in described], collected


def _merged(parts: Sequence[Parts]) -> list[State]:
    """Return the state of each class over several sets of samples."""
    present = ([state for state in states if state] for states in zip(*parts, strict=True))
    return [merge_states(states) for states in present if states]


def _assembled(shards: Sequence[Shard], sketches: Sequence[Sketch], done: Sequence[Together]) -> Result:
    template = shards[0].result
    found: dict[int, Found] = {index: one for together in done for index, one in together.layers.items()}
    layers = [_layer(layer, found.get(layer.index, {})) for layer in template.layers]
    faint = [sum(together.faint[layer.index] for together in done) for layer in layers]
    outputs = {key: output_value(*one) for together in done for key, one in together.outputs.items()}
    bounds = {
        key: limits
        for sketch in sketches
        for measure in sketch.measures
        for key, limits in measure.bounds_by_key().items()
    }
    keys = list(template.document.summary)
    values = {key: [one[key][0] for one in found.values() if key in one] for key in keys}
    document = template.document.model_copy(
        update={
            "meta": _meta(shards, warnings_of(layers, faint)),
            "layers": layers,
            "outputs": {key: outputs[key] for key in template.document.outputs},
            "summary": global_values(layers, bounds, values),
        }
    )
    return Result(document, _units(sketches, found))


def _layer(layer: LayerResult, found: Found) -> LayerResult:
    told = {key: found[key][1] if key in found else before for key, before in layer.measures.items()}
    return layer.model_copy(update={"measures": told})


def _units(sketches: Sequence[Sketch], found: Mapping[int, Found]) -> dict[str, npt.NDArray[np.float64]]:
    units: dict[str, npt.NDArray[np.float64]] = {}
    for sketch in sketches:
        if sketch.role != "layer":
            continue
        for key in (key for measure in sketch.measures for key in measure.result_keys()):
            values = found[sketch.layer][key][0]
            units[units_key(key, sketch.layer)] = sketch.arrange(values.values)
            if values.classes is not None:
                units[classes_key(key, sketch.layer)] = np.stack([sketch.arrange(one) for one in values.classes])
    return units


def _meta(shards: Sequence[Shard], warnings: Sequence[str]) -> Meta:
    meta = shards[0].result.meta
    digests: dict[int, bytes] = {}
    for shard in shards:
        for entry in shard.checkpoint.entries(0):
            digests |= shard.checkpoint.samples(entry)
    timings = [each.result.meta.timing for each in shards]
    seconds, inferences = sum(each.seconds for each in timings), sum(each.inferences for each in timings)
    manifest = shards[0].checkpoint.manifest
    return meta.model_copy(
        update={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": meta.data.model_copy(update={"samples": len(digests), "digest": digest_of_all(digests)}),
            "options": meta.options.model_copy(update={"groups": manifest.groups, "shard": None}),
            "timing": meta.timing.model_copy(
                update={
                    "seconds": round(seconds, 3),
                    "inferences": inferences,
                    "inferences_per_second": round(inferences / seconds, 1) if seconds else 0.0,
                }
            ),
            "warnings": [*manifest.notices, *warnings],
            "pictures": None,
        }
    )
