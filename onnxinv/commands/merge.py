"""The command `merge`: makes one result of the shards of a measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onnxinv.commands import measuring
from onnxinv.errors import UsageError
from onnxinv.options import Folder, Formats, Overwrite, Quiet, parse_formats
from onnxinv.printing import say_untrusted, write_reports


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders that analyze --shard wrote.", show_default=False)
    ],
    formats: Formats = None,
    output: Folder = None,
    overwrite: Overwrite = False,  # typer makes a flag of it
    quiet: Quiet = False,
) -> None:
    """Merge the shards of a measurement into one result; neither the model nor the data is needed."""
    from onnxinv import merge as merging  # heavy: --help does not need it
    from onnxinv.files import check_folder
    from onnxinv.reports import reports

    wanted = parse_formats(formats, reports)
    if output is not None:
        if output.resolve() in {folder.resolve() for folder in folders}:
            raise UsageError(f"'{output}' is one of the shards.", "Write the result to a folder of its own.")
        check_folder(output, marker="result.json", overwrite=overwrite)
    result = merging.merge(folders)
    if output is not None:
        measuring.save(result, output, overwrite=overwrite)
    write_reports(result, reports, wanted, quiet=quiet)
    if output is not None and not quiet:
        say_untrusted(f"Written to {output}: report.html, result.json, units.npz")
