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


def main() -> None:
    """Rewrite README.md in place."""
    text = README.read_text(encoding="utf-8")
    text = filled(text, "demo", output("demo", "--quiet"))
    text = filled(text, "compare", compared(text))
    for command in ("analyze", "compare"):
        text = filled(text, f"help: {command}", output(command, "--help"))
    text = filled(text, "tree", tree())
    README.write_text(text, encoding="utf-8")


def output(*arguments: str) -> str:
    """Return what a command prints, run in an empty folder at 80 columns."""
    printed = io.StringIO()
    os.environ["COLUMNS"] = "80"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        code = run(list(arguments))
    if code:
        raise RuntimeError(f"onnxinv {' '.join(arguments)} exited {code}")
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()).strip("\n")


def compared(text: str) -> str:
    """Return what the first comparison that the README names prints."""
    command = next(line for line in text.splitlines() if line.startswith("onnxinv compare "))
    arguments = [str(ROOT / word) if word.startswith("models/") else word for word in command.split()[1:]]
    return output(*arguments).replace(f"{ROOT}/", "")


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
