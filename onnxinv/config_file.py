"""Reads `onnxinv.toml`, or `[tool.onnxinv]` of `pyproject.toml`, and knows on which line everything stands."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onnxinv.align_map import mode_of
from onnxinv.check_config import CheckConfig, default_name, key_of
from onnxinv.config_origin import RUNS, Origin
from onnxinv.config_paths import rooted
from onnxinv.config_refusal import BASELINE, LIMITS, check_written, refusal, run_title
from onnxinv.data.files import missing
from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.spec import did_you_mean

FILE = "onnxinv.toml"
PYPROJECT = "pyproject.toml"

Raw = Mapping[str, Any]

_HINT = "onnxinv init writes a configuration; onnxinv init --schema prints what it may hold."

_MOST_BYTES = 1 << 20
"""No configuration is longer; a device that never ends is."""

_TEXTS = ("model", "data", "device", "class_output", "preprocess", "transforms", "measures", "layers", "operators",
          "shape", "set_input")  # fmt: skip
"""Fields of a run whose texts are quoted in what is said of them."""


@dataclass(frozen=True)
class Configuration:
    """A check that was asked for, and where that stands.

    Attributes:
        config: what was asked for.
        origin: where it stands.
        places: index of every run in the file.
        stated: keys of runs that do not stand there: they come from arguments.
    """

    config: CheckConfig
    origin: Origin
    places: tuple[int, ...]
    stated: frozenset[str] = frozenset()

    def line(self, run: int, *keys: str | int) -> int | None:
        """Return the line on which a key of a run stands; None where it stands in no file."""
        if keys and keys[0] in self.stated:
            return None
        return self.origin.line(self.origin.of_run(self.places[run], keys))

    @contextmanager
    def blaming(self, run: int, *keys: str | int) -> Iterator[None]:
        """Say in an error that is raised meanwhile where its cause stands.

        Args:
            run: that it is about.
            keys: that lead to the cause. Unless they lead to a limit, the value that the message quotes is to blame.
        """
        try:
            yield
        except OnnxinvError as error:
            cause = keys if keys[:1] == (LIMITS,) else self._quoted(run, error.message) or keys
            where = ""
            if not cause or cause[0] not in self.stated:
                where = self.origin.where(self.origin.of_run(self.places[run], cause))
            several = f"run '{self.config.runs[run].name}': " if len(self.config.runs) > 1 else ""
            raise type(error)(f"{where}{several}{error.message}", error.hint) from error

    def _quoted(self, run: int, message: str) -> tuple[str | int, ...]:
        """Return the keys that lead to a text of a run which a message quotes, with or without its parameters."""
        for field in _TEXTS:
            value = getattr(self.config.runs[run], field)
            several = isinstance(value, tuple)
            for index, text in enumerate(map(str, value if several else filter(None, [value]))):
                quotable = filter(None, (text, text.partition(":")[0]))
                if any(f"'{each}'" in message for each in quotable):
                    return (key_of(field), index) if several else (key_of(field),)
        return ()


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

    A `pyproject.toml` that cannot be read is another project's affair, unless it names onnxinv.

    Raises:
        UsageError: there is none, or the nearest cannot be read.
    """
    passed = []
    for parent in (folder, *_above(folder)):
        if os.path.lexists(parent / FILE):
            return parent / FILE
        project = parent / PYPROJECT
        if not os.path.isfile(project):  # unlike the method of a path, it takes folders that may not be entered
            continue
        text = ""
        try:
            text = _read(project)
            found = _table(_parsed(project, text))
        except UsageError:
            if "tool.onnxinv" in text:
                raise
            passed.append(project)
            continue
        if found is not None:
            return project
    raise UsageError(
        f"There is no {FILE} here or in a folder above, and no {PYPROJECT} with a table [tool.onnxinv]"
        f"{f'; {passed[0]} cannot be read' if passed else ''}.",
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
    text = _read(path)
    content = _parsed(path, text)
    if path.name != PYPROJECT:
        return _configuration(content, Origin(path, text), wanted, overrides or {})
    table = _table(content)
    if table is None:
        raise UsageError(f"'{path}' has no table [tool.onnxinv].", _HINT)
    return _configuration(table, Origin(path, text, ("tool", "onnxinv")), wanted, overrides or {})


def _configuration(content: Raw, origin: Origin, wanted: Sequence[str], overrides: Raw) -> Configuration:
    if origin.path is not None:
        check_written(content, origin)
    shared = {key: value for key, value in content.items() if key not in (RUNS, BASELINE)}
    listed = content.get(RUNS, [{}])
    stated = {key: value for key, value in overrides.items() if key != BASELINE}
    # A run keeps the name that it has in the file when another model takes the place of its own.
    made = [_named({**_named(rooted({**shared, **each}, origin.folder)), **stated}) for each in listed]
    names = [str(run.get("name")) for run in made]
    for name in wanted:
        if name not in names:
            raise UsageError(f"{origin.where()}There is no run called '{name}'.", did_you_mean(name, names))
    _check_names(names, origin)
    kept = [place for place, name in enumerate(names) if not wanted or name in wanted]
    _check_one_model(overrides, [listed[place].get("model", shared.get("model")) for place in kept])
    baseline = overrides.get(BASELINE, content.get(BASELINE))
    if BASELINE not in overrides and isinstance(baseline, str):
        baseline = origin.folder / baseline
    try:
        config = CheckConfig.model_validate({BASELINE: baseline, RUNS: [made[place] for place in kept]})
    except ValidationError as error:
        titles = {place: run_title(made[place], place) for place in kept}
        raise refusal(error.errors(include_url=False), origin, titles, stated) from error
    for place, run in zip(kept, config.runs, strict=True):
        if not run.limits:
            where = origin.where(origin.of_run(place, (LIMITS,)))
            header = origin.header(*((RUNS, LIMITS) if RUNS in content else (LIMITS,)))
            raise UsageError(
                f"{where}Run '{run.name}' has no limits: nothing could ever fail.",
                f"Add a table {header} with max = 0.5." if origin.path else "Add --limit normalized-variance:max=0.5.",
            )
    found = Configuration(config, origin, tuple(kept), frozenset(stated))
    for index, run in enumerate(config.runs):
        with found.blaming(index, "align"):
            mode_of(run.align)
    return found


def _check_names(names: Sequence[str], origin: Origin) -> None:
    first: dict[str, str] = {}
    for place, name in enumerate(names):
        if (other := first.setdefault(name.casefold(), name)) != name or name in names[:place]:
            alike = f"'{name}'" if other == name else f"'{other}' and '{name}', which is one folder on many systems"
            raise UsageError(
                f"{origin.where(origin.of_run(place, ('name',)))}Two runs are called {alike}.",
                "Give each a name of its own.",
            )


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


def _table(content: Raw) -> Raw | None:
    tool = content.get("tool")
    table = tool.get("onnxinv") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _above(folder: Path) -> Sequence[Path]:
    try:
        return folder.absolute().parents
    except OSError:  # the working folder was removed
        return ()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"There is no configuration '{path}'.", missing(path).hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"The configuration '{path}' cannot be read: {reason}.", _HINT) from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"'{path}' is no configuration: it is longer than a mebibyte.", _HINT)
    try:
        # A mark of byte order is what some editors begin a file with, and no part of it.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        hint = "Save it as UTF-8." if path.suffix == ".toml" else f"Name a TOML file, such as {FILE}."
        raise UsageError(f"{path}, line {line}: This is not text in UTF-8.", hint) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        raise UsageError(
            f"{path}, line {line}: This is not TOML: {reason[:1].lower()}{reason[1:]}.", _toml_hint(reason)
        ) from error
    except RecursionError as error:
        raise UsageError(f"'{path}' is nested too deeply.", _HINT) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UsageError(f"'{path}' holds what cannot be read: {error}.", _HINT) from error


def _toml_hint(reason: str) -> str:
    if reason.startswith("Invalid value"):
        return 'Texts stand in quotes, as in level = "warn".'
    if reason.startswith("Cannot overwrite"):
        return "A key can be given once."
    return f"Mend it there. {_HINT}"
