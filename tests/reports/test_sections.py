"""What stands below the main table is plain, fits every width, and leaves no number half said."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from onnxinv.provenance import ClassOutputMeta, SkippedMeasure
from onnxinv.reports.csv import CsvReport
from onnxinv.reports.json import JsonReport
from onnxinv.reports.terminal import TerminalReport
from onnxinv.result import GlobalValue, MeasureSummary, OutputValue, Result
from tests.reports.results import NV, layer, result_of, small, summary

WIDTHS = [80, 60, 40]
NUMBERS = (0.5, None, 0.0, 123.456, 12345.6, 1.5e-7, 9.9996, 42.0, 1.0, 0.125)
KEYS = (NV, "transformational-variance", "variance-share-interaction", f"{NV}:classes=quotient-of-means,dispersion=var")


def shown(result: Result, width: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(TerminalReport().renderable(result))
    return text.getvalue().splitlines()


def by_class(names: Sequence[str], *, labels: Sequence[str] = ("conv1", "fc"), keys: Sequence[str] = (NV,)) -> Result:
    """Return a result with values of single classes: one of `NUMBERS` after the other."""
    classes = {name: NUMBERS[position % len(NUMBERS)] for position, name in enumerate(names)}
    found = summary(0.5).model_copy(update={"classes": classes})
    result = result_of([layer(index, f"t{index}", dict.fromkeys(keys, found), label=each)
                        for index, each in enumerate(labels)])  # fmt: skip
    data = result.meta.data.model_copy(update={"classes": list(names)})
    return with_meta(result, data=data)


def with_meta(result: Result, **update: Any) -> Result:
    meta = result.meta.model_copy(update=update)
    return Result(result.document.model_copy(update={"meta": meta}), result.units)


def of_classes(result: Result, *keys: str, kind: str = "logits", name: str = "y") -> Result:
    """Return the result with measures of the class output beside it."""
    value = OutputValue(value=0.975, se=0.01, bias=0.0, ci=(0.9, 1.0), loo=None, profile=None)
    read = ClassOutputMeta(name=name, kind=kind, classes=10, chosen="detected")
    document = result.document.model_copy(update={"outputs": dict.fromkeys(keys, value)})
    return with_meta(Result(document, result.units), class_output=read)


def skipping(result: Result, *pairs: tuple[str, str]) -> Result:
    """Return the result of a run that could not take some measures."""
    skipped = [SkippedMeasure(name=name, reason=reason) for name, reason in pairs]
    return with_meta(result, options=result.meta.options.model_copy(update={"skipped_measures": skipped}))


def several(keys: Sequence[str] = KEYS, numbers: Sequence[float | None] = NUMBERS) -> Result:
    """Return a result of several measures whose values are long and short."""
    layers = [
        layer(
            index,
            f"t{index}",
            {key: summary(numbers[(index + place) % len(numbers)]) for place, key in enumerate(keys)},
        )
        for index in range(3)
    ]
    whole = GlobalValue(mean_of_layers=12345.6, mean_of_units=1.0, se=0.1, ci=(0.00012345, 12345.6))
    result = result_of(layers)
    return Result(result.document.model_copy(update={"summary": dict.fromkeys(keys, whole)}), result.units)


def full() -> Result:
    """Return a result with everything that there can be."""
    result = of_classes(by_class([str(digit) for digit in range(10)], keys=KEYS), "top1-consistency", "accuracy")
    return skipping(result, ("goodfellow", "its thresholds rank all samples, and --precision may leave some out"))


RESULTS = {
    "everything": full(),
    "ten classes": by_class([str(digit) for digit in range(10)]),
    "a thousand classes": by_class([f"class {number} of a thousand" for number in range(1000)]),
    "one class": by_class(["only"]),
    "long labels": by_class(["a", "b"], labels=["features.denseblock4.denselayer16.norm2"] * 2),
    "wide characters": by_class(["畳み込み層畳み込み層"] * 2, labels=["畳み込み層" * 5]),
    "several measures": several(),
    "outputs alone": of_classes(result_of([layer(0, "x", {})]), "top1-consistency", "worst-case-accuracy"),
    "long output names": of_classes(small(), "top1-probability-change", name="StatefulPartitionedCall/" * 9),
    "skipped measures": skipping(several(), ("linear-cka", "a reason that goes on " * 30), ("x", "of no reason")),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = shown(RESULTS[name], width)
    assert max(_cells(line) for line in lines) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
def test_names_give_way_and_numbers_do_not(name: str, width: int) -> None:
    for line in shown(RESULTS[name], width):
        assert not re.search(r"(^|\s)\[?-?\d[\d.,e+-]*…", line), line


@pytest.mark.parametrize("name", RESULTS)
def test_piped_it_is_the_terminal_of_80_columns_without_blanks_at_the_ends(name: str) -> None:
    text = TerminalReport().render(RESULTS[name])
    assert text.splitlines() == [line.rstrip() for line in shown(RESULTS[name], 80)]
    assert "\x1b" not in text


@pytest.mark.parametrize("name", RESULTS)
def test_sections_are_one_empty_line_apart(name: str) -> None:
    lines = [line.strip() for line in shown(RESULTS[name], 80)]
    assert not any(one == other == "" for one, other in pairwise(lines))
    assert lines[-1].endswith("/s)")


def _cells(text: str) -> int:
    return len(text) + sum(ord(character) > 0x2FFF for character in text)


def row_of(lines: Sequence[str], start: str) -> list[str]:
    """Return the cells of the last row that starts so: the sections come after the table of layers."""
    return [line for line in lines if line.startswith(start)][-1].split()


def test_ten_classes_have_a_column_each_where_they_fit() -> None:
    names = [str(digit) for digit in range(10)]
    result = by_class(names)
    values = ["0.500", "-", "0.000", "123.5", "1.2e+04", "1.5e-07", "10.000", "42.000", "1.000", "0.125"]
    wide = shown(result, 120)
    assert row_of(wide, "layer") == ["layer", *names]
    assert row_of(wide, "conv1") == ["conv1", *values]
    narrow = shown(result, 60)
    assert row_of(narrow, "layer") == ["layer", "lowest", "highest"]
    assert row_of(narrow, "conv1") == ["conv1", "2", "0.000", "4", "1.2e+04"]


def test_ten_usual_classes_fit_80_columns_beside_a_long_label() -> None:
    names = [str(digit) for digit in range(10)]
    result = by_class(names, labels=["features.denseblock4.norm2"])
    found = result.layers[0].measures[NV].model_copy(update={"classes": dict.fromkeys(names, 0.5)})
    relabelled = [result.layers[0].model_copy(update={"measures": {NV: found}})]
    lines = shown(Result(result.document.model_copy(update={"layers": relabelled}), result.units), 80)
    assert row_of(lines, "feat") == ["feat…ck4.norm2", *["0.500"] * 10]


def test_of_many_classes_the_extremes_are_named() -> None:
    lines = shown(RESULTS["a thousand classes"], 80)
    assert any(line.startswith("conv1  clas") for line in lines)
    head = next(line for line in lines if "lowest" in line)
    assert "highest" in head


def test_a_layer_without_a_finite_class_has_no_extremes() -> None:
    names = [f"c{number}" for number in range(20)]
    nothing = summary(None).model_copy(update={"classes": dict.fromkeys(names)})
    result = result_of([layer(0, "x", {NV: nothing})])
    lines = shown(with_meta(result, data=result.meta.data.model_copy(update={"classes": names})), 80)
    assert row_of(lines, "x") == ["x", "-", "-"]


def test_the_main_table_says_that_it_is_a_mean_over_classes() -> None:
    assert any(line.startswith(f"{NV}, mean over classes: mean of layers") for line in shown(full(), 80))
    assert f"{NV} by class" in shown(full(), 80)


def test_the_classes_are_those_of_a_measure_that_has_some() -> None:
    """The first measure may be one that is not taken class by class."""
    result = by_class(["a", "b"], keys=(NV,))
    both = [each.model_copy(update={"measures": {"anova-f": summary(3.0), **each.measures}}) for each in result.layers]
    whole = GlobalValue(mean_of_layers=0.5, mean_of_units=0.25, se=None, ci=None)
    document = result.document.model_copy(
        update={"layers": both, "summary": {"anova-f": whole, **result.document.summary}}
    )
    lines = shown(Result(document, result.units), 80)
    assert f"{NV} by class" in lines
    assert any(line.startswith("anova-f: mean of layers") for line in lines)


def test_measures_that_a_layer_lacks_are_passed_over() -> None:
    lacking = MeasureSummary.model_validate({**summary(None).model_dump(), "reason": "it has no feature maps"})
    keys = (NV, "normalized-variance-se")
    ends = (summary(0.25), summary(0.75))
    layers = [layer(0, "a", dict(zip(keys, ends, strict=True))), layer(1, "b", {NV: ends[0], keys[1]: lacking})]
    assert row_of(shown(result_of(layers), 80), "normalized-variance-se")[:4] == [keys[1], "0.750", "0.750", "0.500"]
    nowhere = result_of([layer(0, "a", {NV: ends[0], keys[1]: lacking})])
    assert row_of(shown(nowhere, 80), "normalized-variance-se")[1:3] == ["-", "-"]


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        pytest.param(100, ["measure", "first", "last", "mean", "95", "%", "interval"], id="a wide terminal shows all"),
        pytest.param(60, ["measure", "mean", "95", "%", "interval"], id="single layers give way first"),
        pytest.param(42, ["measure", "mean"], id="the interval is next"),
        pytest.param(30, ["measure", "mean"], id="at last the name gives way"),
    ],
)
def test_columns_of_measures_give_way(width: int, titles: list[str]) -> None:
    keys = (NV, "variance-share-interaction")
    lines = shown(several(keys, (0.25, 0.5)), width)
    rest = lines[next(index for index, line in enumerate(lines) if line.startswith("measure")) :]
    assert rest[0].split() == titles
    assert all("1.2e+04" in line for line in rest[2:4])
    assert ("variance-share-interaction" in "".join(rest)) == (width > 30)


def test_the_class_output_is_said_to_be_read_so() -> None:
    for kind, said in {"logits": "the softmax of its logits", "probabilities": "probabilities"}.items():
        lines = shown(of_classes(small(), "accuracy", kind=kind), 80)
        assert f"class output: y, 10 classes, {said} (detected)" in lines
        assert row_of(lines, "accuracy") == ["accuracy", "0.975", "[0.900,", "1.000]"]


def test_a_result_of_the_class_output_alone_has_no_table_of_layers() -> None:
    lines = shown(RESULTS["outputs alone"], 80)
    assert not any(line.startswith("layer") for line in lines)
    assert row_of(lines, "top1-consistency")[1] == "0.975"
    assert CsvReport().render(RESULTS["outputs alone"]).count("\n") == 3
    assert '"top1-consistency"' in JsonReport().render(RESULTS["outputs alone"])


def test_skipped_measures_have_their_reasons() -> None:
    text = " ".join(line.strip() for line in shown(full(), 80))
    said = "Skipped: goodfellow, because its thresholds rank all samples, and --precision may leave some out."
    assert said in text


HOSTILE = {
    "a colour": "\x1b[31mred",
    "a link": "\x1b]8;;http://x.test\x1b\\click\x1b]8;;\x1b\\",
    "a line break": "one\ntwo\r\u2028three",
    "a bell": "\a\b\x7f\x9b2J",
    "a direction mark": "\u202egnp.exe",
    "markup": "[bold red]x[/]",
    "an end of markup": "[/x]",
    "short markup": "[b]ab",
    "an emoji code": ":pile_of_poo:",
    "no UTF-8": "caf\udce9",
    "a long name": "n" * 100_000,
    "a formula": "=cmd()",
    "no name": "",
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_classes_layers_and_outputs_are_plain_text(name: str, width: int) -> None:
    text = HOSTILE[name]
    results = [
        by_class([text, "b"], labels=[text, "fc"]),
        by_class(["a", "b", text, *(f"c{number}" for number in range(30))], labels=[text]),  # its value is the lowest
        of_classes(small(), "accuracy", name=text),
        skipping(several(), (text, text)),
    ]
    for result in results:
        lines = shown(result, width)
        assert all(character.isprintable() for line in lines for character in line)
        assert max(map(len, lines)) <= width
        assert all(character.isprintable() or character == "\n" for character in CsvReport().render(result))
        JsonReport().render(result).encode()


@pytest.mark.parametrize("name", ["markup", "an end of markup", "short markup", "an emoji code"])
def test_what_looks_like_markup_is_shown_as_it_is(name: str) -> None:
    text = HOSTILE[name]
    lines = shown(of_classes(by_class(["a", "b"], labels=[text]), "accuracy", name=text), 80)
    assert sum(text in line for line in lines) == 3  # the table of layers, that of classes, the class output
    short = shown(by_class(["[b]ab", "[/x]"]), 80)
    assert row_of(short, "layer") == ["layer", "[b]ab", "[/x]"]
    many = shown(by_class(["a", "b", text, *(f"c{number}" for number in range(30))]), 80)
    assert any(text in line for line in many if line.startswith("fc"))
