"""Measures the model of a plan, with notices and progress on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxinv.printing import say_untrusted

if TYPE_CHECKING:
    from onnxinv.plan import Plan
    from onnxinv.result import Result


def measure(plan: Plan, title: str, *, quiet: bool) -> Result:
    """Measure the model of a plan.

    Args:
        plan: what to measure, and on what.
        title: what the progress is called.
        quiet: whether notices and progress are left out.

    Raises:
        OnnxinvError: as `api.run`.
    """
    from onnxinv import api
    from onnxinv.progress import progress

    if not quiet:
        for notice in filter(None, (plan.device.notice, *plan.notices)):
            say_untrusted(notice)
    with progress(title, plan.inferences, quiet=quiet) as advance:
        return api.run(plan, advance)
