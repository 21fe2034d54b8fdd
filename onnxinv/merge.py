"""Merges shards of a measurement: the states of all groups become one result, without the model or the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onnxinv.assemble import check_outputs, global_values, output_value, warnings_of
from onnxinv.checkpoint import Checkpoint, Entry, read_checkpoint
from onnxinv.collect import Parts
from onnxinv.errors import OnnxinvError, OutputError
from onnxinv.feeds import digest_of_all
from onnxinv.finishing import Together, finish
from onnxinv.identity import VERSION, difference, how_to_agree
from onnxinv.measured import Found
from onnxinv.measures import Values
from onnxinv.measures.layer import Collected
from onnxinv.provenance import Meta
from onnxinv.result import STATE, LayerResult, Result, classes_key, units_key
from onnxinv.sketch import Sketch
from onnxinv.statistics import State, merge_states
from onnxinv.statistics.compiled import Compiled
from onnxinv.version import __version__


@dataclass(frozen=True)
class Shard:
    """A folder that `analyze --shard` or `--keep-state` wrote.

    Attributes:
        folder: of the result.
        checkpoint: its states.
        result: what was found of its samples alone.
        digests: of the content of its samples, by their index in the source.
    """

    folder: Path
    checkpoint: Checkpoint
    result: Result
    digests: dict[int, bytes]

    @property
    def name(self) -> str:
        """What it is called."""
        return f"shard {self.checkpoint.manifest.shard}"

    @property
    def is_finished(self) -> bool:
        """Whether all chunks of layers have the groups that the result is of."""
        manifest = self.checkpoint.manifest
        counts = [len(self.checkpoint.entries(chunk)) for chunk in range(len(manifest.chunks))]
        return bool(counts) and set(counts) == {self.result.meta.options.groups}


def merge(folders: Sequence[Path], code: Compiled | None = None) -> Result:
    """Return the result of all shards together.

    Args:
        folders: of the shards, in any order.
        code: compiled code that may work on their states.

    Returns:
        What one run over all groups finds, to rounding in float64.

    Raises:
        OutputError: a folder holds no states, or those of another measurement, or ones that do not fit together or
            into memory; a shard is missing or given twice.
        ModelError: as `assemble`.
    """
    shards = [_read(folder) for folder in folders]
    _check(shards)
    try:
        return _merge(shards, code)
    except OnnxinvError:
        raise
    except MemoryError as error:
        raise OutputError(
            f"There is not memory enough to merge the states in '{shards[0].folder}'.",
            "Merge them where there is more: they may be damaged, or only large.",
        ) from error
    except Exception as error:  # statistics fail in a dozen ways on arrays that are none of theirs
        raise OutputError(
            f"The states in '{shards[0].folder}' do not fit together: {type(error).__name__}: {error}.",
            "Measure the shards again.",
        ) from error


def _merge(shards: Sequence[Shard], code: Compiled | None) -> Result:
    sketches: list[Sketch] = []
    done: list[Together] = []
    # Non-finite activations end as nan and are counted; numpy would warn of each.
    with np.errstate(all="ignore"):
        # One by one: all chunks together may not fit into memory.
        for chunk in range(len(shards[0].checkpoint.manifest.chunks)):
            part, every = _chunk(shards, chunk, code)
            done.append(finish(part, every.__getitem__, os.cpu_count() or 1))
            sketches += part
        return _assembled(shards, sketches, done)


def _read(folder: Path) -> Shard:
    checkpoint = read_checkpoint(folder / STATE)
    if not folder.is_dir():
        raise OutputError(f"There is no folder '{folder}'.", "Name those that --shard I/N -o DIR wrote.")
    if checkpoint is None:
        raise OutputError(
            f"'{folder}' holds no states to be merged.", "Measure with --shard I/N -o DIR, and name those folders."
        )
    if not (folder / "result.json").exists():
        raise OutputError(f"'{folder}' is not finished: it has no result yet.", "Finish it with --resume.")
    result, manifest = Result.load(folder), checkpoint.manifest
    digests: dict[int, bytes] = {}
    for entry in checkpoint.entries(0):
        digests |= checkpoint.samples(entry)
    if (result.meta.options.shard or "1/1") != manifest.shard or result.meta.data.digest != digest_of_all(digests):
        raise OutputError(f"The result in '{folder}' is not that of its states.", "Measure the shard again.")
    return Shard(folder, checkpoint, result, digests)


def _check(shards: Sequence[Shard]) -> None:
    """Make sure that the shards are all of one measurement.

    Raises:
        OutputError: they are not; the message names the folder and what is wrong.
    """
    first = shards[0]
    made_by = first.checkpoint.manifest.identity.get(VERSION)
    if made_by != __version__:
        raise OutputError(
            f"The states in '{first.folder}' are of onnxinv {made_by}, and this is {__version__}.",
            "Merge with the version that measured.",
        )
    owners: dict[int, Path] = {}
    for shard in shards:
        if not shard.is_finished:
            raise OutputError(f"'{shard.folder}' is not finished.", "Finish it with --resume.")
        differs = difference(first.checkpoint.manifest.identity, shard.checkpoint.manifest.identity)
        if differs:
            raise OutputError(
                f"'{first.folder}' and '{shard.folder}' are of different measurements; what differs is: {differs}.",
                how_to_agree(differs) or "Merge the shards of one measurement.",
            )
        for entry in shard.checkpoint.entries(0):
            if entry.group in owners:
                raise OutputError(
                    f"'{shard.folder}' and '{owners[entry.group]}' both hold group {entry.group + 1}: "
                    f"{shard.name} is given twice, or shards of different numbers are mixed.",
                    "Name each shard once.",
                )
            owners[entry.group] = shard.folder
    _check_complete(shards, set(owners))


def _check_complete(shards: Sequence[Shard], groups: set[int]) -> None:
    manifest = shards[0].checkpoint.manifest
    missing = sorted(set(range(manifest.groups)) - groups)
    # A run that was to be no more precise than asked for ends before all groups are measured.
    if missing and shards[0].result.meta.options.precision is None:
        count = manifest.part[1]
        lacking = sorted({group % count + 1 for group in missing})
        raise OutputError(
            f"{len(missing)} of {manifest.groups} groups are missing: those of shard "
            f"{', '.join(f'{each}/{count}' for each in lacking)}.",
            "Name the folders of all shards.",
        )


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
    check_outputs(template.meta.model, layers)
    faint = [sum(together.faint[layer.index] for together in done) for layer in layers]
    outputs = {key: output_value(*one) for together in done for key, one in together.outputs.items()}
    bounds = {
        key: limits
        for sketch in sketches
        for measure in sketch.measures
        for key, limits in measure.bounds_by_key().items()
    }
    keys = list(template.document.summary)
    nothing = Values(np.zeros(0), np.zeros(0, dtype=np.bool_))
    values = {key: [nothing, *(one[key][0] for one in found.values() if key in one)] for key in keys}
    document = template.document.model_copy(
        update={
            "meta": _meta(shards, warnings_of(layers, faint)),
            "layers": layers,
            "outputs": {key: outputs[key] for key in template.document.outputs},
            "summary": global_values(layers, bounds, values),
        }
    )
    return Result(document, _units(sketches, layers, found))


def _layer(layer: LayerResult, found: Found) -> LayerResult:
    told = {key: found[key][1] if key in found else before for key, before in layer.measures.items()}
    return layer.model_copy(update={"measures": told})


def _units(
    sketches: Sequence[Sketch], layers: Sequence[LayerResult], found: Mapping[int, Found]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the arrays of `units.npz`, in the order of the layers and of their measures."""
    owners = {
        (sketch.layer, key): sketch
        for sketch in sketches
        if sketch.role == "layer"
        for measure in sketch.measures
        for key in measure.result_keys()
    }
    units: dict[str, npt.NDArray[np.float64]] = {}
    for layer in layers:
        for key in layer.measures:
            if sketch := owners.get((layer.index, key)):
                values = found[layer.index][key][0]
                units[units_key(key, layer.index)] = sketch.arrange(values.values)
                if values.classes is not None:
                    units[classes_key(key, layer.index)] = np.stack([sketch.arrange(one) for one in values.classes])
    return units


def _meta(shards: Sequence[Shard], warnings: Sequence[str]) -> Meta:
    meta = shards[0].result.meta
    digests = {index: digest for shard in shards for index, digest in shard.digests.items()}
    timings = [each.result.meta.timing for each in shards]
    seconds, inferences = sum(each.seconds for each in timings), sum(each.inferences for each in timings)
    groups = sum(each.result.meta.options.groups for each in shards)
    owners = {name for each in timings for name in each.shares}
    busy = {name: sum(each.shares.get(name, 0.0) * each.seconds for each in timings) for name in owners}
    return meta.model_copy(
        update={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": meta.data.model_copy(update={"samples": len(digests), "digest": digest_of_all(digests)}),
            "options": meta.options.model_copy(update={"groups": groups, "shard": None}),
            "timing": meta.timing.model_copy(
                update={
                    "seconds": round(seconds, 3),
                    "inferences": inferences,
                    "inferences_per_second": round(inferences / seconds, 1) if seconds else 0.0,
                    "shares": {
                        name: round(busy[name] / seconds, 4)
                        for name in sorted(busy, key=busy.__getitem__, reverse=True)
                    }
                    if seconds
                    else {},
                }
            ),
            "warnings": [*shards[0].checkpoint.manifest.notices, *warnings],
            "pictures": None,
        }
    )
