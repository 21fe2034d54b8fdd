"""The command `analyze`: measures one model."""

from __future__ import annotations

from onnxinv.commands import measuring, states
from onnxinv.errors import UsageError
from onnxinv.options import (
    AggregateOption,
    Batch,
    ChannelAxis,
    ClassOutput,
    Dask,
    Data,
    Device,
    DryRun,
    Folder,
    Formats,
    Groups,
    KeepState,
    KeepUnits,
    Layers,
    LayoutOption,
    Logits,
    Mean,
    Measures,
    Memory,
    ModelArgument,
    Operators,
    Overwrite,
    Precision,
    PreprocessFile,
    Quiet,
    ReduceOption,
    Resize,
    Resume,
    Samples,
    SampleUnits,
    Scale,
    Seed,
    Select,
    SetInputs,
    Shapes,
    Shard,
    SkipBadSamples,
    Std,
    Stratify,
    Threads,
    Transforms,
    parse_axes,
    parse_formats,
    parse_kind,
    parse_numbers,
    parse_size,
    parse_words,
)
from onnxinv.printing import say_untrusted, show, write_reports


def analyze(
    model: ModelArgument,
    data: Data = None,
    transform: Transforms = None,
    samples: Samples = None,
    skip_bad_samples: SkipBadSamples = False,  # typer makes a flag of it
    seed: Seed = 0,
    measure: Measures = None,
    aggregate: AggregateOption = "channel",
    groups: Groups = 10,
    sample_units: SampleUnits = None,
    keep_units: KeepUnits = 0,
    stratify: Stratify = False,
    precision: Precision = None,
    class_output: ClassOutput = None,
    logits: Logits = None,
    shape: Shapes = None,
    set_input: SetInputs = None,
    layers: Layers = None,
    ops: Operators = None,
    select: Select = "default",
    channel_axis: ChannelAxis = None,
    preprocess: PreprocessFile = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    layout: LayoutOption = None,
    device: Device = "auto",
    threads: Threads = 0,
    batch: Batch = None,
    memory: Memory = None,
    reduce: ReduceOption = "auto",
    formats: Formats = None,
    output: Folder = None,
    overwrite: Overwrite = False,  # likewise
    resume: Resume = False,  # likewise
    keep_state: KeepState = False,
    shard: Shard = None,
    dask: Dask = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Measure the invariance of every layer of MODEL to transformations of its input."""
    from onnxinv import api  # heavy: --help does not need it
    from onnxinv.describe import describe_plan
    from onnxinv.files import check_folder
    from onnxinv.reports import reports

    if data is None:
        raise UsageError("No data is named.", "Add --data, for example --data digits.npz or --data random:n=64.")
    if not transform:
        raise UsageError("No transform is named.", "Add --transform, for example --transform rotation:steps=16.")
    wanted = parse_formats(formats, reports)
    state = states.place(output, resume=resume, keep=keep_state, shard=shard, overwrite=overwrite)
    if output is not None:
        check_folder(output, marker="result.json", overwrite=overwrite)
    plan = api.plan(
        model, data, transform, samples=samples, skip_bad_samples=skip_bad_samples, seed=seed,
        measures=measure or (), aggregate=aggregate, groups=groups,
        sample_units=sample_units, keep_units=keep_units, stratify=stratify, precision=precision,
        class_output=class_output, class_kind=parse_kind(logits=logits),
        shape=shape or (), set_input=set_input or (), layers=layers or (),
        operators=parse_words(ops), select=select, channel_axis=parse_axes(channel_axis),
        preprocess=preprocess, mean=parse_numbers("--mean", mean), std=parse_numbers("--std", std), scale=scale,
        resize=parse_size(resize), layout=layout, device=device, threads=threads, batch=batch, memory=memory,
        reduce=reduce, state=state, shard=shard, dask=dask,
    )  # fmt: skip
    if dry_run:
        show(describe_plan(plan, api.foretell(plan)))
        return
    if output is not None and not resume:
        states.forget_earlier(output)
    if state is not None and not quiet:
        states.say_what_is_there(plan)
    result = measuring.measure(plan, model.name, quiet=quiet)
    if output is not None:
        measuring.save(result, output, overwrite=overwrite)
    if state is not None and not keep_state and shard is None:
        states.forget(state)
    write_reports(result, reports, wanted, quiet=quiet)
    if output is not None and not quiet:
        pictures = "" if result.pictures is None else ", pictures.npz"
        say_untrusted(f"Written to {output}: report.html, result.json, units.npz{pictures}")
