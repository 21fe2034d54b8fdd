"""The grammar `name[:key=value,...]` that transforms, data, measures and formats are written in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from onnxinv.errors import UsageError

ModelT = TypeVar("ModelT", bound=BaseModel)

_UNION_MEMBER = re.compile(r"constrained-\w+|tuple\[.*\]|literal\[.*\]|int|str|float")


@dataclass(frozen=True)
class Spec:
    """A parsed specification: a name and its parameters, all still text."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return self.name + ":" + ",".join(f"{key}={value}" for key, value in self.parameters.items())


def parse(text: str) -> Spec:
    """Split `name[:key=value,...]` into a `Spec`.

    The parameters begin after the last colon that is followed by `key=`, so names may be paths with colons.

    Raises:
        UsageError: the text is empty, or a parameter has no `=`, no key, or is given twice.
    """
    name, parameters = text.strip(), {}
    head, colon, tail = name.rpartition(":")
    if colon and "=" in tail:
        name = head
        for item in tail.split(","):
            key, equals, value = (part.strip() for part in item.partition("="))
            if not equals or not key:
                raise UsageError(f"'{item}' in '{text}' is not a parameter.", "Write name:key=value,key=value.")
            if key in parameters:
                raise UsageError(f"'{key}' is given twice in '{text}'.", "Keep one of the two.")
            parameters[key] = value
    if not name:
        raise UsageError(f"'{text}' names nothing.", "Write name or name:key=value,key=value.")
    return Spec(name, parameters)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that offers the closest of the known words, or lists them where none is close."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    shown = ", ".join(choices[:12]) + (", ..." if len(choices) > 12 else "")
    return f"There is {shown}." if choices else ""


def build(model: type[ModelT], spec: Spec) -> ModelT:
    """Make a registered thing from its specification.

    Args:
        model: the pydantic model whose fields are the parameters.
        spec: the parsed specification; values are converted from text by pydantic.

    Raises:
        UsageError: a key is unknown, missing or has a value that the model refuses.
    """
    fields = model.model_fields
    for key in spec.parameters:
        if key not in fields:
            hint = did_you_mean(key, fields) if fields else f"'{spec.name}' takes no parameters."
            raise UsageError(f"'{spec.name}' has no parameter '{key}'.", hint)
    try:
        return model.model_validate(spec.parameters, strict=False)
    except ValidationError as error:
        raise UsageError(*explain_validation(f"'{spec}'", error)) from error


def explain_validation(subject: str, error: ValidationError) -> tuple[str, str]:
    """Turn the first complaint of pydantic into a message and a hint."""
    first = error.errors(include_url=False)[0]
    # Pydantic also names the member of a union that it tried, which no user wrote.
    where = ".".join(str(part) for part in first["loc"] if not _UNION_MEMBER.fullmatch(str(part)))
    if first["type"] == "missing":
        return f"{subject} lacks the parameter '{where}'.", f"Add {where}=VALUE."
    reason, hint = reason_of(first)
    prefix = f"{where}: " if where else ""
    return f"{subject} cannot be used: {prefix}{reason}.", hint


def reason_of(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return why pydantic refuses a value, with the value, and a hint."""
    reason = found["msg"].removeprefix("Value error, ").rstrip(".")
    hint = ""
    if found["type"] == "literal_error" and isinstance(found["input"], str):
        hint = did_you_mean(found["input"], re.findall(r"'([^']+)'", found["ctx"]["expected"]))
    given = f" (given: {found['input']!r})" if not isinstance(found["input"], (dict, BaseModel)) else ""
    return f"{reason}{given}", hint
