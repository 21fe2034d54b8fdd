"""The CSV has one row for each layer and measure, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from onnxinv.reports.csv import CsvReport
from tests.reports.results import NV, layer, result_of, small, summary


def rows(result):
    return list(csv.DictReader(io.StringIO(CsvReport().render(result))))


def test_has_one_row_for_each_layer_and_measure_in_order():
    measures = {NV: summary(0.5), "sample-variance": summary(0.25)}
    found = rows(result_of([layer(0, "a", measures), layer(1, "b", measures)]))
    expected = [("0", NV), ("0", "sample-variance"), ("1", NV), ("1", "sample-variance")]
    assert [(row["index"], row["measure"]) for row in found] == expected
    assert found[1]["mean"] == "0.25"


def test_numbers_are_exact_and_missing_ones_empty():
    found = {row["name"]: row for row in rows(small())}
    assert float(found["b"]["mean"]) == 0.00012
    assert (found["b"]["ci_low"], found["b"]["ci_high"]) == ("", "")
    assert found["c"]["mean"] == ""
    assert (float(found["a"]["ci_low"]), found["a"]["dead"]) == (0.2, "2")
    assert found["a"]["shape"] == "4x2x2"


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_name_is_no_formula(first):
    row = rows(result_of([layer(0, f"{first}cmd()", {NV: summary(0.5)})]))[0]
    assert row["name"] == row["label"] == f"'{first}cmd()"


def test_separators_and_quotes_in_names_stay_in_their_cell():
    row = rows(result_of([layer(0, 'a,"b";c', {NV: summary(0.5)})]))[0]
    assert row["name"] == 'a,"b";c'
