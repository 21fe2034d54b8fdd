"""`assert_invariant` passes, fails, warns or refuses as the check does, and says why in the test's own words."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import onnxinv
from onnxinv import testing
from onnxinv.errors import UsageError
from onnxinv.findings import CheckReport
from onnxinv.testing import InvarianceWarning, Runner, assert_invariant, under
from tests.networks import DIGITS, SHIPPED

PLAIN, ROTATED = SHIPPED
TURNS = "rotation:steps=4"
ELU6 = "normalized-variance:layers=elu6,max=0.75"


FEW: dict[str, object] = {"samples": 60, "layers": ["conv1", "elu6", "fc1", "fc2"], "device": "cpu"}


def few(model: Path, *limits: object, **options: object) -> list[onnxinv.Finding]:
    return assert_invariant(model, DIGITS, TURNS, limits, **FEW, **options)


@pytest.fixture(scope="module")
def value() -> float:
    """What the limits are about: a bound just here can be neither held nor broken."""
    (finding,) = onnxinv.check(ROTATED, DIGITS, TURNS, [ELU6], **FEW)
    return finding.value


@pytest.fixture
def warned_of() -> dict[str, object]:
    return {"layers": "elu6", "max": 0.1, "level": "warn"}


def test_a_model_within_its_limits_passes_and_its_findings_are_returned():
    found = few(ROTATED, ELU6)
    assert [(each.label, each.status, each.fails) for each in found] == [("elu6", "held", False)]
    assert found == onnxinv.check(ROTATED, DIGITS, TURNS, [ELU6], **FEW)


def test_a_model_beyond_its_limits_fails_with_the_verdict_first_and_then_the_table():
    with pytest.raises(AssertionError) as caught:
        few(PLAIN, ELU6, {"layers": ["fc2"], "max": 1.1})
    verdict, _, *table = str(caught.value).splitlines()
    assert verdict == "failed: 1 of 2 broken (elu6 of mnist_simpleconv_plain)"
    (finding,) = onnxinv.check(PLAIN, DIGITS, TURNS, [ELU6], **FEW)
    broken = next(line.split() for line in table if " elu6 " in line)
    assert f"{finding.value:.3f}" in broken
    assert broken[-3:] == ["<=", "0.750", "broken"]
    assert next(line.split() for line in table if " fc2 " in line)[-3:] == ["<=", "1.100", "held"]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(ELU6, id="one text"),
        pytest.param({"layers": "elu6", "max": 0.75}, id="one table"),
        pytest.param([ELU6], id="a list of texts"),
    ],
)
def test_limits_are_given_one_or_several(limits):
    (finding,) = assert_invariant(ROTATED, DIGITS, TURNS, limits, **FEW)
    assert (finding.measure, finding.bound) == ("normalized-variance", 0.75)


def test_what_is_uncertain_passes_with_a_warning_that_points_at_the_test_and_says_what_would_decide(value):
    with pytest.warns(InvarianceWarning) as caught:
        (finding,) = assert_invariant(ROTATED, DIGITS, TURNS, {"layers": "elu6", "max": value}, **FEW)
    (warning,) = caught
    assert finding.status == "uncertain"
    assert str(warning.message).startswith("uncertain: elu6: normalized-variance mean is ")
    assert f"{finding.samples_needed} samples would decide it (60 were measured)" in str(warning.message)
    assert Path(warning.filename) == Path(__file__)


def test_what_is_uncertain_fails_where_it_is_strict(value):
    with pytest.raises(AssertionError, match=r"^failed: 1 of 1 uncertain \(elu6 "):
        few(ROTATED, {"layers": "elu6", "max": value}, strict=True)


def test_what_is_only_warned_of_passes_with_a_warning_and_fails_where_it_is_strict(warned_of):
    with pytest.warns(InvarianceWarning, match=r"^broken: elu6: .* at most 0.100 allowed$"):
        (finding,) = few(ROTATED, warned_of)
    assert (finding.status, finding.fails) == ("broken", False)
    with pytest.raises(AssertionError, match=r"^failed: 1 of 1 broken"):
        few(ROTATED, warned_of, strict=True)


def test_a_failure_leaves_the_warnings_to_its_table(warned_of):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(AssertionError, match=r"elu6 .* broken \(warn\)"):
            few(PLAIN, warned_of, {"layers": "fc2", "max": 0.5})
    assert [each for each in caught if each.category is InvarianceWarning] == []


def test_limits_that_do_not_apply_are_warned_of_once_for_all_layers_with_the_same_reason():
    with pytest.warns(InvarianceWarning) as caught:
        found = few(ROTATED, {"measure": "equivariance-error", "layers": ["conv1", "fc1", "fc2"], "max": 9})
    assert [each.status for each in found] == ["held", "not-applicable", "not-applicable"]
    assert [str(each.message) for each in caught] == [f"not applicable: fc1, fc2: {found[1].reason}"]


def test_a_wrong_name_is_an_error_with_its_hint_and_without_the_insides_of_the_package():
    with pytest.raises(UsageError, match=r"'elo6' fits no layer that is measured\. Did you mean 'elu6'") as caught:
        few(ROTATED, {"layers": "elo6", "max": 0.75})
    assert {Path(str(entry.path)) for entry in caught.traceback} == {Path(__file__), Path(testing.__file__)}
    assert caught.value.__cause__ is None


def test_a_configuration_says_what_arguments_do_not(tmp_path):
    config = tmp_path / "onnxinv.toml"
    config.write_text(
        f'model = "{ROTATED}"\ndata = "{DIGITS}"\ntransforms = "{TURNS}"\nsamples = 60\n'
        'layers = ["elu6"]\ndevice = "cpu"\n'
        '[[runs]]\nname = "kept"\n[[runs.limits]]\nlayers = "elu6"\nmax = 0.75\n'
        '[[runs]]\nname = "left"\n[[runs.limits]]\nlayers = "elu6"\nmax = 0.1\n'
    )
    (finding,) = assert_invariant(config=config, runs=["kept"])
    assert (finding.run, finding.line) == ("kept", 9)
    with pytest.raises(AssertionError, match=r"elu6 of kept"):
        assert_invariant(PLAIN, config=config, runs=["kept"])


def test_a_runner_is_told_of_every_check_and_decides_where_the_test_does_not(value):
    told: list[CheckReport] = []
    limit = {"layers": "elu6", "max": value}
    with under(Runner(strict=True, tell=told.append)):
        with pytest.raises(AssertionError):
            few(ROTATED, limit)
        with pytest.warns(InvarianceWarning):
            few(ROTATED, limit, strict=False)
    with pytest.warns(InvarianceWarning):
        few(ROTATED, limit)
    assert [each.passed for each in told] == [False, True]


def test_importing_it_and_the_plug_in_of_pytest_costs_next_to_nothing():
    script = (
        "import pytest, sys; known = set(sys.modules); import onnxinv.pytest_plugin; print(*set(sys.modules) - known)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    parts = {"onnxinv", *(f"onnxinv.{name}" for name in ("errors", "pytest_plugin", "testing", "version"))}
    assert set(done.stdout.split()) == parts
