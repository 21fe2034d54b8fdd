"""Reads `onnxinv.toml`, or `[tool.onnxinv]` of `pyproject.toml`, and knows on which line everything stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from onnxinv.check_config import CheckConfig, CheckedRun, Limit, default_name, key_of
from onnxinv.data import sources
from onnxinv.data.files import exists
from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.spec import did_you_mean, reason_of
from onnxinv.toml_lines import Place, lines_by_place
from onnxinv.transforms.python import is_file

FILE = "onnxinv.toml"
PYPROJECT = "pyproject.toml"

_RUNS, _BASELINE = "runs", "baseline"

_HINT = "onnxinv init writes a configuration; onnxinv init --schema prints what it may hold."

Raw = Mapping[str, Any]


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

    def line(self, run: int | None, keys: Place = ()) -> int | None:
        """Return the line of a key of a run, of the table it is in where it is not there; None without a file.

        Args:
            run: index in the file; None for keys that are not about a run.
            keys: that lead to it; keys of a run may also stand beside all runs.
        """
        for length in range(len(keys), -1, -1):
            places = [(*self.table, *keys[:length])] if length or run is None else []
            if run is not None:
                places.insert(0, (*self.table, _RUNS, run, *keys[:length]))
            for place in places:
                if place in self._lines:
                    return self._lines[place]
        return None

    def where(self, run: int | None, keys: Place = ()) -> str:
        """Return file and line, as they stand before a message; empty without a file."""
        if self.path is None:
            return ""
        line = self.line(run, keys)
        return f"{self.path}, line {line}: " if line else f"{self.path}: "

    @cached_property
    def _lines(self) -> Mapping[Place, int]:
        return lines_by_place(self.text)


@dataclass(frozen=True)
class Configuration:
    """A check that was asked for, and where that stands.

    Attributes:
        config: what was asked for.
        origin: where it stands.
        places: index of every run in the file.
    """

    config: CheckConfig
    origin: Origin
    places: tuple[int, ...]

    def line(self, run: int, *keys: str | int) -> int | None:
        """Return the line on which a key of a run stands; None where it stands in no file."""
        return self.origin.line(self.places[run], keys)

    @contextmanager
    def blaming(self, run: int, *keys: str | int) -> Iterator[None]:
        """Say in an error that is raised meanwhile where its cause stands."""
        try:
            yield
        except OnnxinvError as error:
            where = self.origin.where(self.places[run], keys)
            several = f"run '{self.config.runs[run].name}': " if len(self.config.runs) > 1 else ""
            raise type(error)(f"{where}{several}{error.message}", error.hint) from error


def configure(keys: Raw, path: Path | None = None, wanted: Sequence[str] = ()) -> Configuration:
    """Return what a check is asked to do, by a file, by arguments, or by both.

    Args:
        keys: keys of runs that were stated as arguments. Where they say all that a run needs, no file is looked for;
            else they replace those of every run of the file.
        path: of the file; None to look for it here and in the folders above.
        wanted: names of the runs to take; empty for all.

    Raises:
        UsageError: there is no file, or what is asked for means nothing.
    """
    if path is None and {"model", "data", "transforms", "limits"} <= set(keys):
        if wanted:
            raise UsageError("Without a configuration there is one run, which needs no name.", "Leave --run out.")
        return _configuration(keys, Origin(), (), {})
    return read_file(path or find_file(Path()), wanted, keys)


def find_file(folder: Path) -> Path:
    """Return the configuration file of a folder, or of the nearest folder above that has one.

    Raises:
        UsageError: there is none.
    """
    for parent in (folder, *folder.absolute().parents):
        if (parent / FILE).is_file():
            return parent / FILE
        if (parent / PYPROJECT).is_file() and _table(_read(parent / PYPROJECT)[1]) is not None:
            return parent / PYPROJECT
    raise UsageError(
        f"There is no {FILE} here or in a folder above, and no {PYPROJECT} with a table [tool.onnxinv].",
        "Write one with onnxinv init, or name a model, --data, --transform and --limit.",
    )


def read_file(path: Path, wanted: Sequence[str] = (), overrides: Raw | None = None) -> Configuration:
    """Read a configuration.

    Args:
        path: of the file.
        wanted: names of the runs to take; empty for all.
        overrides: keys of runs that replace those of every run; their paths are those of the working folder.

    Raises:
        UsageError: it cannot be read, is no TOML, or holds what means nothing; the message names the line.
    """
    text, content = _read(path)
    if path.name != PYPROJECT:
        return _configuration(content, Origin(path, text), wanted, overrides or {})
    table = _table(content)
    if table is None:
        raise UsageError(f"'{path}' has no table [tool.onnxinv].", _HINT)
    return _configuration(table, Origin(path, text, ("tool", "onnxinv")), wanted, overrides or {})


def _configuration(content: Raw, origin: Origin, wanted: Sequence[str], overrides: Raw) -> Configuration:
    folder = Path() if origin.path is None else origin.path.parent
    shared = {key: value for key, value in content.items() if key not in (_RUNS, _BASELINE)}
    listed = content.get(_RUNS, [{}])
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise UsageError(f"{origin.where(None, (_RUNS,))}'runs' holds no tables.", "Write each run as [[runs]].")
    stated = {key: value for key, value in overrides.items() if key != _BASELINE}
    made = [_named({**_rooted({**shared, **each}, folder), **stated}) for each in listed]
    kept = [place for place, run in enumerate(made) if not wanted or run.get("name") in wanted]
    names = [str(run.get("name")) for run in made]
    for name in wanted:
        if name not in names:
            raise UsageError(f"{origin.where(None)}There is no run called '{name}'.", did_you_mean(name, names))
    _check_one_model(overrides, [listed[place].get("model", shared.get("model")) for place in kept])
    for place in kept:
        first = names.index(names[place])
        if first != place:
            raise UsageError(
                f"{origin.where(place, ('name',))}Two runs are called '{names[place]}'.", "Give each a name of its own."
            )
    baseline = overrides.get(_BASELINE, content.get(_BASELINE))
    if _BASELINE not in overrides and isinstance(baseline, str):
        baseline = folder / baseline
    try:
        config = CheckConfig.model_validate({_BASELINE: baseline, _RUNS: [made[place] for place in kept]})
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0], origin, kept) from error
    for place, run in zip(kept, config.runs, strict=True):
        if not run.limits:
            raise UsageError(
                f"{origin.where(place)}The run '{run.name}' has no limits: nothing could ever fail.",
                "Add a table [[runs.limits]]." if origin.path else "Add --limit normalized-variance:max=0.5.",
            )
    return Configuration(config, origin, tuple(kept))


def _check_one_model(overrides: Raw, models: Sequence[object]) -> None:
    if "model" in overrides and len({str(each) for each in models}) > 1:
        raise UsageError(
            f"'{overrides['model']}' would stand for {len(models)} models of the configuration.",
            "Name the run that it is for with --run.",
        )


def _named(run: dict[str, Any]) -> dict[str, Any]:
    if "name" in run or not isinstance(run.get("model"), (str, Path)):
        return run
    return {**run, "name": default_name(Path(run["model"]))}


def _rooted(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a run whose relative paths begin at the folder of the file."""
    if folder == Path():
        return run
    made = dict(run)
    for key in ("model", "preprocess"):
        if isinstance(run.get(key), str):
            made[key] = str(folder / run[key])
    if isinstance(align := run.get("align"), str) and align.lower().endswith(".toml"):
        made["align"] = str(folder / align)
    if isinstance(data := run.get("data"), str):
        made["data"] = _rooted_data(data, folder)
    for key, begins in (("transforms", is_file), ("set-input", _is_array)):
        if isinstance(texts := run.get(key), (str, list)):
            listed = [texts] if isinstance(texts, str) else texts
            made[key] = [_prefixed(each, folder) if isinstance(each, str) and begins(each) else each for each in listed]
    return made


def _is_array(text: str) -> bool:
    return text.lower().endswith(".npy")


def _prefixed(text: str, folder: Path) -> str:
    """Return a path, or `NAME=path`, that begins at a folder."""
    name, equals, path = text.rpartition("=")
    return f"{name}{equals}{folder / path}"


def _rooted_data(text: str, folder: Path) -> str:
    name, colon, parameters = text.partition(":")
    if exists(folder / text) or exists(folder / name) or name not in sources.names():
        return str(folder / text)
    return name + colon + re.sub(r"(^|,)(\s*path\s*=)\s*([^,]*)", lambda m: f"{m[1]}{m[2]}{folder / m[3]}", parameters)


def _refusal(found: Mapping[str, Any], origin: Origin, kept: Sequence[int]) -> UsageError:
    """Return what is said of the first thing that is refused."""
    keys = tuple(found["loc"])
    run: int | None = None
    if len(keys) > 1 and keys[0] == _RUNS and isinstance(keys[1], int):
        run, keys = kept[keys[1]], keys[2:]
    of_limit = len(keys) > 1 and keys[0] == "limits"
    model: type[BaseModel] = Limit if of_limit else CheckConfig if run is None else CheckedRun
    subject = f"Limit {int(keys[1]) + 1}" if of_limit else "The configuration" if run is None else "The run"
    inner = keys[2:] if of_limit else keys
    known = [key_of(field) for field in model.model_fields]
    if not of_limit:
        known += [_RUNS, _BASELINE]
    where = origin.where(run, keys)
    name = str(inner[0]) if inner else ""
    if found["type"] == "extra_forbidden":
        return UsageError(f"{where}{subject} has the unknown key '{name}'.", did_you_mean(name, known))
    if found["type"] == "missing":
        return UsageError(f"{where}{subject} lacks '{name}'.", _LACKING.get(name, f"Add {name} = ..."))
    reason, hint = reason_of(found)
    about = f"'{name}' of {subject[0].lower()}{subject[1:]}" if name else subject
    return UsageError(f"{where}{about} cannot be used: {reason}.", hint)


_LACKING = {
    "model": 'Add model = "network.onnx".',
    "data": 'Add data = "digits.npz" or data = "random:n=64".',
    "transforms": 'Add transforms = ["rotation:steps=16"].',
}


def _table(content: Raw) -> Raw | None:
    tool = content.get("tool")
    table = tool.get("onnxinv") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        # A mark of byte order is what some editors begin a file with, and no part of it.
        text = path.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"The configuration '{path}' cannot be read: {error.strerror}.", _HINT) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"'{path}' is not text in UTF-8 (at line {line}).", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"'{path}' is not TOML: {error}.", "Mend it there.") from error
    except RecursionError as error:
        raise UsageError(f"'{path}' is nested too deeply.", _HINT) from error
