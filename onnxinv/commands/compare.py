"""The command `compare`: measures models, or loads results, and tells where they differ."""

from __future__ import annotations

import sys

import typer

from onnxinv.commands import measuring
from onnxinv.commands.compared import save_comparison
from onnxinv.commands.verdict import LimitBrokenError
from onnxinv.errors import UsageError
from onnxinv.options import (
    AggregateOption,
    Align,
    Batch,
    Compared,
    ComparisonFolder,
    ComparisonFormats,
    Data,
    Device,
    FailOn,
    Groups,
    Layers,
    Layouts,
    Margin,
    Mean,
    Measures,
    Memory,
    Operators,
    Overwrite,
    PreprocessFiles,
    Quiet,
    ReduceOption,
    Resize,
    Rtol,
    Samples,
    SampleUnits,
    Scale,
    Seed,
    Select,
    SetInputs,
    Shapes,
    Std,
    Stratify,
    StrictAlign,
    Threads,
    Transforms,
    parse_formats,
    parse_gates,
    parse_numbers,
    parse_share,
    parse_size,
    parse_words,
)
from onnxinv.printing import discard_stdout, say_untrusted, write_reports

_OF_COMPARING = frozenset("models align strict_align margin fail_on rtol formats output overwrite quiet".split())
"""Parameters of compare that are not about measuring models."""


def compare(
    context: typer.Context,
    models: Compared,
    data: Data = None,
    transform: Transforms = None,
    samples: Samples = None,
    seed: Seed = 0,
    measure: Measures = None,
    aggregate: AggregateOption = "channel",
    groups: Groups = 10,
    sample_units: SampleUnits = None,
    stratify: Stratify = False,
    align: Align = "auto",
    strict_align: StrictAlign = False,
    margin: Margin = "0.1%",
    fail_on: FailOn = None,
    rtol: Rtol = "0.1%",
    shape: Shapes = None,
    set_input: SetInputs = None,
    layers: Layers = None,
    ops: Operators = None,
    select: Select = "default",
    preprocess: PreprocessFiles = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    layout: Layouts = None,
    device: Device = "auto",
    threads: Threads = 0,
    batch: Batch = None,
    memory: Memory = None,
    reduce: ReduceOption = "auto",
    formats: ComparisonFormats = None,
    output: ComparisonFolder = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Compare the invariance of models, or of results, layer by layer: the first with each of the others."""
    from onnxinv import api
    from onnxinv.files import check_folder
    from onnxinv.reports.comparisons import comparison_reports
    from onnxinv.reports.comparisons.rows import letter

    wanted = parse_formats(formats, comparison_reports)
    gates = parse_gates(fail_on)
    terms = api.make_terms(
        align, strict_align=strict_align, margin=parse_share("--margin", margin), rtol=parse_share("--rtol", rtol)
    )
    if output is not None:
        check_folder(output, marker="compare.json", overwrite=overwrite)
    folders = [] if output is None else [output / letter(place) for place in range(len(models))]
    if any(each.is_dir() for each in models):
        sources = {name: getattr(context.get_parameter_source(name), "name", "") for name in context.params}
        named = (name for name, source in sources.items() if source == "COMMANDLINE")
        comparison = api.compare_saved(models, terms, measuring=not _OF_COMPARING.issuperset(named))
    else:
        if data is None or not transform:
            raise UsageError(
                "Models are measured to be compared, and no data or no transform is named.",
                "Add --data digits.npz and --transform rotation:steps=16, or name folders that analyze -o wrote.",
            )
        plans = api.plan_all(
            models, data, transform, samples=samples, seed=seed, measures=measure or (), aggregate=aggregate,
            groups=groups, sample_units=sample_units, stratify=stratify, shape=shape or (),
            set_input=set_input or (), layers=layers or (),
            operators=parse_words(ops), select=select, preprocess=preprocess or (),
            mean=parse_numbers("--mean", mean), std=parse_numbers("--std", std), scale=scale,
            resize=parse_size(resize), layouts=layout or (), device=device, threads=threads, batch=batch, memory=memory,
            reduce=reduce,
        )  # fmt: skip
        api.check_plans(plans, terms)
        for folder in folders:
            check_folder(folder, marker="result.json", overwrite=overwrite)
        measured = []
        for place, (plan, model) in enumerate(zip(plans, models, strict=True)):
            measured.append(measuring.measure(plan, model.name, quiet=quiet))
            for folder in folders[place : place + 1]:  # at once: what comes after may fail
                measuring.save(measured[place], folder, overwrite=overwrite)
        comparison = api.compare_measured(plans, measured, terms)
    broken = [sentence for gate in gates for sentence in comparison.failing(gate)]
    if output is not None:
        save_comparison(comparison, output, overwrite=overwrite)
    try:
        write_reports(comparison, comparison_reports, wanted, quiet=quiet)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever stops reading does not change the verdict
        discard_stdout()
    if broken:
        for sentence in broken:
            say_untrusted(sentence)
        raise LimitBrokenError
