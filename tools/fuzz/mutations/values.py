"""Values that files are changed to: numbers at the limits of their types, names that do harm where they are shown."""

from __future__ import annotations

INTEGERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**31), -(2**63))
"""Whole numbers that 64 bits hold."""

LENGTHS = (0, -1, 1, 2, 3, 28, 2**16, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63))
"""Lengths of axes: of some, the product does not fit into 64 bits."""

MARKUP = "<script>alert(1)</script>"
"""What no page may hold as it is."""

CODE = "evil.py:give"
"""A file of Python that lies beside what is read, and that nothing may run."""

TEXTS = (
    "",
    "x",
    "y",
    "../../x",
    "/etc/passwd",
    "a\nb\r\u2028c",
    "nul\0nul",
    "\x1b[31mred\x1b]0;title\x07",
    MARKUP,
    "</script>" + MARKUP,
    "\"'`;$(touch x)",
    "{{7*7}}{% raw %}",
    "=HYPERLINK(1)",
    "\u202eright\u2066left",
    "long" * 2500,
    "*?[!a]",
    "%s%n%d{0}",
    "[bold]x[/bold]",
    "\u0301\u200b",
    "\U0001f600" * 50,
    "1e999",
    "nan",
    CODE,
    "ai.onnx.ml",
    "com.microsoft",
    "no.such.domain",
)
"""Names."""
