"""What a run has closed so far, on disk: group by group, each whole or not there, so that a killed run can go on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onnxinv.collect import Parts
from onnxinv.errors import OnnxinvError, OutputError
from onnxinv.files import read_file, write_file
from onnxinv.json_text import json_text, parse_json
from onnxinv.sketch import Described, Kept, Sketch, read_sketch, sketch_arrays
from onnxinv.state_files import Stored, damaged, read_arrays, write_arrays
from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.saving import arrays_of, state_of

FORMAT = 1
"""Format of `state.json`. 1: the first."""

MANIFEST = "state.json"

_INDICES, _DIGESTS = "samples", "digests"
"""Arrays beside the states of a group: which samples it holds, and digests of their content."""


_MOST = 1_000_000
"""Groups and classes: none has more, and lists of them are made on the word of a file."""


class Entry(BaseModel):
    """A group of a chunk whose states are in a file.

    Attributes:
        chunk: number of the chunk of layers.
        group: number of the group.
        samples: digest of the group's samples; those of single samples are in the file.
        states: where its states are.
        totals: where the sums over all groups of the chunk up to here are, if not all units' group states are kept.
        seconds: that the run had taken for the chunk when it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chunk: Annotated[int, Field(ge=0)]
    group: Annotated[int, Field(ge=0)]
    samples: str
    states: Stored
    totals: Stored | None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Manifest(BaseModel):
    """What is in a folder of states: `state.json`.

    Attributes:
        format: of the folder.
        identity: what was measured.
        shard: which part of it, and of how many.
        groups: how many groups there are in all.
        places: how many classes samples are taken by; 1 where they are not.
        notices: what the user was told of the run beforehand.
        chunks: files of the sketches of each chunk of layers.
        entries: the groups that are closed, in the order in which they were accounted for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    identity: dict[str, str]
    shard: Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")] = "1/1"
    groups: Annotated[int, Field(ge=1, le=_MOST)] = 1
    places: Annotated[int, Field(ge=1, le=_MOST)] = 1
    notices: tuple[str, ...] = ()
    chunks: tuple[Stored, ...] = ()
    entries: tuple[Entry, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.part[0] > self.part[1]:
            raise ValueError("there is no such shard")
        for number in range(len(self.chunks)):
            closed = [each.group for each in self.entries if each.chunk == number]
            if closed != list(self.own_groups[: len(closed)]):
                raise ValueError("groups are not those of the shard")
        if any(each.chunk >= len(self.chunks) for each in self.entries):
            raise ValueError("a group is of no chunk")
        return self

    @property
    def part(self) -> tuple[int, int]:
        """Which shard it is, from 1 on, and of how many."""
        number, _, count = self.shard.partition("/")
        return int(number), int(count)

    @property
    def own_groups(self) -> range:
        """Numbers of the groups of the shard, in the order in which they are measured."""
        number, count = self.part
        return range(number - 1, self.groups, count)


class Checkpoint:
    """A folder of closed states.

    A group counts from the moment on when the manifest names it: files are written before, under names of their own,
    and the manifest is replaced at once.

    Args:
        folder: of the states; made with the first group.
        manifest: what is in it.

    Attributes:
        folder: of the states.
        manifest: what is in it.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def entries(self, chunk: int) -> tuple[Entry, ...]:
        """Return the groups of a chunk that are closed, in their order."""
        return tuple(each for each in self.manifest.entries if each.chunk == chunk)

    def described(self, chunk: int) -> list[Described]:
        """Return how values are made of the states of a chunk, by subject.

        Raises:
            OutputError: the file is missing or damaged.
        """
        stored = self.manifest.chunks[chunk]
        arrays = read_arrays(self.folder, stored)
        try:
            return [read_sketch(each) for each in _numbered(arrays)]
        except (KeyError, TypeError, ValueError, OnnxinvError) as error:
            raise damaged(self.folder / stored.file, error) from error

    def describe(self, chunk: int, sketches: Sequence[Sketch], kept: Sequence[Kept]) -> None:
        """Write how values are made of the states of a chunk, before its first group.

        Args:
            chunk: its number; chunks come in order.
            sketches: by subject.
            kept: which units' group states are kept, by subject.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {
            f"{number}/{name}": array
            for number, one in enumerate(zip(sketches, kept, strict=True))
            for name, array in sketch_arrays(*one).items()
        }
        with _said_how_to_go_on():
            stored = write_arrays(self.folder, f"chunk-{chunk}-subjects.npz", arrays)
        self.manifest = self.manifest.model_copy(update={"chunks": (*self.manifest.chunks[:chunk], stored)})

    def samples(self, entry: Entry) -> dict[int, bytes]:
        """Return the digest of the content of each sample of a group, by its index in the source.

        Raises:
            OutputError: as `groups`.
        """
        arrays = read_arrays(self.folder, entry.states, only=(_INDICES, _DIGESTS))
        try:
            told = zip(arrays[_INDICES].tolist(), arrays[_DIGESTS], strict=True)
            return {int(index): digest.tobytes() for index, digest in told}
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(self.folder / entry.states.file, error) from error

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
        return self._read(entry.states, subjects, places, code)

    def totals(self, entry: Entry, subjects: int, places: int, code: Compiled | None = None) -> list[Parts] | None:
        """Return the sums over all groups up to this one by subject; None where they are told by the groups' states."""
        return None if entry.totals is None else self._read(entry.totals, subjects, places, code)

    def keep(
        self,
        chunk: int,
        group: int,
        states: Sequence[Parts],
        totals: Sequence[Parts] | None,
        *,
        samples: Mapping[int, bytes],
        digest: str,
        seconds: float,
    ) -> None:
        """Write a group that is closed, so that it is not measured again.

        Args:
            chunk: number of the chunk of layers.
            group: number of the group.
            states: of the group, by subject and class.
            totals: sums over all groups so far, where the states are not of all units.
            samples: digest of the content of each sample of the group, by its index in the source.
            digest: of all of them together.
            seconds: that the run took for the chunk up to now.

        Raises:
            OutputError: it cannot be written; what was there stays.
        """
        before = self.entries(chunk)
        indices = np.array(list(samples), np.int64)
        digests = np.array([list(each) for each in samples.values()], np.uint8)
        with _said_how_to_go_on():
            closed = self._write(f"chunk-{chunk}-group-{group}.npz", states, {_INDICES: indices, _DIGESTS: digests})
            summed = None if totals is None else self._write(f"chunk-{chunk}-up-to-{group}.npz", totals, {})
            entry = Entry(chunk=chunk, group=group, samples=digest, states=closed, totals=summed, seconds=seconds)
            manifest = self.manifest.model_copy(update={"entries": (*self.manifest.entries, entry)})
            write_file(self.folder / MANIFEST, json_text(manifest).encode())
        self.manifest = manifest
        for outdated in before:
            if outdated.totals is not None and outdated.totals.file != (summed and summed.file):
                with contextlib.suppress(OSError):  # it only takes room
                    (self.folder / outdated.totals.file).unlink()

    def _write(self, name: str, subjects: Sequence[Parts], beside: Mapping[str, npt.NDArray[Any]]) -> Stored:
        arrays = dict(beside)
        for number, parts in enumerate(subjects):
            for place, state in enumerate(parts):
                if state is not None:
                    arrays |= {f"{number}/{place}/{key}": array for key, array in arrays_of(state).items()}
        return write_arrays(self.folder, name, arrays)

    def _read(self, stored: Stored, subjects: int, places: int, code: Compiled | None) -> list[Parts]:
        found: list[list[dict[str, npt.NDArray[Any]]]] = [[{} for _ in range(places)] for _ in range(subjects)]
        arrays = read_arrays(self.folder, stored)
        try:
            for told, array in arrays.items():
                if told not in (_INDICES, _DIGESTS):
                    number, place, name = told.split("/", 2)
                    found[int(number)][int(place)][name] = array
            return [[state_of(each, code) if each else None for each in parts] for parts in found]
        except (ValueError, IndexError) as error:
            raise damaged(self.folder / stored.file, error) from error


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of a folder; None where there is none.

    Raises:
        OutputError: the manifest cannot be read, is damaged, or of a newer onnxinv.
    """
    path = folder / MANIFEST
    try:
        told = parse_json(read_file(path))
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


def holds_states(folder: Path) -> bool:
    """Whether there is a manifest in a folder; without one, what is there counts for nothing."""
    return os.path.lexists(folder / MANIFEST)


def remove(folder: Path) -> None:
    """Remove the states of a folder, of which the manifest goes first, and the folder where nothing else is in it.

    Raises:
        OutputError: they cannot be removed.
    """
    try:
        _remove(folder)
    except OSError as error:
        raise OutputError(f"The states in '{folder}' cannot be removed: {error.strerror}.", "Remove them.") from error


def _remove(folder: Path) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    for pattern in ("chunk-*.npz", ".onnxinv.*.partial"):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _numbered(arrays: Mapping[str, npt.NDArray[Any]]) -> list[dict[str, npt.NDArray[Any]]]:
    """Return the arrays whose names begin with a number and a slash, by that number."""
    found: dict[int, dict[str, npt.NDArray[Any]]] = {}
    for told, array in arrays.items():
        number, _, name = told.partition("/")
        found.setdefault(int(number), {})[name] = array
    return [found[number] for number in range(len(found))]


@contextlib.contextmanager
def _said_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except OutputError as error:
        raise OutputError(
            error.message, "Make room or mend that, and go on with --resume: groups that were kept before stay."
        ) from error
