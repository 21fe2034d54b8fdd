"""What is said of a configuration that cannot be used: where, why, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from onnxinv.check_config import RUN_NAME, CheckConfig, CheckedRun, Limit, key_of
from onnxinv.config_origin import RUNS, Origin
from onnxinv.errors import UsageError
from onnxinv.spec import did_you_mean
from onnxinv.toml_lines import Place
from onnxinv.value_kinds import Schema, fits, kind_of

Raw = Mapping[str, Any]

LIMITS, BASELINE = "limits", "baseline"

_MOST_SHOWN = 80
"""Characters of a value that are shown."""

_UNQUOTED = re.compile(r"true|false|[+-]?[0-9]+(\.[0-9]+)?")

_LACKING = {
    "model": 'Add model = "network.onnx".',
    "data": 'Add data = "digits.npz" or data = "random:n=64".',
    "transforms": 'Add transforms = ["rotation:steps=16"].',
}


@cache
def schema_of(model: type[BaseModel]) -> Mapping[str, Schema]:
    """Return the JSON Schema of every key of a model."""
    properties: Mapping[str, Schema] = model.model_json_schema()["properties"]
    return properties


def check_written(content: Raw, origin: Origin) -> None:
    """Make sure that a file holds only keys that mean something, each with a value of its kind.

    Raises:
        UsageError: it does not; the message names the line.
    """
    if not origin.table and set(content) == {"tool"}:
        raise UsageError(
            f"{origin.where(('tool',))}The prefix tool.onnxinv is for pyproject.toml alone.",
            f"Begin with keys such as model, and tables such as {origin.header(RUNS)}.",
        )
    _check_keys({key: value for key, value in content.items() if key != RUNS}, (), origin, "The configuration")
    listed = content.get(RUNS, [{}])
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise UsageError(
            f"{origin.where((RUNS,))}'{RUNS}' holds no list of tables.", f"Begin each run with {origin.header(RUNS)}."
        )
    for index, run in enumerate(listed):
        _check_keys(run, (RUNS, index), origin, run_title(run, index))


def run_title(run: Mapping[str, Any], index: int) -> str:
    """Return what a run is called in messages."""
    name = run.get("name")
    return f"Run '{name}'" if isinstance(name, str) and RUN_NAME.fullmatch(name) else f"Run {index + 1}"


def refusal(errors: Sequence[Mapping[str, Any]], origin: Origin, runs: Mapping[int, str], stated: Raw) -> UsageError:
    """Return what is said of the first thing that the models refuse.

    Args:
        errors: as pydantic tells them.
        origin: where the configuration comes from.
        runs: what each run is called, by its index in the file, in the order of the models.
        stated: keys of runs that come from arguments.
    """
    found = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    keys, title, where = tuple(found["loc"]), "The configuration", origin.where(found["loc"])
    if keys[0] == RUNS and len(keys) > 1:
        index, title = list(runs.items())[keys[1]]
        keys = keys[2:]
        where = "" if keys and keys[0] in stated else origin.where(origin.of_run(index, keys))
    model: type[BaseModel] = CheckConfig if title == "The configuration" else CheckedRun
    if keys[:1] == (LIMITS,) and len(keys) > 1:
        title, keys, model = f"Limit {keys[1] + 1}{'' if len(runs) == 1 else f' of {_within(title)}'}", keys[2:], Limit
    name = str(keys[0]) if keys else ""
    if found["type"] == "extra_forbidden":
        return UsageError(f"{where}{title} has the unknown key '{name}'.", _meant(name, model, origin))
    if found["type"] == "missing":
        return UsageError(f"{where}{title} lacks '{name}'.", _LACKING.get(name, f"Add {name} = ..."))
    schema = schema_of(model).get(name, {})
    about = f"'{name}' of {_within(title)}" if name else title
    hint = ""
    if found["type"] == "literal_error" and isinstance(found["input"], str):
        hint = did_you_mean(found["input"], _choices(schema))
    return UsageError(f"{where}{about} cannot be used: {_reason(found, schema)}{_given(found['input'])}.", hint)


def _check_keys(table: Mapping[str, Any], place: Place, origin: Origin, title: str) -> None:
    """Make sure of the keys of one table, and of those of the limits in it."""
    model: type[BaseModel] = Limit if LIMITS in place else CheckedRun
    known = {**schema_of(model), **({} if place else schema_of(CheckConfig))}
    for key, value in table.items():
        where = origin.where((*place, key))
        if key not in known:
            raise UsageError(f"{where}{title} has the unknown key '{key}'.", _meant(key, model, origin, top=not place))
        if key == LIMITS:
            _check_limits(value, (*place, key), origin, title)
        elif not fits(known[key], value):
            raise UsageError(
                f"{where}'{key}' of {_within(title)} must be {kind_of(known[key])}{_given(value)}.",
                "Write it without quotes." if isinstance(value, str) and _UNQUOTED.fullmatch(value) else "",
            )


def _check_limits(limits: object, place: Place, origin: Origin, title: str) -> None:
    header = origin.header(*(key for key in place if isinstance(key, str)))
    if not isinstance(limits, list) or not all(isinstance(each, dict) for each in limits):
        raise UsageError(
            f"{origin.where(place)}'{LIMITS}' of {_within(title)} holds no list of tables.",
            f"Begin each limit with {header}.",
        )
    for index, limit in enumerate(limits):
        owner = f" of {_within(title)}" if title.startswith("Run ") else ""
        _check_keys(limit, (*place, index), origin, f"Limit {index + 1}{owner}")


def _meant(name: str, model: type[BaseModel], origin: Origin, *, top: bool = False) -> str:
    """Return a hint to what an unknown key may have been meant as."""
    known = [*schema_of(model), *((RUNS, BASELINE) if top else ())]
    for close in (key_of(name), name.lower().replace("_", "-")):
        if close in known:
            return f"Did you mean '{close}'?"
    if model is not Limit and name in schema_of(Limit):
        return f"It is a key of limits: write it below {origin.header(RUNS, LIMITS)} or {origin.header(LIMITS)}."
    if model is Limit and name in schema_of(CheckedRun):
        return "It is a key of runs: write it above the run's first limit, for what follows belongs to that."
    if name in (RUNS, BASELINE):
        return "It is no key of runs or limits: write it above the first of them."
    return did_you_mean(name, known)


def _reason(found: Mapping[str, Any], schema: Schema) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "value_error":
            return str(context["error"])
        case "greater_than_equal":
            return f"it must be at least {context['ge']}"
        case "greater_than":
            return f"it must be above {context['gt']}"
        case "finite_number":
            return "it must be a finite number"
    return f"it must be {kind_of(schema)}"


def _given(value: object) -> str:
    """Return a value as it is shown behind a message; nothing of a table, which may be long."""
    if isinstance(value, dict | BaseModel):
        return ""
    shown = repr(value) if isinstance(value, str | list) else str(value)
    shown = shown.lower() if isinstance(value, bool) else shown
    return f" (given: {shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + '...'})"


def _choices(schema: Schema) -> Sequence[str]:
    choices: Sequence[str] = schema.get("enum", ())
    return choices or [each for one in schema.get("anyOf", ()) for each in one.get("enum", ())]


def _within(title: str) -> str:
    return title[0].lower() + title[1:]
