"""Valid files of every format, with what has to lie beside them; they are what is changed."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

MODELS = Path(__file__).parent.parent.parent / "models"

_NETWORK = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
net (float[n,1,8,8] image) => (float[n,4] y, float[n,3,8,8] e) <float[3,1,3,3] k, float[48,4] w> {
    c = Conv<pads = [1, 1, 1, 1]>(image, k)  e = local.twice(c)  r = Relu(e)
    zero = Constant<value = float {0}>()  all = ReduceMax<keepdims = 0>(r)  some = Greater(all, zero)
    b = If(some) <then_branch = t () => (float[n,3,8,8] p) { p = Sigmoid(r) },
                  else_branch = f () => (float[n,3,8,8] q) { q = Identity(r) }>
    times = Constant<value = int64 {2}>()  go = Constant<value = bool {1}>()
    l = Loop(times, go, b) <body = l (int64 i, bool on, float[n,3,8,8] v) => (bool off, float[n,3,8,8] u) {
        off = Identity(on)  u = Tanh(v) }>
    p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(l)  f = Flatten(p)  m = MatMul(f, w)  y = Softmax(m) }
<domain: "local", opset_import: ["" : 17]>
twice (a) => (b) { a2 = Add(a, a)  b = Elu(a2) }
"""

_TURNS = "rotation:steps=2,degrees=180"


def network() -> onnx.ModelProto:
    """Return a small network with a function, a branch, a loop and constants of all kinds."""
    model = onnx.parser.parse_model(_NETWORK)
    generator = np.random.default_rng(0)
    weights = {"k": generator.standard_normal((3, 1, 3, 3)), "w": generator.standard_normal((48, 4))}
    del model.graph.initializer[:]
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()
    )
    return model


def _plain() -> onnx.ModelProto:
    """Return a network that is measured in little time."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
    net (float[n,1,8,8] image) => (float[n,4] y) <float[3,1,3,3] k, float[48,4] w> {
        c = Conv<pads = [1, 1, 1, 1]>(image, k)  r = Relu(c)
        p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(r)  f = Flatten(p)  y = MatMul(f, w) }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(network().graph.initializer)
    return model


def models(path: Path) -> list[bytes]:
    """Return models, and put beside them what they may say that their weights are in."""
    folder = path.parent
    outside = folder.parent / "outside"
    if not (folder / "pipe").exists():
        (folder / "weights.bin").write_bytes(bytes(4096))
        (folder / "link.bin").symlink_to(outside / "weights.bin")
        (folder / "linked").symlink_to(outside)
        (folder / "folder").mkdir()
        (outside / "hard.bin").write_bytes(bytes(4096))
        os.link(outside / "hard.bin", folder / "hard.bin")
        os.mkfifo(folder / "pipe")
    external = _plain()
    for tensor, offset in zip(external.graph.initializer, (0, 128), strict=True):
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("offset", str(offset))):
            tensor.external_data.add(key=key, value=value)
    made = [each.SerializeToString() for each in (network(), _plain(), external)]
    return [*made, (MODELS / "frameworks" / "int8_qdq.onnx").read_bytes()]


def small_models(path: Path) -> list[bytes]:
    """Return models that are measured in little time, with the same beside them."""
    return models(path)[:3]


def _images() -> np.ndarray:
    return np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8)


def arrays(_path: Path) -> list[bytes]:
    """Return archives of arrays."""
    made = []
    for save in (np.savez, np.savez_compressed):
        content = io.BytesIO()
        save(content, x=_images(), y=np.array(["a", "b"]))  # type: ignore[operator]
        made.append(content.getvalue())
    return made


def array(_path: Path) -> list[bytes]:
    """Return an array."""
    content = io.BytesIO()
    np.save(content, _images())
    return [content.getvalue()]


def pictures(_path: Path) -> list[bytes]:
    """Return an image in every file format that is read, and others that a decoder may take them for."""
    from PIL import Image

    made = []
    gray = Image.fromarray(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28))
    wide = Image.fromarray(np.arange(28 * 28, dtype=np.uint16).reshape(28, 28) * 80)
    colours = gray.convert("RGB")
    for image, form, options in (
        (gray, "PNG", {}),
        (wide, "PNG", {}),
        (colours.quantize(8), "PNG", {"transparency": 1}),
        (colours.convert("RGBA"), "PNG", {}),
        (gray, "PNG", {"save_all": True, "append_images": [gray.rotate(90)]}),
        (colours, "BMP", {}),
        (colours, "JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"}),
        (colours, "PPM", {}),
        (colours, "TIFF", {"compression": "tiff_lzw"}),
        (gray, "TIFF", {}),
        (colours, "WEBP", {}),
        (gray, "GIF", {}),
        (colours, "EPS", {}),
    ):
        content = io.BytesIO()
        image.save(content, form, **options)
        made.append(content.getvalue())
    return made


def idx(path: Path) -> list[bytes]:
    """Return images in an IDX file, and put labels beside it."""
    images = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 28, 28) + bytes(2 * 28 * 28)
    labels = struct.pack(">BBBBI", 0, 0, 8, 1, 2) + b"\1\2"
    if "images" in path.name:
        path.with_name("a-labels-idx1-ubyte").write_bytes(labels)
        return [gzip.compress(images, mtime=0) if path.suffix == ".gz" else images]
    path.with_name("a-images-idx3-ubyte").write_bytes(images)
    return [labels]


def cifar(path: Path) -> list[bytes]:
    """Return records of CIFAR, and put names of classes beside them."""
    records = b"".join(bytes([label]) + bytes(3072) for label in (1, 2))
    if path.name == "batches.meta.txt":
        path.with_name("a.bin").write_bytes(records)
        return ["\n".join(f"class {number}" for number in range(10)).encode()]
    path.with_name("batches.meta.txt").write_text("\n".join("abcdefghij"), encoding="utf-8")
    return [records]


def measured(name: str) -> Callable[[Path], list[bytes]]:
    """Return what measures a small network, twice the same, and hands over a file of the result."""

    def prepare(path: Path) -> list[bytes]:
        import onnxinv

        folder = path.parent.parent if path.parent.name == "state" else path.parent
        if not (folder / "other").exists():
            model = folder / "net.onnx"
            model.write_bytes(_plain().SerializeToString())
            options = {"samples": 4, "groups": 2, "device": "cpu", "threads": 1, "keep_units": 1}
            for place in (folder, folder / "other"):
                result = onnxinv.analyze(model, "random:n=4", _TURNS, state=place / "state", **options)
                result.save(place, overwrite=True)
        return [(folder / "other" / name).read_bytes()]

    return prepare


def checked(path: Path) -> list[bytes]:
    """Return a baseline, and put beside it the configuration and the model that it is of."""
    from onnxinv.api import configured
    from onnxinv.checking import baseline_text, measure_run, prepare

    folder = path.parent
    (folder / "net.onnx").write_bytes(_plain().SerializeToString())
    lines = ['baseline = "baseline.json"', "[[runs]]", 'name = "net"', 'model = "net.onnx"', 'data = "random:n=4"']
    lines += [f'transforms = ["{_TURNS}"]', "groups = 2", 'device = "cpu"', "threads = 1"]
    lines += ["[[runs.limits]]", 'layers = ["c", "r"]', 'max-regression = "5%"']
    (folder / "onnxinv.toml").write_text("\n".join(lines), encoding="utf-8")
    asked = configured(None, None, None, (), config=folder / "onnxinv.toml")
    prepared = prepare(asked, update=True)
    return [baseline_text(prepared, [measure_run(each) for each in prepared], {}).encode()]


def configuration(_path: Path) -> list[bytes]:
    """Return a configuration."""
    return [(MODELS / "onnxinv.toml").read_bytes()]


def pairs(_path: Path) -> list[bytes]:
    """Return a map of layers."""
    return [b'[pairs]\nconv1 = "conv2d_3/Relu"\n"fc.1" = "dense"\n']


def preprocessor(_path: Path) -> list[bytes]:
    """Return a description of preprocessing, and put an image there that it is for."""
    told = {
        "do_resize": True, "size": {"height": 8, "width": 8}, "resample": 2, "do_center_crop": True, "crop_size": 4,
        "do_rescale": True, "rescale_factor": 0.00392, "do_normalize": True, "image_mean": [0.5], "image_std": [0.5],
        "crop_pct": None, "image_processor_type": "ConvNextImageProcessor",
    }  # fmt: skip
    square = {**told, "size": {"shortest_edge": 9}, "crop_size": {"height": 4, "width": 5}, "image_mean": 0.5}
    return [json.dumps(each).encode() for each in (told, square)]
