"""What kind of value a JSON Schema asks for, in words, and whether a value read from a file is of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_WORDS = {
    "string": ("a text in quotes", "texts"),
    "integer": ("a whole number", "whole numbers"),
    "number": ("a number", "numbers"),
    "boolean": ("true or false", "truth values"),
    "object": ("a table", "tables"),
}

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def kind_of(schema: Schema) -> str:
    """Return what a value must be, such as `a list of numbers`; the description of the schema where it has one."""
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema:
        *most, last = (f"'{each}'" for each in schema["enum"])
        return f"{', '.join(most)} or {last}"
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        several = schema.get("prefixItems", ())
        one = several[0] if several else schema.get("items", {})
        return f"a list of {len(several) or ''}{' ' if several else ''}{_WORDS[one.get('type', 'object')][1]}"
    if isinstance(entries := schema.get("additionalProperties"), dict):
        return f"a table of {_WORDS[entries['type']][1]}"
    return _WORDS[schema.get("type", "object")][0]


def fits(schema: Schema, value: object) -> bool:
    """Return whether a value is of the kind that a schema asks for; ranges and what tables hold are not looked at."""
    if "anyOf" in schema:
        return any(fits(each, value) for each in schema["anyOf"])
    kind = schema.get("type", "object")
    # To Python, truth values are numbers.
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "boolean"):
        return False
    if isinstance(value, list):
        several = schema.get("prefixItems", ())
        one = several[0] if several else schema.get("items", {})
        return (not several or len(value) == len(several)) and all(fits(one, each) for each in value)
    if isinstance(value, dict) and isinstance(entries := schema.get("additionalProperties"), dict):
        return all(fits(entries, each) for each in value.values())
    return not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None
