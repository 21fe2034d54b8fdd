"""The Markdown of a result has whole tables, folds what is long, and a name in it is never markup."""

from __future__ import annotations

import re

import pytest

from onnxinv.provenance import ClassOutputMeta
from onnxinv.reports.markdown import MarkdownReport
from onnxinv.reports.printable import printable
from onnxinv.result import Result, Skipped
from tests.reports.everything import everything
from tests.reports.results import NV, layer, result_of, small, summary
from tests.reports.test_comparison_markdown import HOSTILE, html, rows
from tests.reports.test_sections import by_class, of_classes, skipping, with_meta


def text_of(result: Result) -> str:
    return MarkdownReport().render(result)


def folds(text: str) -> list[str]:
    """Return the titles of what is folded, as they read."""
    return [re.sub("<[^>]*>", "", title) for title in re.findall(r"<summary>(.*?)</summary>", text)]


def test_begins_with_the_model_and_the_verdict():
    lines = text_of(small()).splitlines()
    assert lines[0] == "## Invariance of `net.onnx`"
    assert lines[2].startswith("**By `normalized-variance`, the most invariant layer is `features.1.relu` (1.2e-04)")
    assert lines[4] == "20 samples of `digits.npz`, 2 transforms: `rotation:steps=2`"


def test_every_layer_is_a_row_with_its_interval_and_remarks():
    found = rows(text_of(small()))
    assert found[0] == ["layer", "op", "channels", NV, "95 % interval", "remarks"]
    assert found[2] == ["features.0.conv", "Conv", "4", "0.250", "[0.200, 0.300]", "2 dead"]
    assert [row[-1] for row in found[1:]] == ["", "2 dead", "", "4 nan", "1 inf"]


def test_remarks_stand_only_where_there_are_any():
    assert rows(text_of(result_of([layer(0, "a", {NV: summary(0.5)})])))[0][-1] == "95 % interval"


@pytest.mark.parametrize("count", [1, 2, 4, 5, 10, 11, 37])
def test_every_measure_of_every_layer_stands_in_just_one_table_of_sane_width(count):
    keys = [NV, *(f"measure-{at}" for at in range(1, count))]
    values = {key: summary(at / 8) for at, key in enumerate(keys)}
    found = rows(text_of(result_of([layer(0, "a", values)])))
    heads, firsts = [row for row in found if row[0] == "layer"], [row for row in found if row[0] == "a"]
    told = [
        (title, cell) for head, row in zip(heads, firsts, strict=True) for title, cell in zip(head, row, strict=True)
    ]
    assert [each for each in told if each[0] in keys] == [(key, f"{at / 8:.3f}") for at, key in enumerate(keys)]
    assert max(map(len, heads)) <= 9


def test_a_long_table_is_folded_and_complete():
    text = text_of(result_of([layer(at, f"layer{at}", {NV: summary(0.5)}) for at in range(2000)]))
    assert "2,000 layers" in folds(text)
    assert text.count("| `layer") == 2000


def test_measures_of_the_class_output_have_a_table_without_layers_too():
    bare = of_classes(small(), "accuracy").document.model_copy(update={"layers": [], "summary": {}})
    text = text_of(Result(bare, {}))
    assert "**Only the class output was measured.**" in text
    assert "Class output: `y`, 10 classes, the softmax of its logits (detected)" in text
    assert rows(text) == [
        ["measure of the class output", "value", "95 % interval"],
        ["accuracy", "0.975", "[0.900, 1.000]"],
    ]


def test_a_few_classes_have_columns_and_of_many_the_extremes_are_named():
    few = rows(text_of(by_class(["0", "1", "2"])))
    assert few[-2:] == [["conv1", "0.500", "-", "0.000"], ["fc", "0.500", "-", "0.000"]]
    many = rows(text_of(by_class([f"class{at}" for at in range(11)])))
    assert many[-1] == ["fc", "class2", "0.000", "class4", "1.2e+04"]


def test_what_was_not_measured_is_folded_with_its_reason():
    text = text_of(skipping(everything(), ("anova", "its blocks are too small")))
    assert "1 measure not taken" in folds(text)
    assert "1 tensor not measured" in folds(text)
    assert "- `anova`: its blocks are too small" in text
    assert "- `@size` (`Shape`): integer" in text


def test_the_command_and_the_model_are_told():
    text = text_of(small())
    assert "```console\nonnxinv analyze net.onnx --data digits.npz --transform rotation:steps=2" in text
    assert "0" * 64 in text


@pytest.mark.parametrize("name", [*HOSTILE, "```", "</summary>", "</details>"])
def test_hostile_names_leave_every_table_and_fold_whole(name):
    def named(name: str) -> str:
        keys = [NV, *(f"{name}{at}" for at in range(5))]
        found = summary(0.5).model_copy(update={"classes": {name: 0.5}})
        made = result_of(
            [layer(0, name, dict.fromkeys(keys, found), label=name, op=name)],
            path=name, warnings=[name], skipped=[Skipped(name=name, op=name, reason=name)],
        )  # fmt: skip
        read = ClassOutputMeta(name=name, kind="logits", classes=4, chosen=name)
        meta = made.meta.model_copy(update={
            "data": made.meta.data.model_copy(update={"source": name, "preprocessing": [name], "classes": [name]}),
            "model": made.meta.model.model_copy(update={"producer": name}),
        })  # fmt: skip
        made = Result(made.document.model_copy(update={"meta": meta}), made.units)
        return text_of(with_meta(skipping(of_classes(made, name), (name, name)), class_output=read))

    text, plain = named(name), named("plain")
    tags = [re.findall(r"</?[a-z0-9]+", html(each)) for each in (text, plain)]
    assert [tag for tag in tags[0] if "code" not in tag] == [tag for tag in tags[1] if "code" not in tag]
    assert [len(row) for row in rows(text)] == [len(row) for row in rows(plain)]
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)
    label = next(row for row in rows(text) if row[0] == printable(name, 80))
    assert label[1] == printable(name, 80)
