"""Limits and a baseline, held against a result: one finding for every bound on every layer; no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from onnxinv.bounds import Excess, Verdict, excess, is_equal_share, judge, slack
from onnxinv.check_config import OUTPUT
from onnxinv.counterparts import Counterparts
from onnxinv.covering import Covered
from onnxinv.differences import Known, estimated, located
from onnxinv.findings import Finding, Kind
from onnxinv.measures.jackknife import LEAST_GROUPS, LEVEL
from onnxinv.result import Interval, LayerResult, MeasureSummary, OutputValue, Result

_NO_GROUPS = "there are too few groups of samples for an interval"
_NO_INTERVAL = "there is no interval: no channel has a finite value whichever group of samples is left out"
_NONE_RECORDED = "the baseline has no interval to go with its value, or one of other groups"


@dataclass(frozen=True)
class _Seen:
    """What one bound on one layer is about.

    Attributes:
        layer: tensor name.
        label: what the author called it.
        value: bias-corrected; None where there is none.
        ci: its interval.
        bound: what it is held against.
        baseline: value of the baseline.
        counterpart: what the layer is called there, where that is something else.
        excess: by how much it is beyond the bound; None where nothing can be said.
        applies: whether there should be a value.
        reason: what is to be said besides.
    """

    layer: str
    label: str
    value: float | None = None
    ci: Interval | None = None
    bound: float | None = None
    baseline: float | None = None
    counterpart: str | None = None
    excess: Excess | None = None
    applies: bool = True
    reason: str = ""


def find(
    run: str,
    covered: Sequence[Covered],
    result: Result,
    counterparts: Counterparts | None,
    *,
    paired: Result | None = None,
    strict: bool = False,
    level: float = LEVEL,
    lines: Sequence[int | None] = (),
) -> list[Finding]:
    """Hold a result against the limits of its run.

    Args:
        run: name of the run.
        covered: its limits, without those that are off.
        result: what was measured.
        counterparts: the baseline that regressions are held against; without one they are left out.
        paired: what was measured on the samples of the baseline, where that is not the result; regressions are of it.
        strict: whether what is uncertain and what is only warned of fails too.
        level: chance of an error in each limit.
        lines: of the configuration file on which the run's limits begin, by the index of the limit.

    Returns:
        The findings in the order of the limits, their bounds and the layers.
    """
    found: list[Finding] = []
    for each in covered:
        for kind in each.limit.kinds:
            if kind == "max-regression" and counterparts is None:
                continue
            moved = kind == "max-regression" and paired is not None
            of, chance = (paired or result, LEVEL) if moved else (result, level)
            seen = list(_seen(each, kind, of, counterparts.at(of) if counterparts else None))
            judged = iter(judge([one.excess for one in seen if one.excess], of.meta.data.samples, chance))
            for one in seen:
                verdict = next(judged) if one.excess else Verdict("uncertain" if one.applies else "not-applicable")
                found.append(_finding(run, each, kind, one, verdict, strict=strict, lines=lines))
    return found


def is_settled(found: Sequence[Finding]) -> bool:
    """Whether more samples would change nothing: every value has an interval that is on one side of its bound."""
    decided = (each.status in ("held", "broken") and each.ci is not None for each in found)
    return all(done or each.status == "not-applicable" for done, each in zip(decided, found, strict=True))


def _finding(
    run: str,
    covered: Covered,
    kind: Kind,
    seen: _Seen,
    verdict: Verdict,
    *,
    strict: bool,
    lines: Sequence[int | None],
) -> Finding:
    limit = covered.limit
    fails = verdict.status == "broken" and (strict or limit.level == "error")
    return Finding(
        run=run,
        limit=covered.index,
        line=lines[covered.index] if lines else None,
        layer=seen.layer,
        label=seen.label,
        measure=covered.part.key,
        of=None if covered.part.of_output else limit.of,
        kind=kind,
        value=_finite(seen.value),
        ci=seen.ci,
        bound=_finite(seen.bound),
        below=covered.below(kind),
        baseline=_finite(seen.baseline),
        counterpart=seen.counterpart,
        status=verdict.status,
        level=limit.level,
        fails=fails or (strict and verdict.status == "uncertain"),
        samples_needed=verdict.samples_needed,
        reason=seen.reason,
    )


def _seen(covered: Covered, kind: Kind, result: Result, counterparts: Counterparts | None) -> Iterator[_Seen]:
    paired = counterparts is not None and counterparts.is_paired(result)
    layers = {layer.name: layer for layer in result.layers}
    for name in covered.layers:
        # A tensor, too, may be called "output".
        layer = None if covered.part.of_output else layers.get(name)
        found = _found(covered, layer, result)
        seen = _Seen(name, layer.label if layer else OUTPUT)
        if found is None:
            yield replace(seen, applies=False, reason="it was not measured")
            continue
        known = located(found, covered.limit.of, covered.part.bounds)
        seen = replace(seen, reason=_left_out(found), applies=_applies(found))
        if known.value is None:
            yield replace(seen, reason=seen.reason or "no value is finite")
        elif kind == "max-regression":
            assert counterparts is not None, "a regression is from a baseline"
            yield _regressed(seen, covered, kind, known, result, counterparts, paired=paired)
        else:
            yield _bounded(seen, covered, kind, known, found, result)


def _bounded(
    seen: _Seen, covered: Covered, kind: Kind, known: Known, found: MeasureSummary | OutputValue, result: Result
) -> _Seen:
    """Return a value with an absolute bound."""
    assert known.value is not None, "it was looked at before"
    bound = covered.limit.max if kind == "max" else covered.limit.min
    assert bound is not None, "the limit has this kind of bound"
    interval = found.ci if isinstance(found, OutputValue) else found.ci.get(covered.limit.of)
    samples = result.meta.data.samples
    beyond = excess(known, bound, below=covered.below(kind), samples=samples)
    seen = replace(seen, value=_corrected(known, covered), ci=interval, bound=bound, excess=beyond)
    few = result.meta.options.groups < LEAST_GROUPS
    return _without_interval(seen, covered, known, _NO_GROUPS if few else _NO_INTERVAL)


def _regressed(
    seen: _Seen,
    covered: Covered,
    kind: Kind,
    known: Known,
    result: Result,
    counterparts: Counterparts,
    *,
    paired: bool,
) -> _Seen:
    """Return a value with what the baseline allows."""
    assert known.value is not None, "it was looked at before"
    recorded = _recorded(covered, seen.layer, counterparts)
    counterpart = None if covered.part.of_output else counterparts.layers.get(seen.layer)
    seen = replace(seen, counterpart=counterpart.renamed or None if counterpart else None)
    if recorded is None or recorded.value is None:
        reason = "the baseline has no finite value" if recorded else "the baseline has no layer like it"
        return replace(seen, value=_corrected(known, covered), applies=False, reason=reason)
    side = 1.0 if covered.below(kind) else -1.0
    allowed = _moved(recorded, covered, side)
    assert allowed.value is not None, "it was recorded"
    bound = allowed.value - (allowed.bias or 0.0)
    seen = replace(
        seen, value=_corrected(known, covered), bound=bound, baseline=recorded.value - (recorded.bias or 0.0)
    )
    if math.isinf(known.value):
        return replace(seen, excess=Excess(side * known.value, None, 0))
    estimate = estimated(allowed, known, paired=paired)
    if estimate is None or estimate.se is None or estimate.bias is None or estimate.interval is None:
        beyond = Excess(side * (known.value - allowed.value) - slack(known.value, allowed.value), None, 0)
        if is_equal_share(known) and is_equal_share(allowed):
            if not paired or abs(known.value - recorded.value) > slack(known.value, recorded.value):
                samples = result.meta.data.samples
                beyond = excess(known, bound, below=covered.below(kind), samples=samples)
            return replace(seen, excess=beyond)
        few = len(known.replicates) < LEAST_GROUPS
        reason = _NONE_RECORDED if known.se is not None else _NO_GROUPS if few else _NO_INTERVAL
        return _without_interval(replace(seen, excess=beyond), covered, replace(known, se=None), reason)
    distance = known.value - allowed.value - estimate.bias
    groups = min(len(known.replicates), len(allowed.replicates))
    low, high = (bound + end for end in estimate.interval)
    return replace(
        seen,
        value=bound + distance,
        ci=(low, high),
        excess=Excess(side * distance - slack(known.value, allowed.value), estimate.se, groups),
    )


def _without_interval(seen: _Seen, covered: Covered, known: Known, reason: str) -> _Seen:
    """Leave what has no interval undecided where it should have one, for a reason; a maximum never has."""
    assert seen.excess is not None, "it was held against its bound"
    assert known.value is not None, "likewise"
    if known.se is not None or seen.excess.interval is not None or math.isinf(known.value):
        return seen
    if not covered.part.interval or (covered.limit.of == "max" and not covered.part.of_output):
        return seen
    return replace(seen, excess=None, reason="; ".join(filter(None, (seen.reason, reason))))


def _moved(recorded: Known, covered: Covered, side: float) -> Known:
    """Return the baseline's value and what its uncertainty rests on, moved by what the limit allows."""
    assert recorded.value is not None
    if isinstance(covered.limit.max_regression, str):
        factor = 1 + side * math.copysign(covered.limit.allowance(1.0), recorded.value)
        return replace(
            recorded,
            value=recorded.value * factor,
            se=None if recorded.se is None else recorded.se * abs(factor),
            bias=None if recorded.bias is None else recorded.bias * factor,
            replicates=tuple(each * factor for each in recorded.replicates),
        )
    shift = side * covered.limit.allowance(recorded.value)
    return replace(
        recorded, value=recorded.value + shift, replicates=tuple(each + shift for each in recorded.replicates)
    )


def _found(covered: Covered, layer: LayerResult | None, result: Result) -> MeasureSummary | OutputValue | None:
    if layer is None:
        return result.document.outputs.get(covered.part.key)
    return layer.measures.get(covered.part.key)


def _recorded(covered: Covered, layer: str, counterparts: Counterparts) -> Known | None:
    if covered.part.of_output:
        kept = counterparts.run.outputs.get(covered.part.key)
    else:
        counterpart = counterparts.layers.get(layer)
        kept = counterpart.layer.values.get(covered.part.key, {}).get(covered.limit.of) if counterpart else None
    return kept.known(share=covered.part.of_output) if kept else None


def _corrected(known: Known, covered: Covered) -> float | None:
    if known.value is None:
        return None
    low, high = covered.part.bounds
    return min(max(known.value - (known.bias or 0.0), low), high)


def _left_out(found: MeasureSummary | OutputValue) -> str:
    """Say which values over the channels the value leaves out, or why there is none."""
    if isinstance(found, OutputValue):
        return ""
    if found.reason is not None:
        return found.reason
    total = found.finite + found.inf + found.nan + (found.silent or 0)
    told = []
    for count, what in ((found.inf, "infinite"), (found.nan, "not a number")):
        if count:
            told.append(f"{count} of {total} values {'are' if count > 1 else 'is'} {what}")
    return " and ".join(told)


def _applies(found: MeasureSummary | OutputValue) -> bool:
    """Whether there should be a value: not where the layer cannot have one, or no unit ever fires."""
    if isinstance(found, OutputValue):
        return True
    return found.reason is None and bool(found.finite or found.inf or found.nan)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
