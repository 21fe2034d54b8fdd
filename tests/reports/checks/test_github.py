"""The annotations of a check are whole workflow commands, at most ten of a kind, and no name adds another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onnxinv.findings import CheckReport
from onnxinv.reports.checks.github import GithubCheckReport
from tests.reports.checks.checked import HOSTILE, check_of, finding, run, small

GOLDEN = Path(__file__).parent / "golden" / "check.github.txt"
"""To refresh: .venv/bin/python -m tests.reports.checks.test_github"""


def commands(report: CheckReport) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands as GitHub's runner reads them: line by line, up to the second `::`, then unescaped."""
    found = []
    for line in GithubCheckReport().render(report).splitlines():
        match = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line)
        assert match, line
        properties = dict(each.split("=", 1) for each in match[2].split(","))
        found.append((match[1], {key: read(value) for key, value in properties.items()}, read(match[3])))
    return found


def read(text: str) -> str:
    for written, meant in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(written, meant)
    return text


def test_is_the_golden_text():
    assert GithubCheckReport().render(small()) == GOLDEN.read_text(encoding="utf-8")


def test_what_fails_is_an_error_and_what_does_not_is_a_warning():
    kinds = [(kind, properties.get("title")) for kind, properties, _ in commands(small())]
    assert kinds == [
        ("error", "digits: fc2 broken"), ("error", "digits: fc2 broken"), ("error", "digits: output broken"),
        ("warning", "digits: fc1 broken (warn)"), ("warning", "digits: elu3 uncertain"),
        ("warning", "digits: fc3 uncertain"), ("notice", "onnxinv check"),
    ]  # fmt: skip


def test_an_annotation_stands_at_the_line_of_its_limit():
    assert [properties.get("line") for _, properties, _ in commands(small())] == ["12", "20", "30"] + ["12"] * 3 + [
        None
    ]
    assert {properties.get("file") for _, properties, _ in commands(small())} == {"onnxinv.toml", None}


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(check_of(finding("a", "broken", line=None)), id="no line"),
        pytest.param(check_of(finding("a", "broken"), config=None), id="no file"),
    ],
)
def test_without_file_or_line_an_annotation_has_a_title_alone(report):
    assert set(commands(report)[0][1]) == {"title"}


def test_a_path_is_kept_as_it_is():
    path = "C:\\a,b\\100%\\onnxinv.toml"
    assert commands(check_of(finding("a", "broken"), config=path))[0][1]["file"] == path


def test_under_strict_what_is_uncertain_is_an_error():
    kind, properties, _ = commands(check_of(finding("a", "uncertain", fails=True), strict=True))[0]
    assert (kind, properties["title"]) == ("error", "digits: a uncertain (fails)")


def test_only_the_verdict_is_told_of_what_is_held():
    found = [finding("a"), finding("b", "broken", level="off"), finding("c", "not-applicable", value=None)]
    assert [kind for kind, _, _ in commands(check_of(*found))] == ["notice"]
    assert [kind for kind, _, _ in commands(check_of(runs=[run()]))] == ["notice"]


@pytest.mark.parametrize(("count", "shown", "said"), [(10, 10, ""), (11, 10, "1 more"), (2000, 10, "1990 more")])
def test_the_tenth_of_a_kind_says_how_many_are_not_shown(count, shown, said):
    found = [finding(f"e{place}", "broken") for place in range(count)]
    found += [finding(f"w{place}", "uncertain") for place in range(count)]
    for kind in ("error", "warning"):
        told = [message for each, _, message in commands(check_of(*found)) if each == kind]
        assert len(told) == shown
        assert told[-1].endswith(f"; {said} {kind}s are not shown") is bool(said)
        assert not any("not shown" in message for message in told[:-1])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_no_command_and_no_property(name):
    found = commands(check_of(finding(name, "broken", reason=name, counterpart=name)))
    assert [kind for kind, _, _ in found] == ["error", "notice"]
    assert [set(properties) for _, properties, _ in found] == [{"file", "line", "title"}, {"title"}]
    assert all(message.isprintable() for _, _, message in found)


def test_a_name_reads_as_it_is():
    name = "100%0A::error::a,b:c"
    _, properties, message = commands(check_of(finding(name, "broken")))[0]
    assert message.startswith(f"{name}: normalized-variance mean is 0.250")
    assert properties["title"] == f"digits: {name} broken"


if __name__ == "__main__":
    GOLDEN.write_text(GithubCheckReport().render(small()), encoding="utf-8")
