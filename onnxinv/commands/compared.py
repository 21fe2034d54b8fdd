"""Writes a comparison with its page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxinv.comparison import Comparison


def save_comparison(comparison: Comparison, folder: Path, *, overwrite: bool) -> None:
    """Write a comparison with its page, `report.html`: both files or none.

    Raises:
        OutputError: as `Comparison.save`.
    """
    from onnxinv.files import write_folder
    from onnxinv.reports.comparisons import comparison_reports

    page = comparison_reports.build("html").render(comparison).encode()
    files = {"report.html": page, **comparison.files()}
    write_folder(folder, files, marker="compare.json", overwrite=overwrite)
