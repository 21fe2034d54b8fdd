"""The JSON is strict, valid against the published schema, and keeps names as they are."""

from __future__ import annotations

import json

import pytest

from onnxinv.reports.json import JsonReport
from onnxinv.reports.schema import SchemaReport
from onnxinv.result import Document
from tests.reports.results import NV, layer, result_of, small, summary


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_is_strict_and_holds_the_document():
    content = json.loads(JsonReport().render(small()), parse_constant=refuse)
    assert Document.model_validate(content) == small().document


@pytest.mark.parametrize(
    "name",
    ["<script>", "\"'", "\x1b[31m", "two\nlines", "[\n1,\n2\n]", "\u202eltr", "x" * 10_000, "=1+1", "畳", "\x00"],
    ids=["markup", "quotes", "escape", "line break", "a list", "direction mark", "long", "formula", "wide", "null"],
)
def test_a_name_is_kept_as_it_is(name):
    text = JsonReport().render(result_of([layer(0, name, {NV: summary(0.5)})]))
    assert json.loads(text)["layers"][0]["name"] == name


def test_lists_of_numbers_stand_on_one_line():
    assert '"shape": [4, 2, 2]' in JsonReport().render(small())


def test_the_schema_names_every_part_and_closes_it():
    schema = json.loads(SchemaReport().render(small()))
    assert set(schema["required"]) == {"meta", "layers", "skipped", "outputs", "summary"}
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["LayerResult"]["additionalProperties"] is False
