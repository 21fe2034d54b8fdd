"""From a configuration to findings: plans every run, measures it and holds it against its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from onnxinv.applicable import asked_measures
from onnxinv.assemble import assemble
from onnxinv.baseline import UPDATE, RecordedRun, Wanted, baseline_json, read_baseline, record, transform_digest
from onnxinv.bounds import INTERIM_LEVEL
from onnxinv.check_config import CheckedRun
from onnxinv.config_file import Configuration
from onnxinv.counterparts import Counterparts, match
from onnxinv.covering import Covered, check_together, cover
from onnxinv.desks import Progress
from onnxinv.engine import measure
from onnxinv.errors import DataError, ModelError, OnnxinvError, UsageError
from onnxinv.findings import (
    CHECK_FORMAT,
    BaselineMeta,
    CheckDocument,
    CheckedRunMeta,
    CheckMeta,
    CheckReport,
    Finding,
    Of,
)
from onnxinv.gallery import take_pictures
from onnxinv.gate import find, is_settled
from onnxinv.measured import Measured
from onnxinv.measures import measures
from onnxinv.measures.jackknife import LEVEL
from onnxinv.measures.parts import MeasurePart, measure_part
from onnxinv.model.layers import candidates
from onnxinv.plan import Plan, make_plan
from onnxinv.result import Result
from onnxinv.spec import parse
from onnxinv.transforms import expand
from onnxinv.transforms.python import is_file
from onnxinv.version import __version__

BASELINE = "invariance-baseline.json"
"""What the baseline's file is called where the configuration names none."""


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready to be measured.

    Attributes:
        run: what was asked for.
        plan: what will be done.
        covered: the limits that are looked at, with their layers.
        counterparts: the baseline; None where no limit is about one, or it is about to be made.
        lines: of the configuration file on which the limits begin.
        recording: whether it is about to become the baseline.
    """

    run: CheckedRun
    plan: Plan
    covered: tuple[Covered, ...]
    counterparts: Counterparts | None
    lines: tuple[int | None, ...]
    recording: bool

    @property
    def regresses(self) -> bool:
        """Whether a limit is about the baseline."""
        return any(each.regresses for each in self.covered)


@dataclass(frozen=True)
class MeasuredRun:
    """What was measured of a run.

    Attributes:
        result: of all samples that were taken.
        paired: of those of the baseline alone, where more were taken.
        looks: after some of the groups, where it is to become the baseline.
    """

    result: Result
    paired: Result | None = None
    looks: tuple[Result, ...] = ()


def prepare(configuration: Configuration, *, update: bool = False) -> list[PreparedRun]:
    """Plan every run, and make sure that limits and baseline fit its model before anything is measured.

    Args:
        configuration: what was asked for.
        update: whether the baseline is about to be written, so that none is needed.

    Raises:
        OnnxinvError: something that was named cannot be used; the message says where it stands.
    """
    prepared = [_prepared(configuration, place, update=update) for place in range(len(configuration.config.runs))]
    if update and not any(each.regresses for each in prepared):
        raise UsageError(
            "There is nothing to keep in a baseline: no limit is about a regression.",
            'Write max-regression = "5%" in a limit.',
        )
    if not any(each.covered for each in prepared):
        raise UsageError("Every limit is off: nothing could ever fail.", 'Give one the level "error" or "warn".')
    return prepared


def measure_run(prepared: PreparedRun, progress: Progress = lambda done: None) -> MeasuredRun:
    """Measure a run: all its samples, or as many as it takes to decide its limits where that is asked for.

    The samples of the baseline tell more of regressions than any others: they are judged on these, and only absolute
    limits ask for more.
    """
    plan = prepared.plan
    paired: list[Result] = []
    looks: list[Result] = []

    def is_decided(so_far: Measured) -> bool:
        result = assemble(plan, so_far)
        if prepared.recording:
            looks.append(result)
            return False
        if prepared.counterparts is not None and prepared.counterparts.is_paired(result):
            paired.append(result)
        found = _findings(prepared, MeasuredRun(result, next(iter(paired), None)), strict=False)
        return is_settled([each for each in found if not (paired and each.kind == "max-regression")])

    asked = prepared.run.until_decided or (prepared.recording and len(plan.layout.chunks) == 1)
    measured = measure(plan, progress, is_decided if asked else None)
    result = assemble(plan, measured, take_pictures(plan, measured, progress))
    return MeasuredRun(result, next(iter(paired), None), tuple(looks))


def report(
    configuration: Configuration,
    prepared: Sequence[PreparedRun],
    measured: Sequence[MeasuredRun],
    *,
    strict: bool = False,
) -> CheckReport:
    """Hold the results of all runs against their limits.

    Args:
        configuration: what was asked for.
        prepared: its runs.
        measured: what was measured, in the same order.
        strict: whether what is uncertain and what is only warned of fails too.
    """
    findings = [
        each for run, found in zip(prepared, measured, strict=True) for each in _findings(run, found, strict=strict)
    ]
    meta = CheckMeta(
        format=CHECK_FORMAT,
        onnxinv=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        config=None if configuration.origin.path is None else str(configuration.origin.path),
        strict=strict,
        passed=not any(each.fails for each in findings),
        runs=[_meta(run, found) for run, found in zip(prepared, measured, strict=True)],
    )
    named = {run.run.name: found.result for run, found in zip(prepared, measured, strict=True)}
    return CheckReport(CheckDocument(meta=meta, findings=findings), named)


def baseline_path(configuration: Configuration) -> Path:
    """Return the file of the baseline: the one that is named, else one beside the configuration."""
    folder = Path() if configuration.origin.path is None else configuration.origin.path.parent
    return configuration.config.baseline or folder / BASELINE


def recorded_runs(configuration: Configuration) -> dict[str, RecordedRun]:
    """Return the runs that the file of the baseline holds; none where there is no file.

    Raises:
        OutputError: as `read_baseline`.
    """
    path = baseline_path(configuration)
    return dict(read_baseline(path).runs) if path.exists() else {}


def baseline_text(
    prepared: Sequence[PreparedRun], measured: Sequence[MeasuredRun], kept: Mapping[str, RecordedRun]
) -> str:
    """Return the text of a baseline of what was measured.

    Args:
        prepared: runs.
        measured: what was measured, in the same order.
        kept: what stays of the file: runs that are not measured.
    """
    regressing = (pair for pair in zip(prepared, measured, strict=True) if pair[0].regresses)
    return baseline_json({**kept, **{each.run.name: _recorded(each, found) for each, found in regressing}})


def _prepared(configuration: Configuration, place: int, *, update: bool) -> PreparedRun:
    run = configuration.config.runs[place]
    parts = []
    for index, limit in enumerate(run.limits):
        with configuration.blaming(place, "limits", index, "measure"):
            parts.append(measure_part(limit.measure))
        if limit.max_regression is not None and parts[-1].direction == "neither":
            with configuration.blaming(place, "limits", index, "max-regression"):
                raise UsageError(f"No value of '{parts[-1].key}' is more invariant than another.", "Write max or min.")
    taken = dict.fromkeys((*run.measures, *(part.spec for part in parts)))
    asked = run.model_copy(update={"measures": tuple(taken), **({"until_decided": False} if update else {})})
    plan = _planned(configuration, place, asked)
    if update and plan.layout.uncut:
        plan = replace(plan, layout=plan.layout.uncut)  # looks at groups are of all layers together
    covered = _covered(configuration, place, parts, plan)
    counterparts = None
    if not update and any(each.regresses for each in covered):
        counterparts = _counterparts(configuration, place, plan, covered)
    lines = tuple(configuration.line(place, "limits", index) for index in range(len(run.limits)))
    return PreparedRun(asked, plan, tuple(covered), counterparts, lines, update)


def _planned(configuration: Configuration, place: int, run: CheckedRun) -> Plan:
    with configuration.blaming(place, "transforms"):
        expand(run.transforms)
    with configuration.blaming(place, "measures"):
        asked_measures(configuration.config.runs[place].measures)
    try:
        return make_plan(run)
    except OnnxinvError as error:
        key = "model" if isinstance(error, ModelError) else "data" if isinstance(error, DataError) else None
        with configuration.blaming(place, *([key] if key else [])):
            raise


def _covered(configuration: Configuration, place: int, parts: Sequence[MeasurePart], plan: Plan) -> list[Covered]:
    found, _ = candidates(plan.model)
    covered = []
    for index, (limit, part) in enumerate(zip(configuration.config.runs[place].limits, parts, strict=True)):
        with configuration.blaming(place, "limits", index, "layers"):
            layers = cover(limit, part, found, plan.layers)
        with configuration.blaming(place, "limits", index, "measure"):
            _check_applies(part, layers, plan)
        covered.append(Covered(index, limit, part, layers))
    looked_at = [each for each in covered if each.limit.level != "off"]
    for index, error in check_together(looked_at):
        with configuration.blaming(place, "limits", index):
            raise error
    return looked_at


def _check_applies(part: MeasurePart, layers: Sequence[str], plan: Plan) -> None:
    if part.of_output:
        return
    measure = measures.build(part.spec)
    names = set(layers)
    places = [layer.index for layer in plan.layers if layer.name in names]
    reasons = [plan.subjects.lacking.get((place, measure)) for place in places]
    if all(reasons):
        raise UsageError(
            f"No layer that the limit covers has '{part.key}': {reasons[0]}.", "Cover other layers, or name another."
        )


def _counterparts(configuration: Configuration, place: int, plan: Plan, covered: Sequence[Covered]) -> Counterparts:
    path, run = baseline_path(configuration), configuration.config.runs[place]
    with configuration.blaming(place):
        kept = read_baseline(path).runs
        if run.name not in kept:
            raise UsageError(
                f"The baseline '{path}' has no run '{run.name}', only {', '.join(kept) or 'none'}.", UPDATE
            )
        recorded = kept[run.name]
        _check_alike(path, recorded, plan)
        counterparts = match(path, recorded, plan.layers, run.align)
    for each in covered:
        if each.regresses:
            with configuration.blaming(place, "limits", each.index):
                _check_recorded(each, counterparts)
    return counterparts


def _check_alike(path: Path, recorded: RecordedRun, plan: Plan) -> None:
    """Make sure that a baseline was measured as the run is."""
    if recorded.transforms.digest != transform_digest(plan.transform_items) or not _do_the_same(
        recorded.transforms.spec, plan
    ):
        raise UsageError(
            f"The baseline '{path}' was measured under other transforms: {' x '.join(recorded.transforms.spec)}.",
            UPDATE,
        )
    for name, one, two in (
        ("aggregate", recorded.aggregate, plan.config.aggregate),
        ("stratify", recorded.stratify, plan.config.stratify),
        ("sample-units", recorded.sample_units or "none", plan.config.sample_units or "none"),
    ):
        if one != two:
            raise UsageError(f"The baseline '{path}' was measured with another {name}: {one}, not {two}.", UPDATE)


def _do_the_same(spec: Sequence[str], plan: Plan) -> bool:
    """Whether transforms with the same names do the same: what comes from outside an image is not in their names.

    A Python file that a baseline names is not run.
    """
    if any(is_file(parse(each).name) for each in spec):
        return True
    return [each.steps for each in expand(spec)] == [each.steps for each in plan.transforms]


def _check_recorded(covered: Covered, counterparts: Counterparts) -> None:
    """Make sure that a baseline has something for a limit."""
    path, key, of = counterparts.path, covered.part.key, covered.limit.of
    if covered.part.of_output:
        if key not in counterparts.run.outputs:
            raise UsageError(f"The baseline '{path}' is of other measures: it has no '{key}'.", UPDATE)
        return
    matched = [counterparts.layers[name].layer for name in covered.layers if name in counterparts.layers]
    if not matched:
        raise UsageError(f"The baseline '{path}' has none of the layers that the limit covers.", UPDATE)
    if not any(of in layer.values.get(key, {}) for layer in matched):
        raise UsageError(f"The baseline '{path}' is of other measures: it has no {of} of '{key}'.", UPDATE)


def _findings(prepared: PreparedRun, measured: MeasuredRun, *, strict: bool) -> list[Finding]:
    groups, plan = measured.result.meta.options.groups, prepared.plan
    early = prepared.run.until_decided and groups not in (plan.asked_groups, len(plan.groups))
    return find(
        prepared.run.name,
        prepared.covered,
        measured.result,
        prepared.counterparts,
        paired=measured.paired,
        strict=strict,
        level=INTERIM_LEVEL if early else LEVEL,
        lines=prepared.lines,
    )


def _recorded(prepared: PreparedRun, measured: MeasuredRun) -> RecordedRun:
    regressing = [each for each in prepared.covered if each.regresses]
    layers: dict[str, list[Of]] = {}
    for each in regressing:
        if not each.part.of_output and each.limit.of not in layers.setdefault(each.part.key, []):
            layers[each.part.key].append(each.limit.of)
    outputs = dict.fromkeys(each.part.key for each in regressing if each.part.of_output)
    wanted = Wanted(layers, list(outputs), {each.part.key: each.part.bounds for each in regressing})
    return record(measured.result, measured.looks, wanted)


def _meta(prepared: PreparedRun, measured: MeasuredRun) -> CheckedRunMeta:
    plan, run, meta = prepared.plan, prepared.run, measured.result.meta
    asked = sum(len(part) for group in plan.groups[: plan.asked_groups] for part in group)
    return CheckedRunMeta(
        name=run.name,
        model=meta.model,
        data=meta.data,
        transforms=meta.transforms,
        options=meta.options,
        runtime=meta.runtime,
        timing=meta.timing,
        planned=asked * plan.inferences // len(plan.samples),
        baseline=_baseline_meta(prepared.counterparts, measured) if prepared.counterparts else None,
        notes=meta.warnings,
    )


def _baseline_meta(counterparts: Counterparts, measured: MeasuredRun) -> BaselineMeta:
    held = measured.paired or measured.result
    return BaselineMeta(
        path=str(counterparts.path),
        sha256=counterparts.run.model.sha256,
        created=counterparts.run.created,
        paired=counterparts.at(held).is_paired(held),
        renamed=dict(counterparts.renamed),
        lost=list(counterparts.lost),
    )
