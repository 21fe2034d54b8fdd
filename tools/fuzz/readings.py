"""What onnxinv does with a file of each format; what comes of it is looked at, too, where names can do harm in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tools.fuzz.mutations.values import MARKUP

_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
"""What Markdown shows as it is."""


class HarmError(Exception):
    """What was made of a file would do harm where it is shown, or was taken from where nothing may be taken."""


def inspected(path: Path) -> object:
    """Look at a model."""
    import onnxinv

    plan = onnxinv.inspect(path, threads=1, device="cpu", memory="256MiB")
    _check_weights(path)
    return plan


def analyzed(path: Path) -> object:
    """Measure a model on two samples."""
    import onnxinv
    from onnxinv.api import run

    plan = onnxinv.inspect(path, "random:n=2", threads=1, device="cpu", memory="256MiB", batch=4, groups=2)
    result = run(plan)
    _check_weights(path)
    _render(result)
    return result


def _check_weights(path: Path) -> None:
    """Make sure that a model which could be used has no weights outside its folder."""
    import onnx

    from onnxinv.model.messages import tensors

    folder = os.path.realpath(path.parent)
    for tensor in tensors(onnx.load_model(path, load_external_data=False)):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            for entry in tensor.external_data:
                file = os.path.join(folder, entry.value)
                if entry.key == "location" and os.path.dirname(os.path.realpath(file)) != folder:
                    raise HarmError(f"weights were taken from '{entry.value}'")


def samples(path: Path) -> object:
    """Read samples."""
    from onnxinv.data import open_source

    source = open_source(str(path), ())
    return [source.read(index) for index in range(min(source.count, 4))]


def folder_of_images(path: Path) -> object:
    """Read the images of a folder."""
    return samples(path.parent)


def labels(path: Path) -> object:
    """Read the images that labels or names of classes lie beside."""
    name = "a.bin" if path.name == "batches.meta.txt" else "a-images-idx3-ubyte"
    return samples(path.with_name(name))


def constant(path: Path) -> object:
    """Hold an input constant."""
    from onnxinv.data.constants import hold_constant
    from onnxinv.provenance import TensorInfo

    inputs = [
        TensorInfo(name="x", dtype="float32", shape=["N", 3]),
        TensorInfo(name="c", dtype="int64", shape=[2, 8, 8]),
    ]
    return hold_constant(inputs, [f"c={path}"])


def result(path: Path) -> object:
    """Read a result, and write it in every format."""
    from onnxinv import Result

    found = Result.load(path.parent)
    _render(found)
    return found


def _render(found: object) -> None:
    from onnxinv.reports import reports

    texts = {name: reports.build(name).render(found) for name in reports.names() if name != "schema"}
    _check_texts(texts)


def _check_texts(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        outside = _CODE.sub("", text) if name == "markdown" else text
        if name in ("html", "markdown") and MARKUP in outside:
            raise HarmError(f"{name} holds markup of the file as it is")
        if name in ("terminal", "markdown") and not all(line.isprintable() for line in text.split("\n")):
            raise HarmError(f"{name} holds what is not printable")


def compared(path: Path) -> object:
    """Compare a result with another one of the same model, and write that in every format."""
    import onnxinv
    from onnxinv.reports.comparisons import comparison_reports

    found = onnxinv.compare([path.parent / "other", path.parent])
    names = [name for name in comparison_reports.names() if name != "schema"]
    _check_texts({name: comparison_reports.build(name).render(found) for name in names})
    return found


def merged(path: Path) -> object:
    """Put shards together; their manifest says what is in their files, as one does who writes both."""
    import json
    import zipfile

    from onnxinv.merge import merge
    from onnxinv.state_files import _digest

    manifest = path.parent / "state.json"
    if path != manifest:
        good = path.parent.parent / "other" / "state"
        told = json.loads((good / "state.json").read_text(encoding="utf-8"))
        try:
            with zipfile.ZipFile(path) as archive:
                digest = _digest(archive)
        except Exception:  # what is no archive has none
            digest = "0" * 64
        for stored in (*told["chunks"], *(each["states"] for each in told["entries"])):
            if stored["file"] == path.name:
                stored["digest"] = digest
        manifest.write_text(json.dumps(told), encoding="utf-8")
    found = merge([path.parent.parent])
    _render(found)
    return found


def baseline(path: Path) -> object:
    """Hold a model against a baseline."""
    import onnxinv

    return onnxinv.check(config=path.parent / "onnxinv.toml")


def configuration(path: Path) -> object:
    """Read a configuration."""
    from onnxinv.config_file import read_file

    return read_file(path)


def pairs(path: Path) -> object:
    """Read a map of layers."""
    from onnxinv.align_map import read_map

    return read_map(path)


def preprocessor(path: Path) -> object:
    """Bring an image into the form that a description asks for."""
    import numpy as np

    from onnxinv.data.preprocess import Preprocess, to_model, to_pixels
    from onnxinv.provenance import TensorInfo

    asked = Preprocess.from_file(path)
    info = TensorInfo(name="x", dtype="float32", shape=["N", 1, "h", "w"])
    image, _ = to_pixels(np.arange(100, dtype=np.uint8).reshape(10, 10), "HW", asked, info)
    return to_model(image, asked, info, "NCHW")
