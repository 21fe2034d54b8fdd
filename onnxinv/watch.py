"""Runs commands that run models in a child process, so that a crash of native code ends with a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType
from typing import NoReturn

_MODEL_COMMANDS = frozenset({"analyze", "check", "compare", "demo", "init", "inspect"})
_UNWATCHED = frozenset({"--help", "--debug"})
_CRASHED = 2
_BROKEN = 1
_INTERRUPTED = 130

_SAYS_BROKEN = 71
"""What the child exits with for 1: code that it runs, of a plug-in or native, can end it with a bare 1 as well."""

_FORWARDED = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
_ENDING = frozenset(_FORWARDED)

_SAME_KEYPRESS = 1.0
"""Seconds: Ctrl-C reaches all processes of a terminal, and comes once more by way of the parent."""

_SET_PDEATHSIG = 1


def main() -> NoReturn:
    """Run the command line of this process and exit, with the same codes as `onnxinv.cli.main`.

    What runs a model does so in a child process with the same streams. This one stays small: it passes signals on, and
    says so where the child is killed by one that is no wish to end it.
    """
    if sys.executable and is_watched(sys.argv[1:]):
        sys.exit(watch(sys.argv[1:]))
    from onnxinv import cli

    cli.main()


def is_watched(arguments: Sequence[str]) -> bool:
    """Whether a command line runs a model; `--debug` keeps it in this process, where a debugger finds it."""
    if _UNWATCHED & set(arguments):
        return False
    return next((each for each in arguments if not each.startswith("-")), "") in _MODEL_COMMANDS


def watch(arguments: Sequence[str]) -> int:
    """Run a command line in a child process and return its exit code, 2 where it crashed."""
    caught: list[int] = []
    pressed: list[float] = []
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            pressed.append(monotonic())
            if _is_urgent(pressed):
                number = signal.SIGTERM
        caught.append(number)
        if child is not None:
            child.send_signal(number)

    for number in _FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # what the shell or nohup ignores stays ignored
            signal.signal(number, forward)
    # The path as it is here: `-m` would put the working folder, perhaps with somebody's numpy.py, before all others.
    start = f"import sys; sys.path[:] = {sys.path!r}; from onnxinv.watch import work; work({os.getpid()})"
    child = subprocess.Popen([sys.executable, "-P", "-c", start, *arguments], close_fds=False)
    for number in caught:  # before there was a child
        child.send_signal(number)
    status = child.wait()
    if -status == signal.SIGTERM and _is_urgent(pressed):
        from onnxinv.failures import INTERRUPTED

        _say([INTERRUPTED])
        return _INTERRUPTED
    if -status in _ENDING:
        _end_by(-status)
    if status == _SAYS_BROKEN:
        return _BROKEN
    if status == _BROKEN:
        from onnxinv.failures import ended, what_to_say

        _say(what_to_say(ended(_model_named(arguments))))
        return _CRASHED
    return status if _is_exit_code(status) else _tell(status, arguments)


def _is_urgent(pressed: Sequence[float]) -> bool:
    """Whether Ctrl-C was pressed again: native code at work, which may go on for hours, lets nobody hear of it."""
    return bool(pressed) and pressed[-1] - pressed[0] >= _SAME_KEYPRESS


def work(parent: int) -> NoReturn:
    """Run the command line as the child of a watching process, and end where that ends.

    Args:
        parent: the process id of the one that watches.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before it could be asked for
            sys.exit(_CRASHED)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _once())
    from onnxinv import cli

    try:
        cli.main()
    except SystemExit as ended:
        sys.exit(_SAYS_BROKEN if ended.code == _BROKEN else ended.code)


def _once() -> Callable[[int, FrameType | None], None]:
    """Return a handler that interrupts, but not again for the same keypress: that would disturb the clearing up."""
    last = -_SAME_KEYPRESS

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, monotonic()
        if last - before >= _SAME_KEYPRESS:
            raise KeyboardInterrupt

    return interrupt


def _is_exit_code(status: int) -> bool:
    """Whether a process ended by itself; Windows has codes from 0xC0000000 on for one that crashed."""
    return 0 <= status < 0xC0000000


def _end_by(number: int) -> None:
    """Die as the child did: whoever sent the signal sees that it worked."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _tell(status: int, arguments: Sequence[str]) -> int:
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}" if status < 0 else f"{status:#x}"
    tell_crash(name, arguments)
    return _CRASHED


def tell_crash(name: str, arguments: Sequence[str]) -> None:
    """Say that the process that ran a command line crashed.

    Args:
        name: the signal that ended it.
        arguments: the command line.
    """
    from onnxinv.failures import crash, what_to_say

    _say(what_to_say(crash(name, _model_named(arguments))))


def _say(lines: Sequence[str]) -> None:
    from onnxinv.printing import prepare_streams, say

    prepare_streams()
    if sys.stderr.isatty() and os.name != "nt":
        sys.stderr.write("\x1b[?25h\n")  # a progress bar hides the cursor
    for line in lines:
        say(line)


def _model_named(arguments: Sequence[str]) -> str:
    """Return the model that a command line names; empty where it names none or cannot be parsed."""
    import typer

    from onnxinv.cli import app

    name, *rest = [each for each in arguments if each != "--debug"]
    try:
        command = typer.main.get_group(app).commands[name]
        with command.make_context(name, rest, resilient_parsing=True) as context:
            models = context.params.get("models") or [context.params.get("model") or ""]
            return "' or '".join(map(str, models))
    except Exception:  # what is said of a crash must not fail for want of a name
        return ""
