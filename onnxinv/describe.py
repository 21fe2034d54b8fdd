"""What a plan or a model is, in words and tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from onnxinv.measures import measures
from onnxinv.model.axes import BatchAxis
from onnxinv.model.cautions import cautions, control_flow
from onnxinv.model.layers import Layer
from onnxinv.model.roles import role_of
from onnxinv.plan import Plan
from onnxinv.provenance import TensorInfo
from onnxinv.reports.printable import printable, shorten

_WIDTH = 80
_LABEL, _OPERATOR = 1, 2
"""Places of the columns of the layer table that give way."""

_LONGEST_LABEL, _SHORTEST = 30, 12

_SAMPLES_TIMED = 1000

_NOT_TIMED = "values and intervals are finished afterwards"


def describe_plan(plan: Plan, seconds: float | None = None) -> RenderableType:
    """Return what a run would do: the answer to `--dry-run`.

    Args:
        plan: the plan.
        seconds: that an inference takes, with its statistics; None where it was not timed.
    """
    config, layout, memory = plan.config, plan.layout, plan.layout.memory
    rows = {
        "model": printable(str(config.model)),
        "data": f"{len(plan.samples)} samples of {printable(config.data)} in {len(plan.groups)} groups",
        "preprocessing": "; ".join(plan.feeds.notes) or "none",
        **({"classes": f"{len(plan.classes)}, measured one by one"} if plan.classes else {}),
        **({"precision": f"ends at intervals of {config.precision:g} to either side"} if config.precision else {}),
        "transforms": f"{len(plan.transforms)}: {_few([each.name for each in plan.transforms])}",
        "measures": ", ".join(dict.fromkeys(measures.name_of(type(each)) for each in plan.measures)),
        "class output": _class_output(plan),
        "layers": f"{len(plan.layers)}, {sum(layer.units for layer in plan.layers):,} units, by {config.aggregate}",
        "skipped": f"{len(plan.skipped)} tensors",
        "device": f"{plan.device.kind}, optimisation {'on' if plan.probe.optimize else 'off'}",
        "batch": f"{layout.batch} variants, {_count(layout.desks, 'group')} at a time"
        + (f", {layout.at_once} in a run of the model" if layout.at_once < layout.batch else "")
        + (", and the untransformed samples first" if plan.first_pass else ""),
        "chunks": f"{len(layout.chunks)} of layers, "
        + ("each goes on from those before it" if layout.carries else "each a pass over all variants"),
        "sums": _sums(plan),
        "intervals": "from all units" if layout.kept_units is None else f"from {layout.kept_units:,} units a layer",
        "memory": f"{_mib(memory.state)} of statistics, {_mib(memory.peak)} at the peak, beside the model; "
        f"budget {_mib(memory.budget)}",
        "inferences": f"{plan.inferences:,}",
        **({"time": _run_time(plan, seconds)} if seconds is not None else {}),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, Text(text))
    skipped = [Text(f"Skipped: {each.name}, because {printable(each.reason, 400)}") for each in plan.dropped]
    return Group(table, *skipped, *(Text(f"Note: {printable(notice, 400)}") for notice in plan.notices))


def _sums(plan: Plan) -> str:
    if plan.config.reduce == "host":
        return "float64"
    where = f", in the graph for {len(plan.pushed)} of {len(plan.layers)} layers" if plan.pushed else ""
    return "float32 where that agrees with float64" + where + (", compiled" if plan.code else "")


def describe_model(plan: Plan, seconds: float | None = None) -> RenderableType:
    """Return what `inspect` says: inputs with roles, outputs, layers, what is skipped, memory, time, cautions.

    Args:
        plan: what `analyze` would do.
        seconds: that an inference takes, with its statistics; None where it was not timed.
    """
    meta = plan.model.meta
    lines = [Text(printable(meta.path), "bold")]
    producer = f", made by {printable(meta.producer)}" if meta.producer else ""
    lines.append(Text(f"opset {meta.opset}{producer}, SHA-256 {meta.sha256[:16]}..."))
    lines += [Text(f"input   {_signature(info)}{_layout(plan, info)}") for info in meta.inputs]
    lines += [Text(f"output  {_signature(info)}") for info in meta.outputs]
    lines.append(Text(f"classes {_class_output(plan)}"))
    lines += [Text(f"control {sentence}") for sentence in _control_flow(plan)]
    memory = plan.layout.memory
    footer = [
        Text(""),
        Text(f"{len(plan.layers)} layers, {sum(layer.units for layer in plan.layers):,} units."),
        Text(
            f"With {_count(len(plan.transforms), 'transform')}: {_mib(memory.state)} of statistics, "
            f"{_mib(memory.peak)} at the peak, {_count(len(plan.layout.chunks), 'chunk')} of layers."
        ),
    ]
    if seconds is not None:
        rate = _duration(seconds * _inferences_of(plan, 1))
        thousand = _duration(seconds * _inferences_of(plan, _SAMPLES_TIMED))
        footer.append(
            Text(
                f"Time: about {rate} a sample with its transforms, {thousand} for {_SAMPLES_TIMED:,} samples; "
                f"{_NOT_TIMED}."
            )
        )
    if plan.skipped:
        footer.append(Text(f"{_count(len(plan.skipped), 'tensor')} cannot be measured:"))
        footer += [
            Text(f"  {printable(one.name, 50)} ({printable(one.op)}): {printable(one.reason)}") for one in plan.skipped
        ]
    notices = (*plan.model.notices, *cautions(plan.model.proto), *plan.probe.notices)
    footer += [Text(f"Note: {printable(notice, 400)}") for notice in notices]
    return Group(*lines, Text(""), _layer_table(plan.layers), *footer)


def _class_output(plan: Plan) -> str:
    found = plan.class_output
    if isinstance(found, str):
        return f"none: {printable(found)}"
    return f"{printable(found.name)}, {found.classes} classes, read as {found.kind} ({found.chosen})"


def _signature(info: TensorInfo) -> str:
    shape = ", ".join("?" if size is None else printable(str(size), 20) for size in info.shape)
    return f"{printable(info.name, 40)}: {info.dtype} ({shape})"


def _layout(plan: Plan, info: TensorInfo) -> str:
    if plan.feeds.layout and info.name == plan.feeds.primary.name:
        return f", image {plan.feeds.layout}"
    return f", {role_of(info, plan.model.proto.graph)}"


def _layer_table(layers: Sequence[Layer]) -> Table:
    """Return the layers with their axes; where 80 columns are too few, names are shortened and never numbers."""
    titles = ["#", "layer", "op", "shape", "channels"]
    rows = [
        [
            str(layer.index),
            printable(layer.label),
            printable(layer.op),
            "x".join(map(str, layer.shape)),
            f"{layer.channels} on axis {layer.channel_axis}",
        ]
        for layer in layers
    ]
    if any(layer.batch != BatchAxis() for layer in layers):
        titles.append("batch")
        rows = [[*row, _batch_axis(layer.batch)] for row, layer in zip(rows, layers, strict=True)]
    longest = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    room = _WIDTH - sum(longest) - 2 * len(titles) + longest[_LABEL] + longest[_OPERATOR]
    operator = min(longest[_OPERATOR], max(_SHORTEST, room - _LONGEST_LABEL))
    label = min(_LONGEST_LABEL, max(_SHORTEST, room - operator))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title == "#" else "left", no_wrap=True)
    for row in rows:
        row[_LABEL], row[_OPERATOR] = shorten(row[_LABEL], label), shorten(row[_OPERATOR], operator)
        table.add_row(*map(Text, row))
    return table


def _control_flow(plan: Plan) -> Iterator[str]:
    counts = control_flow(plan.model.proto)
    if counts:
        listed = ", ".join(f"{number} {kind}" for kind, number in counts.items())
        yield f"{listed}: the tensors inside are not measured, what leaves them is"
    if plan.model.inlined_ifs:
        yield f"{_count(plan.model.inlined_ifs, 'If')} replaced by the branch always taken"


def _batch_axis(batch: BatchAxis) -> str:
    if batch.repeats == 1:
        return f"axis {batch.axis}"
    order = f"{batch.repeats} x batch" if batch.outer else f"batch x {batch.repeats}"
    return f"axis {batch.axis}, {order}"


def _few(names: list[str]) -> str:
    shown = ", ".join(printable(name, 40) for name in names[:4])
    return shown + (f", ... {printable(names[-1], 40)}" if len(names) > 4 else "")


def _run_time(plan: Plan, seconds: float) -> str:
    """Return what a run takes, which is less than all samples where a precision ends it."""
    most = "at most " if plan.config.precision else ""
    return f"{most}about {_duration(seconds * plan.inferences)} on this machine; {_NOT_TIMED}"


def _inferences_of(plan: Plan, samples: int) -> int:
    return plan.inferences // len(plan.samples) * samples


def _duration(seconds: float) -> str:
    """Return a duration to two figures or so: `3.4 ms`, `12 s`, `3.5 min`."""
    scales = ((1e-3, 1e-6, "µs"), (1, 1e-3, "ms"), (100, 1, "s"), (6000, 60, "min"), (float("inf"), 3600, "h"))
    size, unit = next((size, unit) for limit, size, unit in scales if seconds < limit)
    number = seconds / size
    return f"{number:.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size < 10 * 2**30 else f"{size / 2**30:,.1f} GiB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
