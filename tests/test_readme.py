"""The README tells the truth: its tables, outputs, commands and tree are the real ones."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from onnxinv.cli import run
from onnxinv.data import sources
from onnxinv.measures import measures
from onnxinv.reports import reports
from onnxinv.reports.checks import check_reports
from onnxinv.reports.comparisons import comparison_reports
from onnxinv.transforms import families
from tools.fill_readme import COMMANDS, README, ROOT, block, output, tree

REGISTRIES = (measures, families, sources, reports, comparison_reports, check_reports)
NUMBER = re.compile(r"[+-]?\d+\.\d+")
TEXT = README.read_text(encoding="utf-8")


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("registry", [pytest.param(each, id=f"{each.kind}s") for each in REGISTRIES])
def test_every_registered_name_stands_in_a_table(registry):
    missing = [name for name in registry.names() if f"\n| `{name}` |" not in TEXT]
    assert missing == []


def test_every_name_in_the_tables_is_registered():
    known = {name for registry in REGISTRIES for name in registry.names()}
    aggregates = {"channel", "unit", "activation-mean", "activation-max"}
    own = re.sub(r"```text\n.*?```", "", TEXT, flags=re.DOTALL)  # not the tables that are printed
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", own, re.MULTILINE)) == known | aggregates


def test_the_defaults_of_transforms_are_the_real_ones():
    for name in families.names():
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |"))
        for key, value in re.findall(r"(\w+)=([\w.]+)", row.split("|")[3]):
            assert str(families.get(name).model_fields[key].default) == value, f"{name}: {key}"


@pytest.mark.parametrize("command", ["analyze", "compare", "check"])
def test_the_help_is_the_real_one(command):
    pytest.importorskip("typer", "0.29", reason="older ones name no type of an argument")
    assert words(block(TEXT, f"help: {command}")) == words(output(command, "--help"))


def test_the_tree_is_the_real_one():
    assert block(TEXT, "tree") == tree()


def test_every_module_has_a_caption():
    assert all(len(line.split("  ")[-1]) > 10 for line in tree().splitlines()[1:])


def test_the_demonstration_prints_what_the_readme_shows():
    shown, real = (table(text) for text in (block(TEXT, "demo"), output("demo", "--quiet")))
    assert list(shown) == list(real)
    assert len(shown) == 18
    for layer, numbers in shown.items():
        # Processors round differently: the numbers agree to what the table is read for.
        assert real[layer] == pytest.approx(numbers, abs=0.005), layer


@pytest.mark.parametrize(("name", "line", "code"), COMMANDS)
def test_the_commands_print_what_the_readme_shows(name, line, code):
    assert line in TEXT
    shown, real = block(TEXT, name), output(*line.split()[1:], code=code)
    assert words(NUMBER.sub("N", shown)) == words(NUMBER.sub("N", real))
    # Processors round differently: the numbers agree to what the tables are read for.
    assert numbers(shown) == pytest.approx(numbers(real), abs=0.01)


def numbers(text: str) -> list[float]:
    return [float(found) for found in NUMBER.findall(text)]


def table(text: str) -> dict[str, list[float]]:
    """Return the numbers of each layer's line."""
    lines = [line for line in text.splitlines() if re.search(r"\](  \w+)?$", line) and ":" not in line]
    return {line.split()[0]: [float(found) for found in re.findall(r"[+-]?\d+\.\d+", line)] for line in lines}


@pytest.mark.parametrize(
    "line", re.findall(r"^onnxinv (?:analyze|inspect|explain|report|init) .*$", TEXT, re.MULTILINE)
)
def test_the_commands_run(line, tmp_path, monkeypatch):
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    first = ["analyze", "models/mnist_simpleconv_plain.onnx", "--data", "models/digits.npz", "--samples", "4"]
    if "report out" in line:
        assert run([*first, "--transform", "flip", "-o", "out", "--quiet"]) == 0
    assert run(shlex.split(line)[1:]) == 0


def test_the_configuration_is_the_shipped_one():
    assert f"```toml\n{(ROOT / 'models' / 'onnxinv.toml').read_text(encoding='utf-8')}```" in TEXT


def test_the_python_examples_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(code, str(Path("README.md")), "exec"), names)  # the README is ours
    printed = capsys.readouterr().out
    assert "fc2 0." in printed
    assert "fc2 fc2 name better" in printed
