"""The command line: parses, runs one command and exits; the only module that exits."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from onnxinv import failures
from onnxinv.commands.analyze import analyze
from onnxinv.commands.check import check
from onnxinv.commands.compare import compare
from onnxinv.commands.demo import demo
from onnxinv.commands.explain import explain
from onnxinv.commands.init import init
from onnxinv.commands.inspect import inspect
from onnxinv.commands.merge import merge
from onnxinv.commands.report import report
from onnxinv.commands.verdict import LimitBrokenError
from onnxinv.failures import what_to_say
from onnxinv.printing import discard_stdout, prepare_streams, say
from onnxinv.version import __version__

app = typer.Typer(
    name="onnxinv",
    help="Measure how invariant an exported ONNX network is, inside, to transformations of its input.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FINE, BROKEN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


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


app.command()(analyze)
app.command()(demo)
app.command()(inspect)
app.command()(compare)
app.command()(check)
app.command()(init)
app.command()(explain)
app.command()(merge)
app.command()(report)


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
    except LimitBrokenError:
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
        say(failures.INTERRUPTED)
        return INTERRUPTED
    for line in what_to_say(error):
        say(line)
    discard_stdout()
    return UNUSABLE
