"""The plug-in of pytest at work: real runs of pytest on the shipped models, in processes of their own."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

import onnxinv
from tests.networks import DIGITS, SHIPPED

pytest_plugins = ["pytester"]

PLAIN, ROTATED = SHIPPED

HEAD = f"""
import pytest
from onnxinv.testing import assert_invariant as imported

PLAIN, ROTATED = {str(PLAIN)!r}, {str(ROTATED)!r}
WITH = dict(data={str(DIGITS)!r}, transforms="rotation:steps=4", samples=60, layers=["elu6", "fc2"], device="cpu")
"""

GATE = """
LIMITS = ["normalized-variance:layers=elu6,max=0.75", "normalized-variance:layers=fc2,max=0.5"]

def test_rotated(assert_invariant):
    assert [each.status for each in assert_invariant(ROTATED, limits=LIMITS, **WITH)] == ["held", "held"]

def test_plain(assert_invariant):
    assert_invariant(PLAIN, limits=LIMITS, **WITH)

def test_typo(assert_invariant):
    assert_invariant(ROTATED, limits="normalized-variance:layers=elo6,max=0.75", **WITH)

def test_nothing():
    pass
"""

DOUBT = """
LIMIT = {{"layers": "elu6", "max": {value!r}}}

@pytest.fixture(scope="module")
def checked(assert_invariant):
    return assert_invariant(ROTATED, limits=LIMIT, **WITH)

def test_fixture(checked):
    assert checked

def test_imported():
    imported(ROTATED, limits=LIMIT, **WITH)

def test_lenient():
    imported(ROTATED, limits=LIMIT, strict=False, **WITH)
"""

CHECKED = {
    "test_rotated": "mnist_simpleconv_rotated.onnx: 2 held, 0 broken, 0 uncertain; 240 inferences",
    "test_plain": "mnist_simpleconv_plain.onnx: 0 held, 2 broken, 0 uncertain; 240 inferences",
}

DOUBTFUL = ("test_fixture", "test_imported", "test_lenient")
UNCERTAIN = "mnist_simpleconv_rotated.onnx: 0 held, 0 broken, 1 uncertain; 240 inferences"


@pytest.fixture(scope="module")
def value() -> float:
    """What the limits are about: a bound just here can be neither held nor broken."""
    (finding,) = onnxinv.check(
        ROTATED, DIGITS, "rotation:steps=4", ["normalized-variance:layers=elu6,max=1"],
        samples=60, layers=["elu6", "fc2"], device="cpu",
    )  # fmt: skip
    return finding.value


def ran(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_gate=HEAD + text)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


def summary(result: pytest.RunResult) -> list[str]:
    """Return the lines of the section `onnxinv`."""
    titles = [place for place, line in enumerate(result.outlines) if line.startswith("=")]
    ours = [place for place in titles if result.outlines[place].strip("= ") == "onnxinv"]
    if not ours:
        return []
    (start,) = ours
    return result.outlines[start + 1 : next(place for place in titles if place > start)]


def test_a_model_passes_another_fails_with_the_table_and_a_typo_is_an_error_with_a_hint(pytester):
    result = ran(pytester, GATE, "--junitxml=found.xml")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*_ test_plain _*",
            ">       assert_invariant(PLAIN, limits=LIMITS, [*][*]WITH)",
            "E       AssertionError: failed: 2 of 2 broken (elu6, fc2 of mnist_simpleconv_plain)",
            "E       60 samples x 4 transforms, 240 of 240 inferences",
            "E * elu6  *<= 0.750 *broken",
            "E * fc2  *<= 0.500 *broken",
            "*_ test_typo _*",
            "E       onnxinv.errors.UsageError: 'elo6' fits no layer that is measured. Did you mean 'elu6'*",
        ]
    )
    assert not [line for line in result.outlines if "onnxinv/" in line]  # none of its own source
    assert summary(result) == [f"test_gate.py::{name}  {line}" for name, line in CHECKED.items()]

    cases = ET.parse(pytester.path / "found.xml").iterfind(".//testcase")
    told = {
        case.get("name"): [(each.get("name"), each.get("value")) for each in case.iter("property")] for case in cases
    }
    assert told == {
        "test_rotated": [
            ("onnxinv_check", CHECKED["test_rotated"]),
            ("onnxinv_verdict", "passed: 2 of 2 limits held"),
            ("onnxinv_inferences", "240"),
        ],
        "test_plain": [
            ("onnxinv_check", CHECKED["test_plain"]),
            ("onnxinv_verdict", "failed: 2 of 2 broken (elu6, fc2 of mnist_simpleconv_plain)"),
            ("onnxinv_inferences", "240"),
        ],
        "test_typo": [],
        "test_nothing": [],
    }


def test_processes_of_xdist_are_as_strict_as_the_ini_file_and_tell_the_first_of_their_checks(pytester, value):
    pytester.makeini("[pytest]\nonnxinv_strict = true")
    result = ran(pytester, GATE + DOUBT.format(value=value), "-n", "2", "-q")
    result.assert_outcomes(passed=3, failed=3, errors=1, warnings=1)
    told = {**CHECKED, **dict.fromkeys(DOUBTFUL, UNCERTAIN)}
    assert sorted(summary(result)) == sorted(f"test_gate.py::{name}  {line}" for name, line in told.items())


def test_what_is_uncertain_passes_with_a_warning(pytester, value):
    result = ran(pytester, DOUBT.format(value=value))
    result.assert_outcomes(passed=3, warnings=3)
    result.stdout.fnmatch_lines(["*InvarianceWarning: uncertain: elu6: normalized-variance mean is *would decide it*"])
    assert summary(result) == [f"test_gate.py::{name}  {UNCERTAIN}" for name in DOUBTFUL]


def test_what_is_uncertain_fails_where_it_is_strict_unless_the_test_says_otherwise(pytester, value):
    result = ran(pytester, DOUBT.format(value=value), "--onnxinv-strict")
    result.assert_outcomes(errors=1, failed=1, passed=1, warnings=1)
    message = "E       AssertionError: failed: 1 of 1 uncertain (elu6 of mnist_simpleconv_rotated)"
    assert [line.partition(",")[0] for line in result.outlines if line.startswith(message[:25])] == [message] * 2
    assert [line.split()[0] for line in summary(result)] == [f"test_gate.py::{name}" for name in DOUBTFUL]


def test_a_run_without_a_check_says_nothing_of_it(pytester):
    result = ran(pytester, "def test_nothing(): pass", "--onnxinv-strict")
    result.assert_outcomes(passed=1)
    assert summary(result) == []


def test_a_run_without_a_terminal_ends_as_any_other(pytester):
    result = ran(pytester, GATE, "-p", "no:terminal", "-k", "test_rotated or test_plain")
    assert (result.ret, result.outlines) == (pytest.ExitCode.TESTS_FAILED, [])
