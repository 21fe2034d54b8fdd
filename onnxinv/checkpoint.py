"""What a run has closed so far, on disk: group by group, each whole or not there, so that a killed run can go on."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onnxinv.collect import Parts
from onnxinv.errors import OutputError
from onnxinv.files import write_file, write_through
from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.saving import arrays_of, state_of

FORMAT = 1
"""Format of `state.json`. 1: the first."""

MANIFEST = "state.json"


class Entry(BaseModel):
    """A group of a chunk whose states are in a file.

    Attributes:
        chunk: number of the chunk of layers.
        group: number of the group.
        samples: digest of the group's samples.
        file: where its states are.
        totals: file of the sums over all groups of the chunk up to here, where not all units' group states are kept.
        seconds: that the run had taken for the chunk when it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chunk: Annotated[int, Field(ge=0)]
    group: Annotated[int, Field(ge=0)]
    samples: str
    file: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.npz$")]
    totals: Annotated[str | None, Field(pattern=r"^[a-z0-9-]+\.npz$")]
    seconds: Annotated[float, Field(ge=0)]


class Manifest(BaseModel):
    """What is in a folder of states: `state.json`.

    Attributes:
        format: of the folder.
        identity: what was measured.
        entries: the groups that are closed, in the order in which they were accounted for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    identity: dict[str, str]
    entries: tuple[Entry, ...] = ()


class Checkpoint:
    """A folder of closed states.

    A group counts from the moment on when the manifest names it: files are written before, under names of their own,
    and the manifest is replaced at once.

    Args:
        folder: of the states; made with the first group.
        manifest: what is in it.

    Attributes:
        folder: of the states.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self._manifest = manifest

    @property
    def identity(self) -> dict[str, str]:
        """What was measured."""
        return self._manifest.identity

    def entries(self, chunk: int) -> tuple[Entry, ...]:
        """Return the groups of a chunk that are closed, in their order."""
        return tuple(each for each in self._manifest.entries if each.chunk == chunk)

    def groups(self, entry: Entry, subjects: int, places: int, code: Compiled | None = None) -> list[Parts]:
        """Return the states of a group by subject.

        Args:
            entry: of the group.
            subjects: how many are measured together.
            places: how many classes.
            code: compiled code that may work on them.

        Raises:
            OutputError: the file is missing, damaged, or of another run.
        """
        return _read(self.folder / entry.file, subjects, places, code)

    def totals(self, entry: Entry, subjects: int, places: int, code: Compiled | None = None) -> list[Parts] | None:
        """Return the sums over all groups up to this one by subject; None where they are told by the groups' states."""
        return None if entry.totals is None else _read(self.folder / entry.totals, subjects, places, code)

    def keep(
        self,
        chunk: int,
        group: int,
        states: Sequence[Parts],
        totals: Sequence[Parts] | None,
        *,
        samples: str,
        seconds: float,
    ) -> None:
        """Write a group that is closed, so that it is not measured again.

        Args:
            chunk: number of the chunk of layers.
            group: number of the group.
            states: of the group, by subject and class.
            totals: sums over all groups so far, where the states are not of all units.
            samples: digest of the group's samples.
            seconds: that the run took for the chunk up to now.

        Raises:
            OutputError: it cannot be written; what was there stays.
        """
        before = self.entries(chunk)
        entry = Entry(
            chunk=chunk,
            group=group,
            samples=samples,
            file=f"chunk-{chunk}-group-{group}.npz",
            totals=None if totals is None else f"chunk-{chunk}-up-to-{group}.npz",
            seconds=seconds,
        )
        _write(self.folder / entry.file, states)
        if entry.totals is not None and totals is not None:
            _write(self.folder / entry.totals, totals)
        self._manifest = self._manifest.model_copy(update={"entries": (*self._manifest.entries, entry)})
        write_file(self.folder / MANIFEST, self._manifest.model_dump_json(indent=1).encode())
        for outdated in before:
            if outdated.totals is not None and outdated.totals != entry.totals:
                (self.folder / outdated.totals).unlink(missing_ok=True)


def begin(folder: Path, identity: Mapping[str, str]) -> Checkpoint:
    """Return a checkpoint without any state."""
    return Checkpoint(folder, Manifest(format=FORMAT, identity=dict(identity)))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of a folder; None where there is none.

    Raises:
        OutputError: the manifest cannot be read, is damaged, or of a newer onnxinv.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(f"'{path}' cannot be read: {error}.", "Remove the folder, and measure again.") from error
    if isinstance(told, dict) and isinstance(told.get("format"), int) and told["format"] > FORMAT:
        raise OutputError(
            f"'{path}' has format {told['format']}, and this version of onnxinv reads {FORMAT}.", "Update onnxinv."
        )
    try:
        return Checkpoint(folder, Manifest.model_validate(told))
    except ValidationError as error:
        raise OutputError(f"'{path}' is damaged.", "Remove the folder, and measure again.") from error


def remove(folder: Path) -> None:
    """Remove the states of a folder, of which the manifest goes first, and the folder where nothing else is in it."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for file in folder.glob("chunk-*.npz"):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _write(path: Path, subjects: Sequence[Parts]) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, parts in enumerate(subjects):
        for place, state in enumerate(parts):
            if state is not None:
                arrays |= {f"{number}/{place}/{name}": array for name, array in arrays_of(state).items()}
    write_through(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def _read(path: Path, subjects: int, places: int, code: Compiled | None) -> list[Parts]:
    found: list[list[dict[str, npt.NDArray[Any]]]] = [[{} for _ in range(places)] for _ in range(subjects)]
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                number, place, name = member.removesuffix(".npy").split("/", 2)
                with archive.open(member) as stream:
                    array = np.lib.format.read_array(stream, allow_pickle=False)
                found[int(number)][int(place)][name] = array
        return [[state_of(arrays, code) if arrays else None for arrays in parts] for parts in found]
    except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise OutputError(
            f"'{path}' cannot be read: {error}.", "Remove the folder of states, and measure again."
        ) from error
