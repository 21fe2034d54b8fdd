"""The command `report`: renders a saved result again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onnxinv.options import Formats, parse_formats
from onnxinv.printing import write_reports


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that analyze -o wrote.", show_default=False)],
    formats: Formats = None,
) -> None:
    """Render an existing result again."""
    from onnxinv.reports import reports
    from onnxinv.result import Result

    wanted = parse_formats(formats, reports)
    write_reports(Result.load(folder), reports, wanted, quiet=False)
