"""The kinds of files that onnxinv reads: valid ones, how they are changed, and what reads them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.fuzz import readings, seeds
from tools.fuzz.mutations.arrays import change_archive, change_array
from tools.fuzz.mutations.damage import damage
from tools.fuzz.mutations.messages import change_model
from tools.fuzz.mutations.pixels import change_idx, change_png
from tools.fuzz.mutations.trees import change_json, change_toml

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: of the file that is written, beneath the folder of its reader.
        prepare: puts beside it what it needs, and returns the contents of valid ones.
        read: what onnxinv does with it.
        change: changes it as what it is; None where bytes are all that can be changed.
        share: of the time, in those of the others.
    """

    name: str
    prepare: Callable[[Path], list[bytes]]
    read: Callable[[Path], object]
    change: Change | None = None
    share: int = 1


FORMATS = {
    "onnx": Format("net.onnx", seeds.models, readings.inspected, change_model, share=4),
    "onnx-analyze": Format("net.onnx", seeds.small_models, readings.analyzed, change_model, share=4),
    "npz": Format("x.npz", seeds.arrays, readings.samples, change_archive),
    "npy": Format("x.npy", seeds.array, readings.samples, change_array),
    "npy-constant": Format("x.npy", seeds.array, readings.constant, change_array),
    "images": Format("photos/a.png", seeds.pictures, readings.folder_of_images, change_png),
    "idx": Format("a-images-idx3-ubyte", seeds.idx, readings.samples, change_idx),
    "idx-gz": Format("a-images-idx3-ubyte.gz", seeds.idx, readings.samples, change_idx),
    "idx-labels": Format("a-labels-idx1-ubyte", seeds.idx, readings.labels, change_idx),
    "cifar": Format("a.bin", seeds.cifar, readings.samples),
    "cifar-names": Format("batches.meta.txt", seeds.cifar, readings.labels),
    "result": Format("result.json", seeds.measured("result.json"), readings.result, change_json),
    "units": Format("units.npz", seeds.measured("units.npz"), readings.result, change_archive),
    "pictures": Format("pictures.npz", seeds.measured("pictures.npz"), readings.result, change_archive),
    "compare": Format("result.json", seeds.measured("result.json"), readings.compared, change_json),
    "state": Format("state/state.json", seeds.measured("state/state.json"), readings.merged, change_json),
    "subjects": Format(
        "state/chunk-0-subjects.npz", seeds.measured("state/chunk-0-subjects.npz"), readings.merged, change_archive
    ),
    "group": Format(
        "state/chunk-0-group-0.npz", seeds.measured("state/chunk-0-group-0.npz"), readings.merged, change_archive
    ),
    "baseline": Format("baseline.json", seeds.checked, readings.baseline, change_json),
    "toml": Format("onnxinv.toml", seeds.configuration, readings.configuration, change_toml),
    "map": Format("map.toml", seeds.pairs, readings.pairs, change_toml),
    "preprocessor": Format("preprocessor_config.json", seeds.preprocessor, readings.preprocessor, change_json),
}
"""The formats by name."""


def changed(name: str, contents: Sequence[bytes], chance: random.Random) -> bytes:
    """Return one of the valid files of a format, changed as what it is, as bytes, or both."""
    content, change = chance.choice(contents), FORMATS[name].change
    kind = chance.random()
    if change is not None and kind < 0.7:
        content = change(content, chance)
    return damage(content, chance) if change is None or kind > 0.65 else content
