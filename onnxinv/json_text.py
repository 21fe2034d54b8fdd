"""Documents as JSON text: indented, with finite numbers only."""

from __future__ import annotations

import json
import re

from pydantic import BaseModel


def json_text(document: BaseModel) -> str:
    """Return a document as JSON, indented, with a list of numbers on one line.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(document.model_dump(mode="json"), indent=1, allow_nan=False, ensure_ascii=False)
    # A file name that is no UTF-8 reaches Python with lone surrogates, which only the escaped form can hold.
    text = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
    # Lists of numbers go on one line; a string cannot match, since its line breaks are escaped.
    return re.sub(r"\[\n([^\[\]{}\"]*?)\n\s*\]", lambda match: "[" + " ".join(match[1].split()) + "]", text) + "\n"


def refuse_constant(constant: str) -> float:
    """Refuse NaN and Infinity, which are no JSON; for `json.loads`.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{constant} is no number")
