"""What is said when a command fails: a sentence of what and why, and a hint."""

from __future__ import annotations

from onnxinv.errors import OnnxinvError, OutputError

INTERRUPTED = "Interrupted; what was not finished has not been written."
"""What is said where somebody ends a command."""


def what_to_say(error: BaseException) -> list[str]:
    """Return the lines for stderr: one of what and why, one hint."""
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
        why = f"{what}: {error.strerror or error}."
        return what_to_say(OutputError(why, "Choose another place, or make room there."))
    if isinstance(error, SystemExit):
        return [f"Error: code that onnxinv called asked to exit with {printable(repr(error.code), 500)}."]
    return [
        f"Error: onnxinv failed unexpectedly: {type(error).__name__}: {printable(str(error), 500)}",
        "Hint: run again with onnxinv --debug COMMAND, and report what it prints.",
    ]


def crash(signal: str, model: str) -> OnnxinvError:
    """Return the error that a process which ran a model was ended by a signal.

    Args:
        signal: its name.
        model: the model's file; empty where it is not known.
    """
    about = f"on the model '{model}'" if model else "on the model"
    if signal == "SIGKILL":
        what = f"The process that worked {about} was killed ({signal}), as happens where memory runs out."
        hint = "Make room in memory; analyze can do with less of it: lower --memory or --batch, or choose --layers."
    else:
        what = f"The process that worked {about} crashed ({signal}), most likely inside onnxruntime."
        hint = "Try another version of onnxruntime, or analyze with --device cpu or other --layers."
    return OnnxinvError(what, hint)


def ended(model: str) -> OnnxinvError:
    """Return the error that code which a process ran ended it, as if a limit were broken.

    Args:
        model: the model's file; empty where it is not known.
    """
    about = f"on the model '{model}'" if model else "on the model"
    what = f"The process that worked {about} was ended by code that it ran, with exit code 1."
    return OnnxinvError(what, "Look into plug-ins and Python files that are named; they must raise errors instead.")
