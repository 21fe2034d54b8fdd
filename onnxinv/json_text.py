"""Documents as JSON text: indented, with finite numbers only."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pydantic import BaseModel


def json_text(document: BaseModel) -> str:
    """Return a document as JSON, indented, with a list of numbers on one line.

    Raises:
        ValueError: a number is not finite.
    """
    text = _encodable(json.dumps(document.model_dump(mode="json"), indent=1, allow_nan=False, ensure_ascii=False))
    # Lists of numbers go on one line; a string cannot match, since its line breaks are escaped.
    return re.sub(r"\[\n([^\[\]{}\"]*?)\n\s*\]", lambda match: "[" + " ".join(match[1].split()) + "]", text) + "\n"


def json_lines(document: BaseModel, levels: int) -> str:
    """Return a document as JSON whose outer levels have a line for each entry, which stands on it whole.

    Raises:
        ValueError: a number is not finite.
    """
    return _encodable(_spread(document.model_dump(mode="json"), levels, "")) + "\n"


def _spread(value: object, levels: int, margin: str) -> str:
    if not levels or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    inner = f"{margin} "
    if isinstance(value, list):
        entries, brackets = [_spread(each, levels - 1, inner) for each in value], "[]"
    else:
        entries = [
            f"{json.dumps(key, ensure_ascii=False)}: {_spread(each, levels - 1, inner)}" for key, each in value.items()
        ]
        brackets = "{}"
    separator = f",\n{inner}"
    return f"{brackets[0]}\n{inner}{separator.join(entries)}\n{margin}{brackets[1]}"


def _encodable(text: str) -> str:
    """Escape lone surrogates: a file name that is no UTF-8 reaches Python with them, and UTF-8 cannot hold them."""
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def parse_json(text: str | bytes) -> Any:
    """Return what JSON text holds: numbers are finite.

    Raises:
        ValueError: it is no JSON, or holds a number that is not finite, by name or by its size.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large for a number")
    return number
