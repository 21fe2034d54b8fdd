"""What a check found: one finding for every bound on every layer it covers, written to `check.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from onnxinv.json_text import json_text
from onnxinv.provenance import DataMeta, ModelMeta, OptionsMeta, Part, RuntimeMeta, TimingMeta, TransformsMeta
from onnxinv.result import Interval, Result

CHECK_FORMAT = 1
"""Format of `check.json`. 1: the first."""

Status = Literal["held", "broken", "uncertain", "not-applicable"]
"""Where a value lies: on the right side of its bound, surely on the wrong one, not clear, or it has no value."""

Level = Literal["error", "warn", "off"]
Of = Literal["mean", "median", "p95", "max"]
Kind = Literal["max", "min", "max-regression"]


class Finding(Part):
    """One bound on one layer.

    Attributes:
        run: name of the run.
        limit: index of the limit among those of its run.
        line: line of the configuration file that it begins on; None where it stands in no file.
        layer: tensor name; `output` for a measure of the class output.
        label: what the author called the layer; `output` likewise.
        measure: key of the measure.
        of: which value over the channels; None for a measure of the class output.
        kind: what the bound is: the largest value, the smallest, or what the baseline allows.
        value: bias-corrected; None where there is none.
        ci: its 95 % interval; of a regression that of the difference from the baseline, moved to where the bound is.
        bound: what the value is held against.
        below: whether the value must be at most the bound; else it must be at least that.
        baseline: value of the baseline; None for absolute bounds.
        counterpart: label of the baseline's layer where it has another name, and how the two were matched.
        status: what is known of the value and the bound.
        level: of the limit.
        fails: whether the check fails because of it.
        samples_needed: how many samples would decide what is uncertain: a number, or `more than N`.
        reason: why there is no value or no verdict, or what the value leaves out; empty where nothing is to be said.
    """

    run: str
    limit: int
    line: int | None
    layer: str
    label: str
    measure: str
    of: Of | None
    kind: Kind
    value: float | None
    ci: Interval | None
    bound: float | None
    below: bool
    baseline: float | None
    counterpart: str | None
    status: Status
    level: Level
    fails: bool
    samples_needed: int | str | None
    reason: str


class BaselineMeta(Part):
    """What regressions were held against.

    Attributes:
        path: of the file.
        sha256: of the model that it was taken from.
        created: when.
        paired: whether it was measured on the same samples, so that differences were taken group by group.
        renamed: label of each layer that was matched with one of another name, by the label of that one.
        lost: labels of the baseline's layers that the model no longer has.
    """

    path: str
    sha256: str
    created: str
    paired: bool
    renamed: dict[str, str]
    lost: list[str]


class CheckedRunMeta(Part):
    """Provenance of a run.

    Attributes:
        name: of the run.
        planned: how many inferences all samples would have taken.
        baseline: what regressions were held against; None where no limit is about one.
        notes: what the user should know.
    """

    name: str
    model: ModelMeta
    data: DataMeta
    transforms: TransformsMeta
    options: OptionsMeta
    runtime: RuntimeMeta
    timing: TimingMeta
    planned: int
    baseline: BaselineMeta | None
    notes: list[str]


class CheckMeta(Part):
    """Provenance of a check.

    Attributes:
        config: the configuration file; None where there is none.
        strict: whether what is uncertain and what is only warned of fails too.
        passed: whether nothing fails.
    """

    format: int
    onnxinv: str
    created: str
    config: str | None
    strict: bool
    passed: bool
    runs: list[CheckedRunMeta]


class CheckDocument(Part):
    """The content of `check.json`."""

    meta: CheckMeta
    findings: list[Finding]


@dataclass(frozen=True)
class CheckReport:
    """A finished check.

    Attributes:
        document: everything that stands in `check.json`.
        results: what was measured, by the name of the run.
    """

    document: CheckDocument
    results: Mapping[str, Result]

    @property
    def findings(self) -> list[Finding]:
        """All findings, in the order of the configuration and of the layers."""
        return self.document.findings

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return self.document.meta.passed


def check_json(report: CheckReport) -> str:
    """Return the text of `check.json`: indented, finite numbers or null."""
    return json_text(report.document)
