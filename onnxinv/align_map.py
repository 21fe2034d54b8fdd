"""How layers are to be aligned: by a mode, or by the map of corresponding layers that `--align map.toml` names."""

from __future__ import annotations

import tomllib
from pathlib import Path

from onnxinv.alignment import MODES, Mode
from onnxinv.errors import UsageError
from onnxinv.files import read_file
from onnxinv.spec import did_you_mean

_FORM = 'A map is a TOML file with a table [pairs] and lines such as "conv1" = "conv2d/Relu".'

_MOST_BYTES = 1 << 20
"""No map is longer."""


def mode_of(how: str) -> Mode | None:
    """Return the mode that a text means; None where it names a map.

    Raises:
        UsageError: there is no such mode.
    """
    if how.lower().endswith(".toml"):
        return None
    mode = next((each for each in MODES if each == how), None)
    if mode is None:
        close = did_you_mean(how, MODES)
        raise UsageError(
            f"There is no way to align layers called '{how}'.",
            f"{close} " * close.startswith("Did") + f"Choose {', '.join(MODES)}, or name a file map.toml.",
        )
    return mode


def how_to_align(how: str) -> tuple[Mode, dict[str, str] | None]:
    """Return the mode that a text means, with the map that it names.

    Raises:
        UsageError: there is no such mode, or the file is no map; see `read_map`.
    """
    mode = mode_of(how)
    return ("auto", read_map(Path(how))) if mode is None else (mode, None)


def read_map(path: Path) -> dict[str, str]:
    """Read which layers correspond.

    The file holds one table `[pairs]`, whose keys are layers of the first model and whose values are layers of the
    others, each by tensor name or label.

    Raises:
        UsageError: the file cannot be read, is no TOML in UTF-8, or holds anything but a table `[pairs]` of texts.
    """
    content = _toml(path)
    if "pairs" not in content:
        instead = f", only '{next(iter(content))}'" if content else ""
        raise UsageError(f"The map '{path}' has no table [pairs]{instead}.", _FORM)
    unknown = next((key for key in content if key != "pairs"), None)
    if unknown is not None:
        raise UsageError(f"The map '{path}' has the unknown key '{unknown}' beside [pairs].", _FORM)
    pairs = content["pairs"]
    if not isinstance(pairs, dict):
        raise UsageError(f"'pairs' in the map '{path}' is {_kind(pairs)}, not a table.", _FORM)
    if not pairs:
        raise UsageError(f"The table [pairs] in the map '{path}' is empty.", _FORM)
    for key, value in pairs.items():
        if isinstance(value, dict):
            raise UsageError(
                f"The map '{path}' pairs '{key}' with a table: a dot in a bare key begins one.",
                f'Put names in quotes: "{key}.{next(iter(value), "0")}" = ...',
            )
        if not isinstance(value, str):
            raise UsageError(
                f"The map '{path}' pairs '{key}' with {_kind(value)}, not with the name of a layer.",
                "Put names in quotes, one layer each.",
            )
    return dict(pairs)


def _toml(path: Path) -> dict[str, object]:
    try:
        # A mark of byte order is what some editors begin a file with, and no part of it.
        return tomllib.loads(read_file(path, _MOST_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"The map '{path}' cannot be read: {error.strerror}.", "Name a TOML file, or one of the modes of --align."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"The map '{path}' is not text in UTF-8 (at line {line}).", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The map '{path}' is not TOML: {error}.", _FORM) from error
    except RecursionError as error:
        raise UsageError(f"The map '{path}' is nested too deeply.", _FORM) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UsageError(f"The map '{path}' cannot be read: {error}.", _FORM) from error


def _kind(value: object) -> str:
    """Return what TOML calls a value."""
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "an array", dict: "a table"}
    return kinds.get(type(value), "a date or time")
