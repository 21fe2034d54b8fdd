"""Writes the report: Markdown, figures, and the verdicts as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jinja2

from onnxinv.files import write_file
from tools.reproduce.datasets import Folders, load
from tools.reproduce.experiment import Experiment, Outcome
from tools.reproduce.study import Study

REPORT = "REPRODUCTION.md"
VERDICTS = "verdicts.json"
FIGURES = "figures"
DOTS_PER_INCH = 90

PACKAGES = "onnxinv onnxruntime onnxruntime-gpu torch numpy scipy scikit-image scikit-learn mlxtend".split()
"""What can change a number; those that are installed are told with their versions."""

PEER = Path(__file__).parents[2] / "tests" / "reproduce" / "golden" / "tmeasures.json"
"""What the authors' library said of networks and variants that both were given; see `peer`."""

PEER_KEYS = ("transformational-variance", "sample-variance", "normalized-variance")


def write(
    folder: Path,
    study: Study,
    folders: Folders,
    found: Sequence[tuple[Experiment, Outcome]],
    beside: Sequence[Mapping[str, object]],
) -> Path:
    """Write the report of a study.

    Args:
        folder: made where it is not there; an earlier report in it is replaced.
        study: its sizes.
        folders: of the paper's datasets.
        found: the experiments in order, with their outcomes.
        beside: `verdicts.json` of other seed sets, to be shown beside.

    Returns:
        The Markdown file.
    """
    pictures = folder / FIGURES
    pictures.mkdir(parents=True, exist_ok=True)
    for _, outcome in found:
        for picture in outcome.pictures:
            # Without a date the same numbers make the same bytes.
            picture.figure.savefig(pictures / f"{picture.name}.png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    verdicts = {each.key: {"status": outcome.status, "statistic": outcome.statistic} for each, outcome in found}
    told = {"study": study.name, "first_seed": study.first_seed, "verdicts": verdicts}
    write_file(folder / VERDICTS, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Markdown of our own numbers
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["cell"] = cell
    text = environment.get_template("report.md.j2").render(
        study=study,
        found=found,
        datasets=[load(name, folders) for name in study.datasets],
        beside=beside,
        figures=FIGURES,
        packages=_versions(),
        peer=json.loads(PEER.read_text(encoding="utf-8")),
        peer_keys=PEER_KEYS,
        python=platform.python_version(),
        machine=platform.machine(),
    )
    path = folder / REPORT
    write_file(path, text.encode())
    return path


def cell(text: str) -> str:
    """Return a text as it stands in a cell of a Markdown table, which ends at a bar or with the line."""
    return " ".join(text.split()).replace("|", r"\|")


def read_verdicts(folder: Path) -> dict[str, object]:
    """Return what another run decided.

    Raises:
        SystemExit: there is no such run.
    """
    path = folder / VERDICTS
    try:
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} cannot be read: {error}.") from error
    if not isinstance(found, dict) or not {"first_seed", "verdicts"} <= set(found):
        raise SystemExit(f"{path} holds no verdicts.")
    return found


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
