"""The command `demo`: measures the two shipped models and shows them side by side."""

from __future__ import annotations

from onnxinv.commands import measuring
from onnxinv.options import Quiet
from onnxinv.printing import say, show


def demo(quiet: Quiet = False) -> None:
    """Measure the two shipped digit models under rotation and show them side by side."""
    from onnxinv import api
    from onnxinv import demo as shipped
    from onnxinv.reports.side_by_side import side_by_side

    results = []
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
        results.append(result)
    show(side_by_side(shipped.NAMES, (results[0], results[1])))
    say(f"Written to {shipped.FOLDER}/plain and {shipped.FOLDER}/rotated; open report.html in a browser.")
