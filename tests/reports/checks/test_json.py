"""The JSON of a check is strict and valid against the published schema; every format is registered."""

from __future__ import annotations

import json

import pytest

from onnxinv.explanations import explain
from onnxinv.findings import CheckDocument
from onnxinv.reports.checks import check_reports
from onnxinv.reports.checks.json import JsonCheckReport
from onnxinv.reports.checks.schema import SchemaCheckReport
from tests.reports.checks.checked import HOSTILE, check_of, finding, small

NAMES = ["github", "html", "json", "junit", "markdown", "schema", "terminal"]


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_is_strict_and_holds_the_document():
    content = json.loads(JsonCheckReport().render(small()), parse_constant=refuse)
    assert CheckDocument.model_validate(content) == small().document


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_kept_as_it_is(name):
    content = json.loads(JsonCheckReport().render(check_of(finding(name))))
    assert content["findings"][0]["label"] == name


def test_the_schema_names_every_field_that_is_written():
    schema = json.loads(SchemaCheckReport().render(small()))
    document = json.loads(JsonCheckReport().render(small()))
    assert set(schema["properties"]) == {"meta", "findings"}
    assert set(schema["$defs"]["Finding"]["properties"]) == set(document["findings"][0])
    assert set(schema["$defs"]["CheckMeta"]["properties"]) == set(document["meta"])


def test_every_format_is_registered():
    assert check_reports.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_a_function_of_the_check_and_ends_with_a_line_break(name):
    report = check_reports.build(name)
    text = report.render(small())
    assert text == check_reports.build(name).render(small())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert (report.renderable(small()) is not None) is (name == "terminal")


@pytest.mark.parametrize("name", ["github", "junit"])
def test_every_format_can_be_explained(name):
    assert f"{name}: a check format" in explain(name)
