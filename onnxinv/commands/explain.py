"""The command `explain`: says what a registered name stands for."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(name: Annotated[str | None, typer.Argument(metavar="NAME")] = None) -> None:
    """Say what a measure, transform, data source or format is; without NAME list them all."""
    from onnxinv.explanations import explain as text_of
    from onnxinv.explanations import list_names

    print(text_of(name) if name else list_names())
