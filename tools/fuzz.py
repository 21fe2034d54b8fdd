"""Feeds onnxinv damaged files of every format that it reads; every answer must be a result or a sentence.

    .venv/bin/python -m tools.fuzz --minutes 30 --keep fuzz-finds

A valid file is changed at random (bits flipped, bytes replaced, cut, repeated, inserted; numbers of headers set to
extremes) and handed to what reads it, in a process of its own that takes many files one after the other. What counts as
a find: an exception other than onnxinv's own, a process that dies, or one that takes longer than the limit. Files that
brought about a find are kept.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

MODELS = Path(__file__).parent.parent / "models"

LIMIT = 20.0
"""Seconds that one file may take."""

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
"""Numbers that lengths and sizes in headers are set to."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: of the file that is written.
        seed: writes a valid one.
        read: what onnxinv does with it.
    """

    name: str
    seed: Callable[[Path], None]
    read: Callable[[Path], object]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how many files of each format were tried and what came of them; exit 1 if there was a find."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, metavar="M", help="(default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--formats", nargs="+", metavar="NAME", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--keep", type=Path, metavar="DIR", default=Path("fuzz-finds"), help="(default: fuzz-finds)")
    options = parser.parse_args(arguments)
    chance, finds = random.Random(options.seed), 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.formats}
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="onnxinv-fuzz-") as folder:
        readers = {name: Reader(name, Path(folder) / name) for name in options.formats}
        while time.monotonic() < end:
            for name, reader in readers.items():
                content = mutated(reader.seed, chance)
                told = reader.tried(content)
                counts[name][told.partition(":")[0]] += 1
                if not told.startswith(("read", "refused")):
                    finds += 1
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{name}-{finds}").write_bytes(content)
                    print(f"{name}: {told}", flush=True)
        for reader in readers.values():
            reader.close()
    print("\n| format | tried | read | refused | exceptions | crashes | hangs |\n|---|---|---|---|---|---|---|")
    for name, count in counts.items():
        told = (sum(count.values()), *(count[each] for each in ("read", "refused", "exception", "crash", "hang")))
        print(f"| {name} | " + " | ".join(f"{each:,}" for each in told) + " |")
    sys.exit(1 if finds else 0)


class Reader:
    """A process that reads files of one format, replaced where it dies or hangs.

    Args:
        format_name: a name of `FORMATS`.
        folder: of the process alone.

    Attributes:
        seed: the content of a valid file.
    """

    def __init__(self, format_name: str, folder: Path) -> None:
        self._format, self._folder = format_name, folder
        folder.mkdir()
        path = folder / FORMATS[format_name].name
        FORMATS[format_name].seed(path)
        self.seed = path.read_bytes()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_read_all, args=(self._format, self._folder, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def tried(self, content: bytes) -> str:
        """Return what came of a file: `read`, `refused: ...`, `exception: ...`, `crash: ...` or `hang`."""
        self._ours.send_bytes(content)
        try:
            if self._ours.poll(LIMIT):
                return self._ours.recv()
            told = "hang"
        except (EOFError, OSError):
            self._process.join(5)
            told = f"crash: {self._process.exitcode}"
        self.close()
        self._start()
        return told

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _read_all(format_name: str, folder: Path, connection: Connection) -> None:
    from onnxinv.errors import OnnxinvError

    form = FORMATS[format_name]
    while True:
        path = folder / form.name
        path.write_bytes(connection.recv_bytes())
        try:
            form.read(path)
            told = "read"
        except OnnxinvError as error:
            told = f"refused: {error.message[:200]}"
        except BaseException as error:
            told = f"exception: {type(error).__name__}: {str(error)[:200]}"
        connection.send(told)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with one to eight changes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        if not changed:
            break
        # Headers stand at the ends of files, where most of what can be misread is.
        near = chance.choice((64, 512, len(changed)))
        place = min(chance.randrange(near), len(changed) - 1)
        if chance.random() < 0.3:
            place = len(changed) - 1 - place
        _change(changed, place, chance)
    return bytes(changed)


def _change(content: bytearray, place: int, chance: random.Random) -> None:
    kind = chance.randrange(7)
    length = chance.choice((1, 2, 4, 8, 64))
    if kind == 0:
        content[place] ^= 1 << chance.randrange(8)
    elif kind == 1:
        content[place : place + length] = chance.randbytes(length)
    elif kind == 2:
        del content[place : place + length]
    elif kind == 3:
        content[place:place] = content[place : place + length]
    elif kind == 4:
        del content[place:]
    elif kind == 5:
        form = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
        number = chance.choice(EXTREMES) & ((1 << 8 * struct.calcsize(form)) - 1)
        content[place : place + struct.calcsize(form)] = struct.pack(form, number)
    else:
        text = chance.choice((b"-1", b"99999999999", b"nan", b"null", b"[]", b"{}", b'"', b"\x00", b"../x", b"1e999"))
        content[place : place + len(text)] = text


def _save_digits(path: Path) -> None:
    np.savez(path, x=np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28), y=np.array([0, 1]))


def _save_array(path: Path) -> None:
    np.save(path, np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28))


def _save_png(path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)).save(path, format="PNG")


def _save_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 28, 28) + bytes(2 * 28 * 28))


def _save_cifar(path: Path) -> None:
    path.write_bytes(b"".join(bytes([label]) + bytes(3072) for label in (1, 2)))


def _save_result(path: Path) -> None:
    import onnxinv

    model, data = MODELS / "mnist_simpleconv_plain.onnx", MODELS / "digits.npz"
    result = onnxinv.analyze(model, data, "flip", samples=8, layers=("fc*",), device="cpu", threads=1)
    result.save(path.parent)


def _save_state(path: Path) -> None:
    import onnxinv

    model, data = MODELS / "mnist_simpleconv_plain.onnx", MODELS / "digits.npz"
    onnxinv.analyze(model, data, "flip", samples=8, layers=("fc*",), device="cpu", threads=1, state=path.parent)


def _copy(name: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes((MODELS / name).read_bytes())  # type: ignore[func-returns-value]


def _samples(path: Path) -> object:
    from onnxinv.data import open_source

    source = open_source(str(path), ())
    return [source.read(index) for index in range(min(source.count, 4))]


def _folder_of_images(path: Path) -> object:
    return _samples(path.parent)


def _model(path: Path) -> object:
    import onnxinv

    return onnxinv.inspect(path, threads=1, device="cpu")


def _result(path: Path) -> object:
    from onnxinv import Result
    from onnxinv.reports import reports

    return reports.build("html").render(Result.load(path.parent))


def _state(path: Path) -> object:
    from onnxinv.checkpoint import read_checkpoint

    return read_checkpoint(path.parent)


def _config(path: Path) -> object:
    from onnxinv.config_file import read_file

    return read_file(path)


def _preprocessor(path: Path) -> object:
    from onnxinv.data.preprocess import Preprocess

    return Preprocess.from_file(path)


def _save_preprocessor(path: Path) -> None:
    told = {
        "do_rescale": True,
        "rescale_factor": 0.00392,
        "image_mean": [0.5],
        "image_std": [0.5],
        "size": {"height": 8},
    }
    path.write_text(json.dumps(told), encoding="utf-8")


FORMATS = {
    "onnx": Format("net.onnx", _copy("frameworks/int8_qdq.onnx"), _model),
    "npz": Format("x.npz", _save_digits, _samples),
    "npy": Format("x.npy", _save_array, _samples),
    "png": Format("photos/a.png", _save_png, _folder_of_images),
    "idx": Format("a-images-idx3-ubyte", _save_idx, _samples),
    "cifar": Format("a.bin", _save_cifar, _samples),
    "result": Format("result.json", _save_result, _result),
    "units": Format("units.npz", _save_result, _result),
    "state": Format("state.json", _save_state, _state),
    "toml": Format("onnxinv.toml", _copy("onnxinv.toml"), _config),
    "preprocessor": Format("preprocessor_config.json", _save_preprocessor, _preprocessor),
}
"""The formats by name."""


if __name__ == "__main__":
    main()
