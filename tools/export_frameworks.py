"""Makes models/frameworks: one shipped network as several frameworks export it; each in its own environment.

    python tools/export_frameworks.py --framework torch

The note beside the models says which versions made them.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

FRAMEWORKS = ("torch", "tensorflow", "keras", "int8")
SIZE_LIMIT = 1_000_000


def main() -> None:
    """Export the network by one framework, then list the folder and check the size of each file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument(
        "--model", type=Path, default=Path("models/mnist_simpleconv_rotated.onnx"), help="whose weights they all get"
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("models/frameworks"), help="folder for the models")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    # The frameworks exclude one another, so that only the asked-for one can be imported.
    exporter = import_module(f"frameworks.{arguments.framework}_export")
    exporter.export_all(arguments.model, arguments.out)
    sizes = {path.name: path.stat().st_size for path in sorted(arguments.out.glob("*.onnx"))}
    for name, size in sizes.items():
        print(f"{size:>9,} {name}")
    if max(sizes.values()) > SIZE_LIMIT:
        raise SystemExit(f"A model is larger than {SIZE_LIMIT:,} bytes.")


if __name__ == "__main__":
    main()
