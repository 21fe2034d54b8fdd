"""Changes valid files at random, feeds them to what reads them, and prints a table of what came of it.

    .venv/bin/python -m tools.fuzz --minutes 30 --keep fuzz-finds

Files are changed as bytes or as what they are (`mutations`), and handed to a process that takes one after the other.
What counts as a find: an exception other than onnxinv's own, a message that would do harm on a terminal, a process that
dies, one that takes longer than the limit or more memory, and one that touches what lies outside its folder. Files that
brought about a find are kept. A model that computes longer than the limit, as one with a loop without end does, is no
find: the table tells of it as endless, and Ctrl-C ends it. Every format has its share of the time. It needs Linux.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tools.fuzz.formats import FORMATS, changed
from tools.fuzz.reader import Reader

_FINE = frozenset({"read", "refused", "endless"})
_OUTCOMES = ("read", "refused", "endless", "exception", "crash", "hang", "forbidden")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how many files of each format were tried and what came of them; exit 1 if there was a find."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, metavar="M", help="(default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--formats", nargs="+", metavar="NAME", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--keep", type=Path, metavar="DIR", default=Path("fuzz-finds"), help="(default: fuzz-finds)")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.formats}
    # Of each format its own, so that what is tried does not depend on how fast the others are read.
    chances = {name: random.Random(f"{options.seed} {name}") for name in options.formats}
    spent = dict.fromkeys(options.formats, 0.0)
    with tempfile.TemporaryDirectory(prefix="onnxinv-fuzz-") as folder:
        readers = {name: Reader(name, Path(folder) / name) for name in options.formats}
        end = time.monotonic() + 60 * options.minutes
        while (start := time.monotonic()) < end:
            name = min(spent, key=spent.__getitem__)
            content = changed(name, readers[name].seeds, chances[name])
            told = readers[name].tried(content)
            outcome = told.partition(":")[0]
            counts[name][outcome] += 1
            if outcome not in _FINE:
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"{name}-{counts[name].total()}"
                kept.write_bytes(content)
                print(f"{kept}: {told}", flush=True)
            spent[name] += (time.monotonic() - start) / FORMATS[name].share
        for reader in readers.values():
            reader.close()
    print("\n| format | tried | read | refused | endless | exceptions | crashes | hangs | forbidden |\n|" + "---|" * 9)
    for name, count in {**counts, "all": sum(counts.values(), Counter())}.items():
        print(
            f"| {name} | "
            + " | ".join(f"{each:,}" for each in (count.total(), *map(count.get, _OUTCOMES, [0] * 7)))
            + " |"
        )
    sys.exit(any(set(count) - _FINE for count in counts.values()))


if __name__ == "__main__":
    main()
