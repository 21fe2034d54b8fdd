"""A result as GitHub Markdown, to paste into a pull request: the verdict, tables of the layers, how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from onnxinv.reports import register
from onnxinv.reports.markdown_text import code, folded, html_code, plain, table
from onnxinv.reports.numbers import counts_text, global_text, interval_text, number
from onnxinv.reports.report import Report
from onnxinv.reports.verdict import command, verdict
from onnxinv.result import LayerResult, Result

_BESIDE = 3
"""Measures that stand beside the first one in its table."""

_ABREAST = 6
"""Measures that stand in one of the tables that follow."""

_UNFOLDED = 40
"""Layers up to which the first table is not folded."""

_MOST_CLASSES = 10
"""Classes that have a column of their own."""

_NAME = 80


@register("markdown")
class MarkdownReport(Report):
    """The verdict, GitHub tables of the layers, a column a measure, and of the class output; the rest is folded."""

    def render(self, result: Result) -> str:
        """Return the Markdown text."""
        blocks = [f"## Invariance of {code(result.meta.model.path)}", f"**{verdict(result, code)}**", _facts(result)]
        if result.measures:
            blocks += _layers(result)
        if result.document.outputs:
            blocks += _outputs(result)
        blocks += [f"Note: {plain(warning)}" for warning in result.meta.warnings]
        blocks += _left_out(result)
        blocks.append(
            folded("How it was measured", "\n".join(["```console", command(result), "```", "", *_made(result)]))
        )
        return "\n\n".join(blocks) + "\n"


def _facts(result: Result) -> str:
    meta = result.meta
    sets = " x ".join(map(code, meta.transforms.spec))
    transforms = f"{meta.transforms.count:,} transform{'s' * (meta.transforms.count != 1)}: {sets}"
    return f"{meta.data.samples:,} samples of {code(meta.data.source)}, {transforms}"


def _layers(result: Result) -> Iterator[str]:
    first, *others = result.measures
    beside, rest = others[:_BESIDE], others[_BESIDE:]
    rows = [_row(layer, first, beside) for layer in result.layers]
    titles = ("layer", "op", "channels", code(first), "95 % interval", *map(code, beside), "remarks")
    whole = table(titles, rows, "llrrr" + "r" * len(beside) + "l", may_lack=(len(titles) - 1,))
    yield whole if len(rows) <= _UNFOLDED else folded(f"{len(rows):,} layers", whole)
    yield "\n".join(
        f"- {code(key)}: {global_text(result.document.summary[key])}" for key in result.measures[: 1 + _BESIDE]
    )
    for start in range(0, len(rest), _ABREAST):
        some = rest[start : start + _ABREAST]
        yield folded(f"Means of {', '.join(map(html_code, some))}", _means(result, some))
    by_class = [key for key in result.measures if any(layer.measures[key].classes for layer in result.layers)]
    for key in by_class[:1]:
        yield folded(f"{html_code(key)} by class", _classes(result, key))


def _row(layer: LayerResult, first: str, beside: Sequence[str]) -> list[str]:
    summary = layer.measures[first]
    remarks = [
        f"{code(key)}: {told}" if key != first else told for key in (first, *beside) if (told := _remark(layer, key))
    ]
    return [
        code(layer.label, _NAME),
        code(layer.op, _NAME),
        f"{layer.channels:,}",
        number(summary.mean),
        interval_text(summary.ci["mean"]),
        *(number(layer.measures[key].mean) for key in beside),
        "; ".join(remarks),
    ]


def _remark(layer: LayerResult, key: str) -> str:
    summary = layer.measures[key]
    return plain(summary.reason) if summary.reason is not None else counts_text(summary)


def _means(result: Result, keys: Sequence[str]) -> str:
    rows = [[code(layer.label, _NAME), *(number(layer.measures[key].mean) for key in keys)] for layer in result.layers]
    whole = ["mean of layers", *(number(result.document.summary[key].mean_of_layers) for key in keys)]
    return table(["layer", *map(code, keys)], [*rows, whole], "l" + "r" * len(keys))


def _classes(result: Result, key: str) -> str:
    found = [(code(layer.label, _NAME), classes) for layer in result.layers if (classes := layer.measures[key].classes)]
    names = list(dict.fromkeys(name for _, classes in found for name in classes))
    if len(names) <= _MOST_CLASSES:
        rows = [[label, *(number(classes.get(name)) for name in names)] for label, classes in found]
        return table(["layer", *(code(name, 20) for name in names)], rows, "l" + "r" * len(names))
    ends = [[label, *_extremes(classes)] for label, classes in found]
    return table(["layer", "lowest class", "mean", "highest class", "mean"], ends, "llrlr")


def _extremes(classes: Mapping[str, float | None]) -> list[str]:
    """Return the classes with the lowest and the highest mean, each with its mean."""
    known = {name: value for name, value in classes.items() if value is not None}
    if not known:
        return ["-", "", "-", ""]
    ends = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return [cell for name in ends for cell in (code(name, 20), number(known[name]))]


def _outputs(result: Result) -> Iterator[str]:
    found = result.meta.class_output
    if found is not None:
        read = "the softmax of its logits" if found.kind == "logits" else "probabilities"
        yield f"Class output: {code(found.name)}, {found.classes:,} classes, {read} ({plain(found.chosen)})"
    rows = [(code(key), number(each.value), interval_text(each.ci)) for key, each in result.document.outputs.items()]
    yield table(("measure of the class output", "value", "95 % interval"), rows, "lrr")


def _left_out(result: Result) -> Iterator[str]:
    measures = [f"- {code(each.name)}: {plain(each.reason)}" for each in result.meta.options.skipped_measures]
    if measures:
        yield folded(f"{len(measures)} measure{'s' * (len(measures) != 1)} not taken", "\n".join(measures))
    tensors = [f"- {code(each.name)} ({code(each.op)}): {plain(each.reason)}" for each in result.document.skipped]
    if tensors:
        yield folded(f"{len(tensors):,} tensor{'s' * (len(tensors) != 1)} not measured", "\n".join(tensors))


def _made(result: Result) -> Iterator[str]:
    meta = result.meta
    yield f"- model: SHA-256 {code(meta.model.sha256)}, opset {meta.model.opset}, made by {code(meta.model.producer)}"
    prepared = "; ".join(map(plain, meta.data.preprocessing)) or "none"
    yield f"- samples: seed {meta.data.seed}, digest {code(meta.data.digest)}, preparation: {prepared}"
    runtime = f"onnxruntime {code(meta.runtime.onnxruntime)} with {', '.join(map(code, meta.runtime.providers))}"
    yield f"- run: onnxinv {code(meta.onnxinv)}, {runtime}, {code(meta.created)}"
    timing = meta.timing
    yield (
        f"- {timing.inferences:,} inferences in {timing.seconds:.1f} s ({timing.inferences_per_second:,.0f}/s), "
        f"{meta.options.groups} groups"
    )
