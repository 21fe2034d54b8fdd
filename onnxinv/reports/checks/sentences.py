"""What a check says in words, the same in every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxinv.findings import BaselineMeta, CheckedRunMeta, CheckReport, Finding
from onnxinv.reports.checks.rows import beside, is_infinite, ordered, subject
from onnxinv.reports.numbers import number
from onnxinv.reports.printable import Quote, printable

_NAMED = 5
"""Layers of one run that a sentence names; of more, as many and a count."""


def prose(text: str) -> str:
    """Return a text that was written by this program with names from a model in it, harmless for plain text."""
    return printable(text, 400)


def sentence(finding: Finding, samples: int, quote: Quote = printable, told: Quote = prose) -> str:
    """Say what was found: the value, what it is held against, and what must be known of either.

    Args:
        finding: one bound on one layer.
        samples: how many were measured.
        quote: makes a name harmless.
        told: makes a sentence with names in it harmless.
    """
    layer = "" if finding.of is None else f"{quote(finding.label)}: "
    parts = [f"{layer}{subject(finding, quote)} {_against(finding)}", *remarks(finding, samples, quote, told)]
    return "; ".join(parts)


def remarks(finding: Finding, samples: int, quote: Quote = printable, told: Quote = prose) -> Iterator[str]:
    """Yield what must be known of a finding beside its numbers."""
    if finding.status == "uncertain" and finding.ci is not None and finding.bound is not None:
        corrected = ", corrected for the number of layers," if _is_beyond(finding) else ""
        needed = finding.samples_needed
        # A regression may be of fewer samples than were measured: of those of the baseline.
        regression = finding.kind == "max-regression"
        beside = ", of the baseline too," if regression else ""
        count = "" if regression else f" ({samples} were measured)"
        decide = "" if needed is None else f": {_needed(needed)}{beside} would decide it{count}"
        yield f"the interval{corrected} holds the bound{decide}"
    if finding.reason:
        yield told(finding.reason)
    if finding.counterpart is not None:
        yield f"was {quote(finding.counterpart)} in the baseline"


def measured(run: CheckedRunMeta) -> str:
    """Say how much was measured."""
    transforms, made = run.transforms.count, run.timing.inferences
    inferences = f"{made:,} of {run.planned:,} inferences"
    if made > run.planned:
        inferences = f"{made:,} inferences, more than the {run.planned:,} planned"
    return f"{run.data.samples} samples x {transforms} transform{'s' * (transforms != 1)}, {inferences}"


def about_baseline(baseline: BaselineMeta, quote: Quote = printable) -> Iterator[str]:
    """Yield what the baseline was and where its layers are not those of the model."""
    samples = "the same samples" if baseline.paired else "other samples, so that no difference is taken group by group"
    day = baseline.created.partition("T")[0]
    yield f"Baseline: {quote(baseline.path)} of {quote(day)}, measured on {samples}."
    if baseline.renamed:
        pairs = [f"{quote(new)} was {quote(old)}" for new, old in baseline.renamed.items()]
        yield f"Renamed since the baseline ({len(pairs)}): {_listed(pairs, 2 * _NAMED)}."
    if baseline.lost:
        yield f"Lost since the baseline ({len(baseline.lost)}): {_listed(list(map(quote, baseline.lost)), 2 * _NAMED)}."


def verdict(report: CheckReport, quote: Quote = printable) -> str:
    """Say in one sentence how the check ended."""
    findings = report.findings
    fails = [finding for finding in findings if finding.fails]
    held = [finding for finding in findings if finding.status == "held"]
    parts = []
    if not findings:
        parts.append("no limit was checked")
    elif not fails:
        parts.append(f"{len(held)} of {len(findings)} limits held")
    for status in ("broken", "uncertain", "not-applicable", "held"):
        found = [finding for finding in fails if finding.status == status]
        if found:
            of_all = "" if parts else f" of {len(findings)}"
            strict = ", which fails where --strict is set" if status == "uncertain" else ""
            parts.append(f"{len(found)}{of_all} {_words(status)} ({_layers(found, quote)}){strict}")
    warned = [finding for finding in findings if _only_warns(finding)]
    if warned:
        parts.append(f"{len(warned)} warning{'s' * (len(warned) != 1)} ({_layers(warned, quote)})")
    for status in ("uncertain", "not-applicable"):
        count = sum(finding.status == status and not finding.fails for finding in findings)
        if count:
            parts.append(f"{count} {_words(status)}")
    return f"{'passed' if report.passed else 'failed'}: {'; '.join(parts)}"


def advice(report: CheckReport, quote: Quote = printable) -> Iterator[str]:
    """Yield what can be done about what is not held."""
    if report.passed and report.findings and not any(each.status in ("held", "broken") for each in report.findings):
        yield "No limit is decided, so that this check says nothing; with --strict it fails."
    for run in report.document.meta.runs:
        unclear = [each for each in report.findings if each.run == run.name and each.status == "uncertain"]
        regressions = [each for each in unclear if each.kind == "max-regression"]
        yield from _more_samples([each for each in unclear if each.kind != "max-regression"], run, quote)
        yield from _another_baseline(regressions, run, quote)
    if any(each.status == "broken" and each.kind == "max-regression" for each in report.findings):
        yield "Where a regression is meant, take the new values as the baseline with --update-baseline."


def _more_samples(unclear: Sequence[Finding], run: CheckedRunMeta, quote: Quote) -> Iterator[str]:
    """Say how many samples would decide limits that are uncertain."""
    numbers = [each.samples_needed for each in unclear if isinstance(each.samples_needed, int)]
    beyond = [each for each in unclear if isinstance(each.samples_needed, str)]
    unclear_here = f"uncertain in {quote(run.name)}"
    if numbers:
        what = f"{len(numbers)} of the {len(unclear)} that are" if beyond else "what is"
        yield (
            f"To decide {what} {unclear_here}, measure about {max(numbers)} samples ({run.data.samples} were "
            "measured), or let --until-decided find how many it takes."
        )
    if beyond:
        what = "the rest" if numbers else f"what is {unclear_here}"
        yield (
            f"To decide {what}, {_needed(beyond[0].samples_needed)} would be needed ({_layers(beyond, quote)}): "
            "rather move the limit away from the value."
        )


def _another_baseline(unclear: Sequence[Finding], run: CheckedRunMeta, quote: Quote) -> Iterator[str]:
    """Say what would decide regressions that are uncertain: more samples are of no use where the baseline has fewer."""
    numbers = [each.samples_needed for each in unclear if isinstance(each.samples_needed, int)]
    beyond = [each for each in unclear if isinstance(each.samples_needed, str)]
    regressions = f"the regressions that are uncertain in {quote(run.name)}"
    if unclear and run.baseline is not None and not run.baseline.paired:
        yield (
            f"To decide {regressions}, measure the samples of the baseline, or write one of these samples with the "
            "accepted model and --update-baseline."
        )
        return
    if numbers:
        some = f"{len(numbers)} of " if beyond else ""
        yield (
            f"To decide {some}{regressions}, configure about {max(numbers)} samples and write a "
            "baseline of as many with the accepted model and --update-baseline."
        )
    if beyond:
        what = "the rest" if numbers else regressions
        yield (
            f"To decide {what}, {_needed(beyond[0].samples_needed)} would be needed ({_layers(beyond, quote)}): "
            "rather move the limit away from the value."
        )


def reasons(findings: Sequence[Finding], quote: Quote = printable, told: Quote = prose) -> Iterator[str]:
    """Yield each reason once, with the layers that it holds for."""
    by_reason: dict[str, dict[str, None]] = {}
    for finding in ordered(findings):
        if finding.reason:
            by_reason.setdefault(finding.reason, {})[finding.label] = None
    for reason, labels in by_reason.items():
        yield f"{_listed(list(map(quote, labels)), _NAMED)}: {told(reason)}"


def corrections(findings: Sequence[Finding], quote: Quote = printable) -> Iterator[str]:
    """Say of which layers the interval that is shown lies beyond the bound though nothing is decided."""
    labels = dict.fromkeys(quote(each.label) for each in findings if each.status == "uncertain" and _is_beyond(each))
    if labels:
        yield (
            f"{_listed(list(labels), _NAMED)}: uncertain, since the interval, corrected for the number of layers, "
            "holds the bound"
        )


def _is_beyond(finding: Finding) -> bool:
    return finding.ci is not None and finding.bound is not None and not finding.ci[0] <= finding.bound <= finding.ci[1]


def _against(finding: Finding) -> str:
    value, interval, bound = beside(finding)
    is_value = f"is {value}{' ' * bool(interval)}{interval}"
    if finding.value is None:
        is_value = "is infinite" if is_infinite(finding) else "has no value"
    if finding.bound is None:
        return is_value
    if finding.baseline is None:
        return f"{is_value}, {f'at most {bound} allowed' if finding.below else f'at least {bound} demanded'}"
    demands = "allows at most" if finding.below else "demands at least"
    return f"{is_value}; the baseline's {number(finding.baseline)} {demands} {bound}"


def _needed(samples: int | str | None) -> str:
    return f"about {samples} samples" if isinstance(samples, int) else f"{printable(samples or 'more')} samples"


def _only_warns(finding: Finding) -> bool:
    return finding.status == "broken" and not finding.fails and finding.level == "warn"


def _words(status: str) -> str:
    return status.replace("-", " ")


def _layers(findings: Sequence[Finding], quote: Quote) -> str:
    """Return the layers of each run, each named once."""
    runs: dict[str, dict[str, None]] = {}
    for finding in findings:
        runs.setdefault(finding.run, {})[finding.label] = None
    return "; ".join(f"{_listed(list(map(quote, labels)), _NAMED)} of {quote(run)}" for run, labels in runs.items())


def _listed(texts: Sequence[str], most: int) -> str:
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")
