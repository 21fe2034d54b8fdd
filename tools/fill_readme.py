"""Fills the generated parts of README.md from real runs: the demonstration, the help texts and the module tree."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

from onnxinv.cli import run

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PACKAGE = ROOT / "onnxinv"

_COMPARE = "onnxinv compare models/mnist_simpleconv_plain.onnx models/mnist_simpleconv_rotated.onnx"
_CHECK = "onnxinv check --config models/onnxinv.toml"
_PLAIN = "onnxinv check models/mnist_simpleconv_plain.onnx --config models/onnxinv.toml"

COMMANDS = (
    ("compare", f"{_COMPARE} --data models/digits.npz --samples 200 --transform rotation:steps=8", 0),
    ("check", _CHECK, 0),
    ("annotations", f"{_PLAIN} --format github", 1),
    ("job summary", f"{_PLAIN} --format markdown", 1),
)
"""Blocks of the README: name, the command that prints them, and its exit code."""


def main() -> None:
    """Rewrite README.md in place."""
    text = README.read_text(encoding="utf-8")
    text = filled(text, "demo", output("demo", "--quiet"))
    for name, line, code in COMMANDS:
        text = filled(text, name, output(*line.split()[1:], code=code))
    for command in ("analyze", "compare", "check"):
        text = filled(text, f"help: {command}", output(command, "--help"))
    text = filled(text, "tree", tree())
    README.write_text(text, encoding="utf-8")


def output(*arguments: str, code: int = 0) -> str:
    """Return what a command prints, run at 80 columns in a folder that holds nothing but the shipped models.

    Raises:
        RuntimeError: it exits with another code.
    """
    printed = io.StringIO()
    os.environ["COLUMNS"] = "80"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        Path("models").symlink_to(ROOT / "models")
        exited = run(list(arguments))
    if exited != code:
        raise RuntimeError(f"onnxinv {' '.join(arguments)} exited {exited}")
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()).strip("\n")


def tree() -> str:
    """Return every module with the first line of its docstring, its caption."""
    lines = ["onnxinv/"]
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda each: (each.relative_to(PACKAGE).parts[:-1], each.name)):
        relative = path.relative_to(PACKAGE)
        indent = "    " * len(relative.parts)
        if path.name == "__init__.py" and path.parent != PACKAGE:
            lines.append(f"{'    ' * (len(relative.parts) - 1)}{path.parent.name}/  {caption(path)}")
        else:
            lines.append(f"{indent}{path.name}  {caption(path)}")
    return "\n".join(lines)


def caption(path: Path) -> str:
    """Return the first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0] if docstring else ""


def filled(text: str, name: str, content: str) -> str:
    """Return the text with the fenced block after the comment that begins with `name` replaced."""
    pattern = re.compile(rf"(<!-- {re.escape(name)}[^>]*-->\n```text\n).*?(```\n)", re.DOTALL)
    made, count = pattern.subn(lambda match: f"{match[1]}{content}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"README.md has {count} blocks called '{name}'")
    return made


def block(text: str, name: str) -> str:
    """Return the content of that block."""
    found = re.search(rf"<!-- {re.escape(name)}[^>]*-->\n```text\n(.*?)\n```\n", text, re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no block called '{name}'")
    return found[1]


if __name__ == "__main__":
    main()
