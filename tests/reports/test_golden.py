"""Every format of a result is the text that was looked at, the same each time, and made of the result alone."""

from __future__ import annotations

import builtins
import io
import json
from pathlib import Path

import jsonschema
import pytest

import onnxinv
from onnxinv.reports import reports
from tests.reports.everything import everything

FOLDER = Path(__file__).parent / "golden"
"""To renew: .venv/bin/python -m tests.reports.test_golden; then read what git says has changed."""

GOLDEN = {
    "csv": "result.csv",
    "dot": "result.dot",
    "json": "result.json",
    "markdown": "result.md",
    "model-explorer": "result.model-explorer.json",
    "schema": "result.schema.json",
    "terminal": "result.txt",
}
WITHOUT = {"html"}
"""Pages whose look changes more often than what they say; tests of their own read them."""


def rendered(name: str) -> str:
    return reports.get(name)().render(everything())


@pytest.mark.parametrize("name", sorted(set(reports.names()) - WITHOUT))
def test_is_the_golden_text(name):
    assert rendered(name) == (FOLDER / GOLDEN[name]).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", reports.names())
def test_is_the_same_each_time_and_ends_with_a_line_break(name):
    first = rendered(name)
    assert rendered(name) == first
    assert first.endswith("\n")


@pytest.mark.parametrize("name", reports.names())
def test_reads_no_file_but_its_own_template(name, monkeypatch):
    rendered(name)  # whatever is imported for it is there now
    opened = []

    def recorded(open_it):
        def opening(file, *arguments, **options):
            opened.append(Path(file).resolve())
            return open_it(file, *arguments, **options)

        return opening

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", recorded(module.open))
    rendered(name)
    package = Path(onnxinv.__file__).parent / "reports"
    assert [path for path in opened if package not in path.parents] == []


def test_the_json_is_what_the_schema_says():
    jsonschema.validate(json.loads(rendered("json")), json.loads(rendered("schema")))


if __name__ == "__main__":
    for format_name, file in GOLDEN.items():
        (FOLDER / file).write_text(rendered(format_name), encoding="utf-8")
