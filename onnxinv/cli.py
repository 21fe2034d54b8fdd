"""The command line: the only module that reads the environment or exits; what it prints goes through `printing`."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from onnxinv.errors import UsageError
from onnxinv.failures import what_to_say
from onnxinv.options import (
    AggregateOption,
    Align,
    Batch,
    ChannelAxis,
    ClassOutput,
    Compared,
    ComparisonFolder,
    ComparisonFormats,
    Data,
    Device,
    DryRun,
    FailOn,
    Folder,
    Formats,
    Groups,
    Layers,
    LayoutOption,
    Layouts,
    Logits,
    Margin,
    Mean,
    Measures,
    Memory,
    ModelArgument,
    Operators,
    Overwrite,
    Precision,
    PreprocessFile,
    PreprocessFiles,
    Quiet,
    Resize,
    Rtol,
    Samples,
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
    parse_axes,
    parse_formats,
    parse_gates,
    parse_kind,
    parse_numbers,
    parse_share,
    parse_size,
    parse_words,
)
from onnxinv.printing import discard_stdout, prepare_streams, say, say_untrusted, show, write_reports
from onnxinv.version import __version__

if TYPE_CHECKING:
    from onnxinv.plan import Plan
    from onnxinv.result import Result

app = typer.Typer(
    name="onnxinv",
    help="Measure how invariant an exported ONNX network is, inside, to transformations of its input.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FINE, BROKEN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


_OF_COMPARING = frozenset("models align strict_align margin fail_on rtol formats output overwrite quiet".split())
"""Parameters of compare that are not about measuring models."""


class _LimitBrokenError(Exception):
    """The answer to what was asked is no: the only way to exit 1."""


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001  # read before the command line is parsed
) -> None:
    if version:
        print(f"onnxinv {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(UNUSABLE)


@app.command()
def analyze(
    model: ModelArgument,
    data: Data = None,
    transform: Transforms = None,
    samples: Samples = None,
    seed: Seed = 0,
    measure: Measures = None,
    aggregate: AggregateOption = "channel",
    groups: Groups = 10,
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
    formats: Formats = None,
    output: Folder = None,
    overwrite: Overwrite = False,  # typer makes a flag of it
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
    if output is not None:
        check_folder(output, marker="result.json", overwrite=overwrite)
    plan = api.plan(
        model, data, transform, samples=samples, seed=seed, measures=measure or (), aggregate=aggregate, groups=groups,
        stratify=stratify, precision=precision, class_output=class_output, class_kind=parse_kind(logits=logits),
        shape=shape or (), set_input=set_input or (), layers=layers or (),
        operators=parse_words(ops), select=select, channel_axis=parse_axes(channel_axis),
        preprocess=preprocess, mean=parse_numbers("--mean", mean), std=parse_numbers("--std", std), scale=scale,
        resize=parse_size(resize), layout=layout, device=device, threads=threads, batch=batch, memory=memory,
    )  # fmt: skip
    if dry_run:
        show(describe_plan(plan, api.foretell(plan)))
        return
    result = _measure(plan, model.name, quiet=quiet)
    if output is not None:
        result.save(output, overwrite=overwrite)
    write_reports(result, reports, wanted, quiet=quiet)
    if output is not None and not quiet:
        say_untrusted(f"Written to {output}: result.json, units.npz")


@app.command()
def demo(quiet: Quiet = False) -> None:
    """Measure the two shipped digit models under rotation and show them side by side."""
    from onnxinv import api
    from onnxinv import demo as shipped
    from onnxinv.reports.side_by_side import side_by_side

    results = []
    for name in shipped.NAMES:
        plan = api.plan(shipped.model(name), shipped.digits(), shipped.TRANSFORMS, samples=shipped.SAMPLES)
        result = _measure(plan, name, quiet=quiet)
        result.save(shipped.FOLDER / name, overwrite=True)
        results.append(result)
    show(side_by_side(shipped.NAMES, (results[0], results[1])))
    say(f"Written to {shipped.FOLDER}/plain and {shipped.FOLDER}/rotated.")


@app.command()
def inspect(
    model: ModelArgument, data: Data = None, transform: Transforms = None, layout: LayoutOption = None,
    select: Select = "default", resize: Resize = None, shape: Shapes = None, set_input: SetInputs = None,
) -> None:  # fmt: skip
    """Show inputs, outputs, layers with their axes, what would be skipped and why, memory and time needed."""
    from onnxinv import api
    from onnxinv.describe import describe_model

    plan = api.inspect(
        model, data, transform, layout=layout, select=select, resize=parse_size(resize), shape=shape or (),
        set_input=set_input or (),
    )  # fmt: skip
    show(describe_model(plan, api.foretell(plan)))


@app.command()
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
            groups=groups, stratify=stratify, shape=shape or (), set_input=set_input or (), layers=layers or (),
            operators=parse_words(ops), select=select, preprocess=preprocess or (),
            mean=parse_numbers("--mean", mean), std=parse_numbers("--std", std), scale=scale,
            resize=parse_size(resize), layouts=layout or (), device=device, threads=threads, batch=batch, memory=memory,
        )  # fmt: skip
        api.check_plans(plans, terms)
        for folder in folders:
            check_folder(folder, marker="result.json", overwrite=overwrite)
        measured = []
        for place, (plan, model) in enumerate(zip(plans, models, strict=True)):
            measured.append(_measure(plan, model.name, quiet=quiet))
            for folder in folders[place : place + 1]:  # at once: what comes after may fail
                measured[place].save(folder, overwrite=overwrite)
        comparison = api.compare_measured(plans, measured, terms)
    broken = [sentence for gate in gates for sentence in comparison.failing(gate)]
    if output is not None:
        comparison.save(output, overwrite=overwrite)
    try:
        write_reports(comparison, comparison_reports, wanted, quiet=quiet)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever stops reading does not change the verdict
        discard_stdout()
    if broken:
        for sentence in broken:
            say_untrusted(sentence)
        raise _LimitBrokenError


@app.command()
def explain(name: Annotated[str | None, typer.Argument(metavar="NAME")] = None) -> None:
    """Say what a measure, transform, data source or format is; without NAME list them all."""
    from onnxinv.explanations import explain as text_of
    from onnxinv.explanations import list_names

    print(text_of(name) if name else list_names())


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that analyze -o wrote.", show_default=False)],
    formats: Formats = None,
) -> None:
    """Render an existing result again."""
    from onnxinv.reports import reports
    from onnxinv.result import Result

    wanted = parse_formats(formats, reports)
    write_reports(Result.load(folder), reports, wanted, quiet=False)


def _measure(plan: Plan, title: str, *, quiet: bool) -> Result:
    from onnxinv import api
    from onnxinv.progress import progress

    if not quiet:
        for notice in filter(None, (plan.device.notice, *plan.notices)):
            say_untrusted(notice)
    with progress(title, plan.inferences, quiet=quiet) as advance:
        return api.run(plan, advance)


def main() -> NoReturn:
    """Run the command line of this process and exit: 0 fine, 2 unusable, 130 interrupted; never 1 by accident."""
    prepare_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    debug = "--debug" in arguments or bool(os.environ.get("ONNXINV_DEBUG"))
    arguments = [each for each in arguments if each != "--debug"]  # it may stand anywhere
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
        return FINE  # whoever read the output has seen enough; the work is done
    except _LimitBrokenError:
        return BROKEN
    except BaseException as error:
        return _fail(error, debug=debug)
    return UNUSABLE if status == 1 else status


def _invoke(arguments: list[str]) -> int:
    """Parse and run; calling `app` instead would swallow interrupts and exit 1 on a broken pipe."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("onnxinv", arguments) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return FINE


def _fail(error: BaseException, *, debug: bool) -> int:
    if debug:
        say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, KeyboardInterrupt):
        say("Interrupted; what was not finished has not been written.")
        return INTERRUPTED
    for line in what_to_say(error):
        say(line)
    discard_stdout()
    return UNUSABLE
