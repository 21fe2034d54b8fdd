"""The JUnit XML of a check is accepted by both schemas in use and by a reader, with one case a limit and layer."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestCase
from xmlschema import XMLSchema

from onnxinv.findings import CheckReport
from onnxinv.reports.checks.junit import JunitCheckReport
from tests.reports.checks.checked import HOSTILE, check_of, finding, output, run, small

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "golden" / "check.xml"
"""To refresh: .venv/bin/python -m tests.reports.checks.test_junit"""

SCHEMAS = ("JUnit.xsd", "junit-10.xsd")


@cache
def schema(name: str) -> XMLSchema:
    return XMLSchema(str(FOLDER / name))


def written(report: CheckReport) -> JUnitXml:
    """Return what a reader makes of the report, once both schemas have accepted it."""
    text = JunitCheckReport().render(report)
    for name in SCHEMAS:
        schema(name).validate(text)
    return JUnitXml.fromstring(text.encode())


def cases(report: CheckReport) -> list[TestCase]:
    return [case for suite in written(report) for case in suite]


def test_is_the_golden_text():
    assert JunitCheckReport().render(small()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_refuse_what_is_not_junit(name):
    text = JunitCheckReport().render(small())
    assert schema(name).is_valid(text)
    assert not schema(name).is_valid(text.replace("<testcase name=", "<testcase title="))


def test_a_run_is_a_suite_with_its_counts():
    suites = list(written(small()))
    assert [(each.name, each.tests, each.failures, each.skipped, each.errors) for each in suites] == [
        ("digits", 9, 3, 4, 0), ("letters", 1, 0, 0, 0),
    ]  # fmt: skip
    assert {each.time for each in suites} == {0.5}
    assert {each.hostname for each in suites} == {"localhost"}
    assert {each.name: each.value for each in suites[1].properties()} == {
        "model": "other.onnx", "sha256": "0" * 64, "data": "digits.npz", "samples": "20", "transforms": "2",
        "inferences": "40",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "kind", "message"),
    [
        pytest.param(finding("a", "broken"), Failure, "a: normalized-variance mean is 0.250", id="broken fails"),
        pytest.param(finding("a", "uncertain", fails=True), Failure, "a: normalized-variance mean", id="strict"),
        pytest.param(finding("a", "uncertain"), Skipped, "uncertain: a: normalized", id="uncertain is skipped"),
        pytest.param(finding("a", "broken", level="warn"), Skipped, "warning: a: normalized", id="a warning too"),
        pytest.param(
            finding("a", "not-applicable", value=None, reason="no finite value"),
            Skipped, "not applicable: a: normalized-variance mean has no value", id="what has no value is skipped",
        ),
    ],
)  # fmt: skip
def test_what_is_not_held_says_so(found, kind, message):
    (case,) = cases(check_of(found))
    (result,) = case.result
    assert type(result) is kind
    assert result.message.startswith(message)
    assert result.type == (found.status if found.fails else None)


def test_what_is_held_passes():
    assert [case.is_passed for case in cases(check_of(finding("a"), output()))] == [True, True]


def test_a_failure_tells_where_the_limit_stands():
    (result,) = cases(check_of(finding("a", "broken")))[0].result
    assert result.text == f"{result.message}\nonnxinv.toml, line 12"


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (finding("fc2", bound=0.35), "normalized-variance mean of fc2 <= 0.35"),
        (finding("fc2", kind="min", below=False, of="p95"), "normalized-variance p95 of fc2 >= 0.5"),
        (finding("fc2", kind="max-regression", baseline=0.2), "normalized-variance mean of fc2 against the baseline"),
        (finding("fc2", "not-applicable", bound=None), "normalized-variance mean of fc2"),
        (output(bound=0.95), "top1-consistency >= 0.95"),
    ],
)
def test_a_case_is_named_by_its_limit(found, name):
    (case,) = cases(check_of(found))
    assert (case.classname, case.name, case.time) == ("digits", name, 0)


def test_no_two_cases_of_a_suite_have_one_name():
    same = [finding("t1", label="fc"), finding("t2", label="fc"), finding("t2", label="fc", limit=1)]
    assert [case.name.removeprefix("normalized-variance mean of ") for case in cases(check_of(*same))] == [
        "fc <= 0.5", "fc <= 0.5 (t2)", "fc <= 0.5 (t2) 2",
    ]  # fmt: skip


def test_two_thousand_findings_are_two_thousand_cases():
    found = [finding("x" * 500, "broken" if place % 2 else "held") for place in range(2000)]
    assert len({case.name for case in cases(check_of(*found))}) == 2000


def test_a_check_without_findings_is_an_empty_suite():
    (suite,) = written(check_of(runs=[run()]))
    assert suite.tests == 0


@pytest.mark.parametrize(
    ("created", "stamp"),
    [
        ("2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00"),
        ("2024-01-01T01:30:00.123456+02:00", "2023-12-31T23:30:00"),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00"),
    ],
)
def test_the_time_is_that_of_the_check_without_an_offset(created, stamp):
    (suite,) = written(check_of(finding("a"), created=created))
    assert suite.timestamp == stamp


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_leave_the_document_valid(name):
    found = finding(name, "broken", reason=name, counterpart=name)
    (case,) = cases(check_of(found, runs=[run(notes=[name], path=name)], config=name))
    assert case.is_failure


@pytest.mark.parametrize("name", ["<script>x</script>", "a|b`", "&lt;", "]]>", "a::b%0A", '"x"'])
def test_a_printable_name_reads_as_it_is(name):
    assert cases(check_of(finding(name)))[0].name == f"normalized-variance mean of {name} <= 0.5"


if __name__ == "__main__":
    GOLDEN.write_text(JunitCheckReport().render(small()), encoding="utf-8")
