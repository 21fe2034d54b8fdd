"""Checks measures against tmeasures, the library of the paper's authors, on identical variants.

    python -m tools.reproduce.peer --peer PYTHON
    python -m tools.reproduce.peer --peer PYTHON --golden tests/reproduce/golden

PYTHON is the interpreter of an environment with torch and tmeasures 1.2.11; it needs neither onnx nor onnxinv. TV, SV
and NV of both are held against the definition, too: float64 standard deviations (ddof = 1) of whole rows and columns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from onnxinv.assemble import assemble
from onnxinv.engine import measure
from onnxinv.plan import Plan
from onnxinv.version import __version__
from tools.peer.agreement import MEASURES, Agreement, Values, agreement, labels
from tools.peer.call import call
from tools.peer.hand_over import write_network, write_variants
from tools.reproduce.peer_cases import CASES, FAMILIES, SAMPLES, TRANSFORM, network_digest, plan_for, variant_sums

TOLERANCE = 1e-4
"""Relative difference of a channel's value that passes for agreement."""

_VALUES = {
    "variances": "TV: mean over samples of the standard deviation over transforms; SV: mean over transforms of that "
    "over samples; ddof = 1 in both; each averaged over the positions of a channel, in float64; NV: their quotient",
    "stratified": "NV of the samples of each class, averaged over the classes",
    "distances": "mean absolute difference of pairs of transforms, and of pairs of samples in a batch that holds all; "
    "each averaged over the positions of a channel, in float64; normalized-distance: their quotient",
}


@dataclass(frozen=True)
class Checked:
    """One network as both have measured it.

    Attributes:
        plan: of onnxinv's measurement.
        peer: versions of tmeasures, torch and numpy, and the dtype of its values.
        values: of tmeasures, by family.
        sums: `variant_sums` of the variants.
        digest: SHA-256 of their float32 bytes.
        agreements: of onnxinv with tmeasures, by family, then by measure.
        errors: of either against the definition, by a name for the comparison, then by measure.
    """

    plan: Plan
    peer: Mapping[str, Any]
    values: Mapping[str, Values]
    sums: np.ndarray
    digest: str
    agreements: Mapping[str, Mapping[str, Agreement]]
    errors: Mapping[str, Mapping[str, Agreement]]

    @property
    def agrees(self) -> bool:
        """Whether every value of onnxinv is that of tmeasures."""
        return all(each.largest <= TOLERANCE for by in self.agreements.values() for each in by.values())


def cross_check(name: str, python: Path) -> Checked:
    """Measure a network of `CASES` with onnxinv and with tmeasures, and both against the definition.

    Args:
        name: of the network.
        python: interpreter that has tmeasures.
    """
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        plan = plan_for(name, folder)
        network, made, file, labels_file = (folder / each for each in ("n.npz", "v.npy", "values.npz", "labels.npy"))
        write_network(plan, network)
        write_variants(plan, made)
        handed = (network, made, SAMPLES, file)
        peer, theirs, ours = {}, {}, {}
        for family in CASES[name].families:
            each = FAMILIES[family]
            more = (labels_file,) if each.stratified else ()
            if each.stratified:
                np.save(labels_file, CASES[name].samples()["y"][plan.samples])
            peer |= call(python, each.script, *handed, *more)
            theirs[family] = dict(np.load(file))
            measuring = plan_for(name, folder, family)
            ours[family] = assemble(measuring, measure(measuring)).units
        defined = {}
        for precision in ("float32", "float64"):
            call(python, "definition", *handed, precision)
            defined[precision] = dict(np.load(file))
        variants = np.load(made)
    layers = labels(plan)
    agreements = {
        family: {each: agreement(layers, theirs[family], ours[family], [each]) for each in FAMILIES[family].measures}
        for family in theirs
    }
    held = {
        "tmeasures to the definition, network in float32": (defined["float32"], theirs["variances"]),
        "tmeasures to the definition, network in float64": (defined["float64"], theirs["variances"]),
        "onnxinv to the definition, network in float64": (defined["float64"], ours["variances"]),
    }
    errors = {
        pair: {each: agreement(layers, one, other, [each]) for each in MEASURES} for pair, (one, other) in held.items()
    }
    digest = hashlib.sha256(variants.tobytes()).hexdigest()
    return Checked(plan, peer, theirs, variant_sums(variants), digest, agreements, errors)


def table(checked: Checked) -> str:
    """Return the agreements of a network as Markdown."""
    rows = {f"onnxinv to tmeasures, {family}": by for family, by in checked.agreements.items()}
    rows |= checked.errors
    lines = [
        "| compared | measure | channels | zero in both | in one only | median | largest | where |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {pair} | {name} | {each.channels} | {each.zero} | {each.disputed} | {each.median:.1e} "
        f"| {each.largest:.1e} | {each.where} |"
        for pair, by_measure in rows.items()
        for name, each in by_measure.items()
    ]
    return "\n".join(lines)


def write_golden(checked: Mapping[str, Checked], folder: Path) -> None:
    """Write the values of tmeasures into `tmeasures.npz`, and where they come from into `tmeasures.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{name}/{family}/{key}": value
        for name, each in checked.items()
        for family, values in each.values.items()
        for key, value in values.items()
    }
    arrays |= {f"{name}/variant-sums": each.sums for name, each in checked.items()}
    np.savez_compressed(folder / "tmeasures.npz", **arrays)
    networks = {
        name: {
            "title": CASES[name].title,
            "network_sha256": network_digest(each.plan),
            "variants_sha256": each.digest,
            "layers": labels(each.plan),
            "agreement": {
                family: {key: asdict(one) for key, one in by.items()} for family, by in each.agreements.items()
            },
        }
        for name, each in checked.items()
    }
    first = next(iter(checked.values()))
    provenance = {
        "date": str(date.today()),
        "made_by": "python -m tools.reproduce.peer --peer PYTHON --golden tests/reproduce/golden",
        "onnxinv": __version__,
        "peer": first.peer["versions"] | {"dtype": first.peer["dtype"], "batch": first.peer["batch"]},
        "transforms": {"spec": TRANSFORM, "names": [each.name for each in first.plan.transforms]},
        "samples": SAMPLES,
        "values": _VALUES,
        "networks": networks,
    }
    (folder / "tmeasures.json").write_text(json.dumps(provenance, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how well the values agree; exit with a sentence where they do not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", type=Path, metavar="PYTHON", required=True, help="interpreter with tmeasures")
    parser.add_argument("--golden", type=Path, metavar="FOLDER", help="write the values of tmeasures there")
    parser.add_argument("--networks", nargs="+", choices=tuple(CASES), default=list(CASES))
    options = parser.parse_args(arguments)
    checked = {}
    for name in options.networks:
        checked[name] = cross_check(name, options.peer)
        print(f"\n**{CASES[name].title}**, {SAMPLES} samples, {TRANSFORM}\n\n{table(checked[name])}", flush=True)
    if options.golden:
        write_golden(checked, options.golden)
    astray = [name for name, each in checked.items() if not each.agrees]
    if astray:
        raise SystemExit(f"Values differ by more than {TOLERANCE:.0e} from those of tmeasures: {', '.join(astray)}.")


if __name__ == "__main__":
    main()
