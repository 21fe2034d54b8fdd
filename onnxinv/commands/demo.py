"""The command `demo`: measures the two shipped models, shows them side by side and writes their pages."""

from __future__ import annotations

from typing import Annotated

import typer

from onnxinv.commands import measuring
from onnxinv.commands.browser import open_page
from onnxinv.commands.compared import save_comparison
from onnxinv.options import Quiet
from onnxinv.printing import say, say_untrusted, show


def demo(
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page of the comparison in a browser, where there is a display.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Measure the two shipped digit models under rotation, show them side by side, and write pages to look at."""
    from onnxinv import api
    from onnxinv import demo as shipped
    from onnxinv.comparing import Terms
    from onnxinv.reports.side_by_side import side_by_side

    plans, results = [], []
    for name in shipped.NAMES:
        plan = api.plan(
            shipped.model(name),
            shipped.digits(),
            shipped.TRANSFORMS,
            samples=shipped.SAMPLES,
            keep_units=shipped.KEEP_UNITS,
        )
        result = measuring.measure(plan, name, quiet=quiet)
        measuring.save(result, shipped.FOLDER / name, overwrite=True)
        plans.append(plan)
        results.append(result)
    comparison = api.compare_measured(plans, results, Terms())
    save_comparison(comparison, shipped.FOLDER / shipped.COMPARISON, overwrite=True)
    show(side_by_side(shipped.NAMES, (results[0], results[1])))
    pages = [shipped.FOLDER / name / "report.html" for name in (*shipped.NAMES, shipped.COMPARISON)]
    why = open_page(pages[-1]) if open_ else ""
    if why:
        say_untrusted(f"No page was opened: {why}.")
    say("Pages to open in a browser, each model's and the comparison:")
    for page in pages:
        say(f"  {page}")
