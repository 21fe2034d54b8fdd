"""The JSON of a comparison is strict, valid against the published schema, and what is saved."""

from __future__ import annotations

import json

from onnxinv.comparison import CompareDocument
from onnxinv.reports.comparisons import comparison_reports
from onnxinv.reports.comparisons.json import JsonComparisonReport
from onnxinv.reports.comparisons.schema import SchemaComparisonReport
from tests.reports.compared import between, comparison_of, pair, small


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_is_strict_and_holds_the_document():
    content = json.loads(JsonComparisonReport().render(small()), parse_constant=refuse)
    assert CompareDocument.model_validate(content) == small().document


def test_is_what_stands_in_the_folder():
    assert JsonComparisonReport().render(small()).encode() == small().files()["compare.json"]


def test_a_name_is_kept_as_it_is():
    name = "\x1b[31m|<b>`\n\u202e"
    content = json.loads(JsonComparisonReport().render(comparison_of(between([pair(name)]))))
    assert content["comparisons"][0]["pairs"][0]["label_a"] == name


def test_the_schema_names_every_field_that_is_written():
    schema = json.loads(SchemaComparisonReport().render(small()))
    pair_written = json.loads(JsonComparisonReport().render(small()))["comparisons"][0]["pairs"][0]
    assert set(schema["$defs"]["PairedLayers"]["properties"]) == set(pair_written)
    assert set(schema["properties"]) == {"meta", "comparisons"}


def test_every_format_is_registered_and_ends_with_a_line_break():
    assert comparison_reports.names() == ["html", "json", "markdown", "schema", "terminal"]
    for name in comparison_reports.names():
        report = comparison_reports.build(name)
        text = report.render(small())
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert (report.renderable(small()) is not None) is (name == "terminal")
