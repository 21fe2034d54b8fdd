"""Small checks made by hand, so that their formats can be tested without measuring anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnxinv.findings import (
    CHECK_FORMAT,
    BaselineMeta,
    CheckDocument,
    CheckedRunMeta,
    CheckMeta,
    CheckReport,
    Finding,
    Kind,
    Level,
    Of,
    Status,
)
from onnxinv.result import Interval
from tests.reports.results import NV, meta

HOSTILE = [
    "a|b", "a`b", "``", "`", "a\\|b", "<script>x</script>", "<!--|", "]]>", "[x](http://evil.example)|", "two\nlines",
    "a\r\n::error::x", "%0A::error::x", "a::b,c=d", "&lt;|", "&#0;", "[red]x[/red]", "\u202eltr", "\x1b[31m", "\x00",
    "\ud800", "\ufffe", " ", "", "x" * 10_000,
]  # fmt: skip
"""Names that would end a cell, a tag or a command, or that a file cannot hold."""


def finding(
    layer: str = "fc2",
    status: Status = "held",
    *,
    run: str = "digits",
    limit: int = 0,
    line: int | None = 12,
    label: str | None = None,
    measure: str = NV,
    of: Of | None = "mean",
    kind: Kind = "max",
    value: float | None = 0.25,
    half: float | None = 0.0625,
    bound: float | None = 0.5,
    below: bool = True,
    baseline: float | None = None,
    counterpart: str | None = None,
    level: Level = "error",
    fails: bool | None = None,
    needed: int | str | None = None,
    reason: str = "",
) -> Finding:
    """Return a finding whose interval has this half width; one that is broken at level error fails if not told."""
    ci: Interval | None = None if value is None or half is None else (value - half, value + half)
    return Finding(
        run=run, limit=limit, line=line, layer=layer, label=layer if label is None else label, measure=measure, of=of,
        kind=kind, value=value, ci=ci, bound=bound, below=below, baseline=baseline, counterpart=counterpart,
        status=status, level=level, fails=(status == "broken" and level == "error") if fails is None else fails,
        samples_needed=needed, reason=reason,
    )  # fmt: skip


def output(status: Status = "held", **fields: object) -> Finding:
    """Return a finding about a measure of the class output, with a smallest value."""
    given: dict[str, object] = {"value": 0.875, "bound": 0.75, **fields}
    return finding("output", status, measure="top1-consistency", of=None, kind="min", below=False, **given)  # type: ignore[arg-type]  # fields are those of finding


def baseline(
    *, renamed: Mapping[str, str] | None = None, lost: Sequence[str] = (), paired: bool = True
) -> BaselineMeta:
    """Return the provenance of a baseline."""
    return BaselineMeta(
        path="invariance-baseline.json", sha256="2" * 64, created="2023-12-31T00:00:00+00:00", paired=paired,
        renamed=dict(renamed or {}), lost=list(lost),
    )  # fmt: skip


def run(
    name: str = "digits", *, against: BaselineMeta | None = None, notes: Sequence[str] = (), path: str = "net.onnx"
) -> CheckedRunMeta:
    """Return the provenance of a run that took 40 of 1,200 inferences."""
    made = meta(path=path)
    return CheckedRunMeta(
        name=name, model=made.model, data=made.data, transforms=made.transforms, options=made.options,
        runtime=made.runtime, timing=made.timing, planned=1200, baseline=against, notes=list(notes),
    )  # fmt: skip


def check_of(
    *findings: Finding, runs: Sequence[CheckedRunMeta] | None = None, strict: bool = False,
    config: str | None = "onnxinv.toml", created: str = "2024-01-01T00:00:00+00:00",
) -> CheckReport:  # fmt: skip
    """Return a check of these findings; its runs are those that they name unless told."""
    made = runs if runs is not None else [run(name) for name in dict.fromkeys(each.run for each in findings)]
    passed = not any(each.fails for each in findings)
    document = CheckDocument(
        meta=CheckMeta(
            format=CHECK_FORMAT, onnxinv="0.0.0", created=created, config=config, strict=strict, passed=passed,
            runs=list(made),
        ),
        findings=list(findings),
    )  # fmt: skip
    return CheckReport(document, {})


def small() -> CheckReport:
    """Return a check that shows most of what there is: every status and level, two runs, a baseline with changes."""
    return check_of(
        finding("conv1"),
        finding("elu3", "uncertain", value=0.484375, half=0.03125, needed=430),
        finding("fc1", "broken", value=0.75, level="warn"),
        finding("fc2", "broken", value=0.884, half=0.0125),
        finding("pool", "not-applicable", value=None, reason="all its channels are infinite"),
        finding("fc3", "uncertain", limit=1, value=0.499, half=0.01, needed="more than 2000"),
        finding("fc2", "broken", limit=2, line=20, kind="max-regression", value=0.31, half=0.008, bound=0.3014,
                baseline=0.287, counterpart="fc_2 (matched by name)"),
        finding("fc1", limit=2, line=20, kind="max-regression", value=0.31, half=0.008, bound=0.35, baseline=0.34,
                reason="leaves out 3 channels that are nan"),
        output("broken", line=30, limit=3, value=0.625, half=0.03125),
        finding("fc", run="letters", limit=0, of="max", half=None),
        runs=[
            run(
                against=baseline(renamed={"fc2": "fc_2 (matched by name)"}, lost=["norm", "drop|out"]),
                notes=["stopped after 4 groups"],
            ),
            run("letters", path="other.onnx"),
        ],
    )  # fmt: skip
