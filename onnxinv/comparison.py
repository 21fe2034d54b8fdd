"""What a comparison found: which layers correspond, how their values differ, and what that says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from onnxinv.errors import UsageError
from onnxinv.files import write_folder
from onnxinv.json_text import json_text
from onnxinv.provenance import ModelMeta, Part
from onnxinv.result import Interval, Result

COMPARISON_FORMAT = 1
"""Format of `compare.json`. 1: the first."""

Verdict = Literal["same", "better", "worse", "uncertain"]
Overall = Literal["same", "better", "worse", "uncertain", "mixed"]

Gate = Literal["worse", "mismatch"]
GATES: tuple[Gate, ...] = get_args(Gate)
"""What a comparison may fail on."""


class Quantiles(Part):
    """5th, 50th and 95th percentile of the values of a layer's channels, in either model."""

    a: tuple[float | None, float | None, float | None]
    b: tuple[float | None, float | None, float | None]


class Difference(Part):
    """One measure of two layers that correspond.

    Attributes:
        a: mean over the channels of the first's layer.
        b: of the second's.
        difference: b - a.
        ci: 95 % interval of the difference, paired where both were measured in the same groups.
        verdict: what that says, by the measure's direction; None for measures that have none.
        ks_pvalue: of the two-sample Kolmogorov-Smirnov test that both sets of channel values have one distribution.
        quantiles: of both sets.
        max_relative_difference: largest difference of a channel's value to that of the same channel of the other, in
            means of the layer; only where the weights, or the activations up to the order of units, are the same.
    """

    a: float | None
    b: float | None
    difference: float | None
    ci: Interval | None
    verdict: Verdict | None
    ks_pvalue: float | None
    quantiles: Quantiles
    max_relative_difference: float | None = None


class PairedLayers(Part):
    """Two layers that correspond.

    Attributes:
        a: tensor name in the first model, `label_a` what its author called it.
        b: tensor name in the second, `label_b` likewise.
        method: what the claim rests on.
        cost: how unlike the two look, 0 to 1.
        cka: linear CKA of their activations on the untransformed samples, None where those were not at hand.
        guess: whether the claim rests on no name, no map and no equal activations.
        identical_weights: whether both are computed from the same weights up to their order, from the inputs on.
        max_relative_difference: largest difference of an activation, in root mean squares of the layer, on a few
            untransformed samples; only where the weights, or the activations up to the order of units, are the same.
        reordered: whether the channels had to be put in another order for that.
        verdict: of the first measure that has a direction.
        measures: by key.
    """

    a: str
    b: str
    label_a: str
    label_b: str
    method: str
    cost: float
    cka: float | None
    guess: bool
    identical_weights: bool
    max_relative_difference: float | None
    reordered: bool = False
    verdict: Verdict
    measures: dict[str, Difference]


class Unmatched(Part):
    """Tensor names of the layers that correspond to nothing."""

    a: list[str]
    b: list[str]


class Profile(Part):
    """One measure over relative depth, 0 to 100 percent of the layers, each model's layers interpolated."""

    percent: list[float]
    a: list[float | None]
    b: list[float | None]


class OutputDifference(Part):
    """One measure of the class outputs of both models."""

    a: float | None
    b: float | None
    difference: float | None
    ci: Interval | None
    verdict: Verdict | None


class ModelComparison(Part):
    """Two of the models.

    Attributes:
        a: place of the first among the models, `b` of the second.
        verdict: over all pairs; `mixed` where some layers are better and some worse.
        reason: what the verdict rests on, in a sentence.
        mismatches: why the second is no equivalent export of the first, a sentence each; empty where it is one.
        profiles: by measure.
    """

    a: int
    b: int
    verdict: Overall
    reason: str
    mismatches: list[str]
    pairs: list[PairedLayers]
    unmatched: Unmatched
    outputs: dict[str, OutputDifference]
    profiles: dict[str, Profile]


class ComparisonMeta(Part):
    """Provenance of a comparison.

    Attributes:
        align: how layers were aligned.
        measure: the measure that verdicts are about.
        margin: relative difference below which values count as the same.
        rtol: relative difference above which an export is no equivalent.
        paired: whether intervals are of paired differences.
        ran: whether weights and activations of the models were at hand, not just their results.
    """

    format: int
    onnxinv: str
    created: str
    models: list[ModelMeta]
    align: str
    measure: str
    margin: float
    rtol: float
    paired: bool
    ran: bool
    warnings: list[str]


class CompareDocument(Part):
    """The content of `compare.json`."""

    meta: ComparisonMeta
    comparisons: list[ModelComparison]


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        document: everything that stands in `compare.json`.
        results: the measurement of each model.
        names: what each model is called, short and unlike the others.
    """

    document: CompareDocument
    results: tuple[Result, ...]
    names: tuple[str, ...]

    @property
    def comparisons(self) -> list[ModelComparison]:
        """The first model against each of the others."""
        return self.document.comparisons

    def failing(self, gate: Gate) -> list[str]:
        """Return why the comparison fails on something, a sentence each; empty where it does not.

        Raises:
            UsageError: it cannot be told: no difference has an interval, or weights and activations were not at hand.
        """
        if gate == "mismatch" and not self.document.meta.ran:
            raise UsageError(
                "--fail-on mismatch looks at weights and activations, which results do not hold.",
                "Name the models, with --data and --transform.",
            )
        main = self.document.meta.measure
        if gate == "worse" and not any(
            pair.measures[main].ci for between in self.comparisons for pair in between.pairs
        ):
            raise UsageError(
                f"--fail-on worse needs an interval, and no difference of {main} has one.",
                "Measure in three groups of samples or more.",
            )
        found = []
        for between in self.comparisons:
            name, first = self.names[between.b], self.names[between.a]
            if gate == "mismatch":
                found += [f"Mismatch of '{name}' with '{first}': {text}." for text in between.mismatches]
            elif between.verdict in ("worse", "mixed"):
                where = " in some layers" if between.verdict == "mixed" else ""
                found.append(f"'{name}' is worse than '{first}'{where}: {between.reason}.")
        return found

    def files(self) -> Mapping[str, bytes]:
        """Return the content of the comparison's folder by file name."""
        return {"compare.json": comparison_json(self).encode()}

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write `compare.json`.

        Raises:
            OutputError: the folder cannot be written, or holds a comparison and `overwrite` is not set.
        """
        write_folder(folder, self.files(), marker="compare.json", overwrite=overwrite, outdated=("report.html",))


def comparison_json(comparison: Comparison) -> str:
    """Return the text of `compare.json`: indented, finite numbers or null."""
    return json_text(comparison.document)
