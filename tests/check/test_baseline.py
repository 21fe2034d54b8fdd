"""The file that regressions are held against: its text, what is read back, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onnxinv import __version__
from onnxinv.baseline import RecordedRun, Wanted, baseline_json, read_baseline, record, transform_digest
from onnxinv.errors import OnnxinvError, OutputError, UsageError
from tests.check.groups import mean_of, measured, share_of
from tests.reports.results import NV

THIRDS = [1 / 3 + step / 7 for step in range(10)]
CONSISTENCY = "top1-consistency"
ANEW = "Restore the file, or write all of it anew with check --update-baseline."


def made(*names: str) -> RecordedRun:
    """Return what is kept of a result with these layers."""
    result = measured({name: mean_of(THIRDS) for name in names}, outputs={CONSISTENCY: share_of([0.5, 1.0] * 5)})
    wanted = Wanted({NV: ["mean", "max"]}, [CONSISTENCY, "accuracy"], {NV: (0.0, float("inf"))})
    run = record(result, [], wanted)
    return run.model_copy(update={"created": "2024-01-01T00:00:00+00:00"})


def test_a_layer_is_a_line_and_numbers_have_eight_digits():
    lines = baseline_json({"digits": made("conv1", "fc2")}).splitlines()
    of_layers = [json.loads(line.strip().removesuffix(",")) for line in lines if '"op"' in line]
    assert [each["name"] for each in of_layers] == ["conv1", "fc2"]
    mean, top = (of_layers[0]["values"][NV][of] for of in ("mean", "max"))
    assert mean["value"] == 0.97619048
    assert mean["loo"][0] == float(f"{(sum(THIRDS) - THIRDS[0]) / 9:.8g}")
    assert top == {"value": 0.97619048, "se": None, "bias": None, "loo": []}


def test_the_same_values_are_the_same_bytes_and_another_layer_is_one_more_line():
    first, again = (baseline_json({"digits": made("conv1", "fc2")}) for _ in range(2))
    assert first == again
    wider = baseline_json({"digits": made("conv1", "conv2", "fc2")}).splitlines()
    assert [line for line in wider if line not in first.splitlines()] == [wider[len(wider) - 1 - _after(wider)]]
    assert first.endswith("}\n")


def _after(lines: list[str]) -> int:
    return next(place for place, line in enumerate(reversed(lines)) if '"conv2"' in line)


def test_what_was_written_is_read_back(tmp_path):
    runs = {"digits": made("conv1"), "été": made("fc2", "\ud800")}
    path = tmp_path / "b.json"
    path.write_text(baseline_json(runs), encoding="utf-8")
    found = read_baseline(path)
    assert (found.format, found.onnxinv) == (1, __version__)
    assert found.runs == runs
    assert baseline_json(found.runs) == path.read_text(encoding="utf-8")


def test_only_what_was_measured_is_kept():
    run = made("conv1")
    assert list(run.outputs) == [CONSISTENCY]
    assert (run.data.samples, run.data.groups, run.data.seed) == (100, 10, 0)
    assert run.outputs[CONSISTENCY].known(share=True).share


def test_transforms_are_told_apart_by_all_their_parameters():
    one = {"name": "rotation 90", "degrees": 90.0}
    assert transform_digest([one]) == transform_digest([dict(reversed(one.items()))])
    others = [[one, one], [{**one, "degrees": 90.5}], [{**one, "name": "turn"}], []]
    assert len({transform_digest(each) for each in [[one], *others]}) == 5


def test_where_there_is_none_it_is_said_how_to_write_it(tmp_path):
    with pytest.raises(UsageError, match=r"There is no baseline '.*b\.json'\. Write it with check --update-baseline\."):
        read_baseline(tmp_path / "b.json")


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    content = json.loads(baseline_json({"digits": made("conv1")}))
    change(content)
    return json.dumps(content)


GOOD = baseline_json({"digits": made("conv1")})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "is not a baseline: ", id="empty"),
        pytest.param(GOOD[: len(GOOD) // 2], "is not a baseline: ", id="truncated"),
        pytest.param("[1]", "it tells no format.", id="a list"),
        pytest.param("{}", "it tells no format.", id="another JSON file"),
        pytest.param('{"format": true}', "it tells no format.", id="a format that is no number"),
        pytest.param('{"format": NaN}', "NaN is no number.", id="not a number"),
        pytest.param("[" * 100_000, "is not a baseline: ", id="nested too deeply"),
        pytest.param(changed(lambda content: content.pop("runs")), "runs", id="no runs"),
        pytest.param(changed(lambda content: content["runs"]["digits"].pop("layers")), "layers", id="no layers"),
        pytest.param(changed(lambda content: content["runs"].update(x=1)), "runs", id="a run that is none"),
        pytest.param(changed(lambda content: content.update(extra=1)), "extra", id="an unknown key"),
        pytest.param(changed(lambda content: content.update(format=0)), "has format 0", id="a format that never was"),
        pytest.param(
            GOOD.replace('"value": 0.97619048', '"value": 1e999'), "too large for a number", id="an infinite value"
        ),
        pytest.param(
            changed(lambda content: content["runs"]["digits"]["layers"][0].update(units=10**400)),
            "units",
            id="more units than there can be",
        ),
        pytest.param(GOOD.replace('"se": 0', '"se": -0'), "greater than or equal", id="a negative error"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_the_cause(tmp_path, text, told):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(OutputError) as refused:
        read_baseline(path)
    assert str(path) in refused.value.message
    assert told in refused.value.message
    assert refused.value.hint == ANEW


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "b.json"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(OutputError, match="is not a baseline"):
        read_baseline(path)


def test_a_newer_format_is_refused_whatever_it_holds(tmp_path):
    path = tmp_path / "b.json"
    path.write_text('{"format": 2, "anything": []}')
    with pytest.raises(OutputError, match=r"has format 2, and this version reads format 1\. Upgrade onnxinv\."):
        read_baseline(path)


def test_a_folder_is_no_file_to_read(tmp_path):
    with pytest.raises(OnnxinvError, match="cannot be read: Is a directory"):
        read_baseline(Path(tmp_path))


def test_a_device_that_never_ends_is_not_read():
    with pytest.raises(OnnxinvError, match="cannot be read: it is a device or a pipe"):
        read_baseline(Path("/dev/zero"))
