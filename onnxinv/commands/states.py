"""Where `analyze` keeps the states of a run that is to survive being killed, and what it says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onnxinv.errors import OutputError, UsageError
from onnxinv.printing import say_untrusted

if TYPE_CHECKING:
    from onnxinv.plan import Plan


def place(output: Path | None, *, resume: bool, keep: bool, shard: str | None, overwrite: bool) -> Path | None:
    """Return where states are kept; None where they are not.

    Args:
        output: the folder of the result.
        resume: whether states that are there are taken up.
        keep: whether they stay in the end.
        shard: which part is measured; its states are what is merged.
        overwrite: whether states that are there may be thrown away.

    Raises:
        UsageError: no folder is named.
        OutputError: there are states, and nobody said what is to be done with them, or another process works on them.
    """
    wanted = resume or keep or shard is not None
    if output is None:
        if not wanted:
            return None
        option = "--resume" if resume else "--shard" if shard is not None else "--keep-state"
        raise UsageError(f"{option} keeps states in the folder of the result, and none is named.", "Add -o DIR.")
    from onnxinv.checkpoint import holds_states, remove
    from onnxinv.files import clear_partial
    from onnxinv.occupied import occupied
    from onnxinv.result import STATE

    folder = output / STATE
    if resume:
        if folder.is_dir():
            with occupied(folder):
                clear_partial(folder)
                if not holds_states(folder):
                    remove(folder)  # left by a run that was killed before it had any, or when it had its result
        clear_partial(output)
    if holds_states(folder) and not resume and not overwrite:
        raise OutputError(
            f"'{folder}' already holds states of a measurement.", "Add --resume to go on with it, or --overwrite."
        )
    return folder if wanted else None


def say_what_is_there(plan: Plan) -> None:
    """Tell how much is measured already.

    Raises:
        OutputError: the states are of another measurement.
    """
    from onnxinv import api

    checkpoint = api.checkpoint_of(plan)
    closed = sum(len(checkpoint.entries(number)) for number in range(len(plan.layout.chunks))) if checkpoint else 0
    if checkpoint is not None and closed:
        every = len(plan.own_groups) * len(plan.layout.chunks)
        say_untrusted(f"Going on after {closed} of {every} groups, whose states are in {checkpoint.folder}.")


def forget_earlier(output: Path) -> None:
    """Remove the states of an earlier measurement, where the folder of the result has any.

    Raises:
        OutputError: they cannot be removed, or another process works on them.
    """
    from onnxinv.checkpoint import holds_states
    from onnxinv.occupied import occupied
    from onnxinv.result import STATE

    if holds_states(output / STATE):
        with occupied(output / STATE):
            forget(output / STATE)


def forget(folder: Path) -> None:
    """Remove the states of a folder.

    Raises:
        OutputError: they cannot be removed.
    """
    from onnxinv.checkpoint import remove

    remove(folder)
