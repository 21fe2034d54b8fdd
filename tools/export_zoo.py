"""Makes the small models of tests/zoo with the exporters that people use; each framework in its own environment.

    python tools/export_zoo.py --framework torch -o tests/zoo

The note beside the models says which versions made them.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

FRAMEWORKS = ("torch", "tensorflow", "keras", "sklearn", "quantized")
SIZE_LIMIT = 3_000_000


def main() -> None:
    """Export the models of one framework, then list the folder and check its size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True, help="quantized needs the models of torch")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the models")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    # The frameworks exclude one another, so that only the asked-for one can be imported.
    import_module(f"zoo.{arguments.framework}_export").export_all(arguments.out, arguments.seed)
    sizes = {path.name: path.stat().st_size for path in sorted(arguments.out.glob("*.onnx*"))}
    for name, size in sizes.items():
        print(f"{size:>9,} {name}")
    total = sum(sizes.values())
    print(f"{total:>9,} together")
    if total > SIZE_LIMIT:
        raise SystemExit(f"The models are larger than {SIZE_LIMIT:,} bytes together.")


if __name__ == "__main__":
    main()
