"""The command line: the only module that reads the environment, prints results or exits."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from onnxinv.errors import OnnxinvError, OutputError, UsageError
from onnxinv.options import (
    AggregateOption,
    Batch,
    ChannelAxis,
    ClassOutput,
    Data,
    Device,
    DryRun,
    Folder,
    Formats,
    Groups,
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
    Resize,
    Samples,
    Scale,
    Seed,
    Select,
    SetInputs,
    Shapes,
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
from onnxinv.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType

    from onnxinv.plan import Plan
    from onnxinv.result import Result

app = typer.Typer(
    name="onnxinv",
    help="Measure how invariant an exported ONNX network is, inside, to transformations of its input.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FINE, UNUSABLE, INTERRUPTED = 0, 2, 130


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
        _say(context.get_help())
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

    if data is None:
        raise UsageError("No data is named.", "Add --data, for example --data digits.npz or --data random:n=64.")
    if not transform:
        raise UsageError("No transform is named.", "Add --transform, for example --transform rotation:steps=16.")
    wanted = parse_formats(formats)
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
        _show(describe_plan(plan, api.foretell(plan)))
        return
    result = _measure(plan, model.name, quiet=quiet)
    if output is not None:
        result.save(output, overwrite=overwrite)
    _write(result, wanted, quiet=quiet)
    if output is not None and not quiet:
        _say(f"Written to {_printable(str(output))}: result.json, units.npz")


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
    _show(side_by_side(shipped.NAMES, (results[0], results[1])))
    _say(f"Written to {shipped.FOLDER}/plain and {shipped.FOLDER}/rotated.")


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
    _show(describe_model(plan, api.foretell(plan)))


@app.command()
def explain(name: Annotated[str | None, typer.Argument(metavar="NAME")] = None) -> None:
    """Say what a measure, transform, data source or format is; without NAME list them all."""
    from onnxinv.describe import explain as text_of
    from onnxinv.describe import list_names

    print(text_of(name) if name else list_names())


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that analyze -o wrote.", show_default=False)],
    formats: Formats = None,
) -> None:
    """Render an existing result again."""
    from onnxinv.result import Result

    wanted = parse_formats(formats)
    _write(Result.load(folder), wanted, quiet=False)


def _measure(plan: Plan, title: str, *, quiet: bool) -> Result:
    from onnxinv import api
    from onnxinv.progress import progress

    if not quiet:
        for notice in filter(None, (plan.device.notice, *plan.notices)):
            _say(_printable(notice))
    with progress(title, plan.inferences, quiet=quiet) as advance:
        return api.run(plan, advance)


def _write(result: Result, wanted: list[tuple[str, Path | None]], *, quiet: bool) -> None:
    from onnxinv.files import write_file
    from onnxinv.reports import reports

    # Files first: they are complete even where whoever reads stdout stops reading.
    for name, path in sorted(wanted, key=lambda each: each[1] is None):
        made = reports.build(name)
        if path is not None:
            write_file(path, made.render(result).encode())
            continue
        shown = made.renderable(result)
        if shown is None:
            sys.stdout.write(made.render(result))
        elif not quiet:
            _show(shown)


def _show(shown: RenderableType) -> None:
    """Print something that adapts to the terminal; piped, it is plain text of 80 columns."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console().print(shown)
        return
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(shown)
    sys.stdout.writelines(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def _say(text: str) -> None:
    with suppress(OSError):  # nobody reads stderr any more, and the work goes on
        print(text, file=sys.stderr)


def _printable(text: str) -> str:
    from onnxinv.reports.printable import printable

    return printable(text, 400)


def main() -> NoReturn:
    """Run the command line of this process and exit: 0 fine, 2 unusable, 130 interrupted; never 1 by accident."""
    _prepare_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    debug = "--debug" in arguments or bool(os.environ.get("ONNXINV_DEBUG"))
    arguments = [each for each in arguments if each != "--debug"]  # it may stand anywhere
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        return FINE  # whoever read the output has seen enough; the work is done
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
        _say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, KeyboardInterrupt):
        _say("Interrupted; what was not finished has not been written.")
        return INTERRUPTED
    for line in _lines(error):
        _say(line)
    _discard_stdout()
    return UNUSABLE


def _lines(error: BaseException) -> list[str]:
    from onnxinv.reports.printable import printable

    if isinstance(error, OnnxinvError):
        return [
            f"Error: {printable(error.message, 2000)}",
            *([f"Hint: {printable(error.hint, 500)}"] if error.hint else []),
        ]
    if explain := getattr(error, "format_message", None):  # click's exceptions, wherever this typer has them from
        return [f"Error: {printable(explain(), 500)}", "Hint: see onnxinv --help or onnxinv COMMAND --help."]
    if isinstance(error, MemoryError):
        return ["Error: the machine ran out of memory.", "Hint: lower --batch or --memory, or choose --layers."]
    if isinstance(error, OSError):
        what = f"'{error.filename}' cannot be used" if error.filename else "The output cannot be written"
        return _lines(OutputError(f"{what}: {error.strerror or error}.", "Choose another place, or make room there."))
    if isinstance(error, SystemExit):
        return [f"Error: code that onnxinv called asked to exit with {printable(repr(error.code), 500)}."]
    return [
        f"Error: onnxinv failed unexpectedly: {type(error).__name__}: {printable(str(error), 500)}",
        "Hint: run again with onnxinv --debug COMMAND, and report what it prints.",
    ]


def tell_crash(name: str, arguments: Sequence[str]) -> None:
    """Say that the process that ran a command line crashed.

    Args:
        name: the signal that ended it.
        arguments: the command line.
    """
    _prepare_streams()
    if sys.stderr.isatty() and os.name != "nt":
        sys.stderr.write("\x1b[?25h\n")  # a progress bar hides the cursor
    model = _model_named(arguments)
    about = f"on the model '{model}'" if model else "on the model"
    if name == "SIGKILL":
        what = f"The process that worked {about} was killed ({name}), as happens where memory runs out."
        hint = "Make room in memory; analyze can do with less of it: lower --memory or --batch, or choose --layers."
    else:
        what = f"The process that worked {about} crashed ({name}), most likely inside onnxruntime."
        hint = "Try another version of onnxruntime, or analyze with --device cpu or other --layers."
    for line in _lines(OnnxinvError(what, hint)):
        _say(line)


def _model_named(arguments: Sequence[str]) -> str:
    """Return the model that a command line names; empty where it names none or cannot be parsed."""
    name, *rest = [each for each in arguments if each != "--debug"]
    try:
        command = typer.main.get_group(app).commands[name]
        with command.make_context(name, rest, resilient_parsing=True) as context:
            return str(context.params.get("model") or "")
    except Exception:  # what is said of a crash must not fail for want of a name
        return ""


def _prepare_streams() -> None:
    """Stand in for closed streams, and keep a character that a stream cannot show from ending the run."""
    # The lowest free descriptor is taken: while 1 and 2 are free, a file that is opened would receive stray output.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # lives as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _discard_stdout() -> None:
    """Keep the interpreter from failing when it flushes what nobody can take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
