"""Where a configuration comes from, and on which line of its file everything stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from onnxinv.toml_lines import Place, lines_by_place

RUNS = "runs"
"""Key of the runs; what stands beside it is for all of them."""


@dataclass(frozen=True)
class Origin:
    """Where a configuration comes from.

    Attributes:
        path: of the file; None where there is none.
        text: of the file.
        table: keys of the table that holds it.
    """

    path: Path | None = None
    text: str = ""
    table: Place = ()

    @property
    def folder(self) -> Path:
        """Where its relative paths begin."""
        return Path() if self.path is None else self.path.parent

    def of_run(self, run: int, keys: Place = ()) -> Place:
        """Return the place of a key of a run: in the run, or beside all runs where the run does not state it."""
        own = (RUNS, run, *keys)
        return keys if keys and not self._holds(own[:3]) and self._holds(keys[:1]) else own

    def line(self, place: Place) -> int | None:
        """Return the line of a place, or of what it would be in where it is not there; None where there is none."""
        within = (*self.table, *place)
        prefixes = (within[:length] for length in range(len(within), len(self.table) - 1, -1))
        return next((self._lines[prefix] for prefix in prefixes if prefix in self._lines), None)

    def where(self, place: Place = ()) -> str:
        """Return file and line, as they stand before a message; empty without a file."""
        if self.path is None:
            return ""
        line = self.line(place)
        return f"{self.path}, line {line}: " if line else f"{self.path}: "

    def header(self, *keys: str) -> str:
        """Return how a table of an array is begun in the file, such as `[[runs.limits]]`."""
        return f"[[{'.'.join((*map(str, self.table), *keys))}]]"

    def _holds(self, place: Place) -> bool:
        return (*self.table, *place) in self._lines

    @cached_property
    def _lines(self) -> Mapping[Place, int]:
        return lines_by_place(self.text)
