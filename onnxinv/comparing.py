"""From finished results, and what the layers hold, to a comparison of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from onnxinv.activations import Activations, Agreement, agreement, gather_evidence
from onnxinv.align import Mode, align
from onnxinv.alignment import GUESSES, Alignment, Evidence
from onnxinv.comparable import check_comparable, in_the_same_groups, names_of
from onnxinv.comparison import (
    COMPARISON_FORMAT,
    CompareDocument,
    Comparison,
    ComparisonMeta,
    Difference,
    ModelComparison,
    OutputDifference,
    PairedLayers,
    Profile,
    Quantiles,
    Unmatched,
    Verdict,
)
from onnxinv.differences import Change, change, judge, known, overall
from onnxinv.distributions import ks_pvalue, largest_difference, quantiles
from onnxinv.errors import UsageError
from onnxinv.measures import measures
from onnxinv.measures.measure import Direction
from onnxinv.mismatches import mismatches
from onnxinv.model.weights import Weights
from onnxinv.outline import depths, outlines
from onnxinv.result import LayerResult, Result
from onnxinv.version import __version__

NO_DIRECTION = "There is no measure of layers, common to all, that says what is more invariant."

_FLOOR = 0.05
"""Share of the mean over all layers of the first model below which a value counts as near 0."""

_PERCENT = tuple(range(0, 101, 5))

_INPUT = "Input"
"""Operator of a model's input, which is the same whatever the models make of it: no verdict rests on one."""

_NOTHING_IN_COMMON = "no layer of one corresponds to any other"
_ONLY_INPUTS = "nothing but inputs corresponds"

_HINT_MAP = "Name the pairs in a map: --align map.toml."


@dataclass(frozen=True)
class Observed:
    """What is known of a model beyond its result.

    Attributes:
        activations: of its layers on some untransformed samples.
        weights: all that each tensor is computed from, by its name.
        own: those of the operator that makes it.
    """

    activations: Activations
    weights: Mapping[str, Weights]
    own: Mapping[str, Weights]


@dataclass(frozen=True)
class Terms:
    """How models are compared.

    Attributes:
        align: how layers are aligned.
        stated: pairs of layers that are known.
        strict: whether a pair that rests on no name and on no map is an error.
        margin: relative difference below which values count as the same.
        rtol: relative difference above which an export is no equivalent.
    """

    align: Mode = "auto"
    stated: Mapping[str, str] | None = None
    strict: bool = False
    margin: float = 1e-3
    rtol: float = 1e-3


def compare_results(results: Sequence[Result], terms: Terms, observed: Sequence[Observed] = ()) -> Comparison:
    """Compare the first result with each of the others.

    Args:
        results: at least two, measured on the same samples under the same transforms.
        terms: how.
        observed: the same models' activations and weights; empty where only the results are at hand.

    Raises:
        UsageError: fewer than two, or results that cannot be compared; a guess where none is allowed.
    """
    check_comparable(results)
    directions = _directions(results)
    keys = [key for key in results[0].measures if all(key in each.measures for each in results)]
    main = next((key for key in keys if directions[key] != "neither"), None)
    if main is None:
        raise UsageError(NO_DIRECTION, "Measure both with normalized-variance.")
    paired = in_the_same_groups(results)
    comparisons = []
    for place in range(1, len(results)):
        seen = (observed[0], observed[place]) if observed else None
        sides = _Sides((results[0], results[place]), keys, main, directions, terms, paired=paired, observed=seen)
        comparisons.append(sides.compare(place))
    names = names_of([each.meta.model.path for each in results])
    meta = ComparisonMeta(
        format=COMPARISON_FORMAT,
        onnxinv=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        models=[each.meta.model for each in results],
        align=terms.align if terms.stated is None else "map",
        measure=main,
        margin=terms.margin,
        rtol=terms.rtol,
        paired=paired,
        ran=bool(observed),
        warnings=[f"{name}: {text}" for name, each in zip(names, results, strict=True) for text in _warnings(each)],
    )
    return Comparison(CompareDocument(meta=meta, comparisons=comparisons), tuple(results), names)


class _Sides:
    """Two models next to each other."""

    def __init__(
        self,
        results: tuple[Result, Result],
        keys: Sequence[str],
        main: str,
        directions: Mapping[str, Direction],
        terms: Terms,
        *,
        paired: bool,
        observed: tuple[Observed, Observed] | None,
    ) -> None:
        self.results, self.keys, self.main, self.directions, self.terms = results, keys, main, directions, terms
        self.paired = paired
        self.observed = observed

    def compare(self, place: int) -> ModelComparison:
        a, b = (each.layers for each in self.results)
        alignment = self._align()
        pairs = self._pairs(alignment)
        if self.terms.strict:
            _refuse_guesses(pairs)
        told = [
            (pair.verdict, self._main_change(found.a, found.b).p)
            for pair, found in zip(pairs, alignment.pairs, strict=True)
            if a[found.a].op != _INPUT and not _undefined(pair.measures[self.main])
        ]
        verdict = overall([verdict for verdict, _ in told], [p for _, p in told])
        return ModelComparison(
            a=0,
            b=place,
            verdict=verdict,
            reason=_reason(pairs, self.main) if told else _ONLY_INPUTS if pairs else _NOTHING_IN_COMMON,
            mismatches=list(
                mismatches(
                    self.results,
                    pairs,
                    self.main,
                    self.terms.rtol,
                    self._floor(self.main),
                    ran=self.observed is not None,
                )
            ),
            pairs=pairs,
            unmatched=Unmatched(
                a=[a[index].name for index in alignment.unmatched_a],
                b=[b[index].name for index in alignment.unmatched_b],
            ),
            outputs=dict(self._outputs()),
            profiles={self.main: _profile(a, b, self.main)},
        )

    def _align(self) -> Alignment:
        evidence = None if self.observed is None else self._evidence(*self.observed)
        a, b = (outlines(each.layers) for each in self.results)
        return align(a, b, self.terms.align, self.terms.stated, evidence)

    def _evidence(self, one: Observed, other: Observed) -> Evidence | None:
        own_a, own_b = (
            [seen.own.get(layer.name) for layer in result.layers]
            for seen, result in zip((one, other), self.results, strict=True)
        )
        equal = np.array([[a is not None and a == b for b in own_b] for a in own_a], bool)
        return gather_evidence(one.activations, other.activations, equal)

    def _pairs(self, alignment: Alignment) -> list[PairedLayers]:
        layers_a, layers_b = (each.layers for each in self.results)
        guesses = alignment.guesses
        pairs = []
        for found in alignment.pairs:
            a, b = layers_a[found.a], layers_b[found.b]
            identical = self._same_weights(a, b)
            agreed = self._agreement(found.a, found.b) if identical or found.proven else None
            doubtful = found.method in GUESSES and not found.sure
            differences = {key: self._difference(key, a, b, agreed) for key in self.keys}
            main = differences[self.main]
            pairs.append(
                PairedLayers(
                    a=a.name,
                    b=b.name,
                    label_a=a.label,
                    label_b=b.label,
                    method=found.method,
                    cost=found.cost,
                    cka=found.cka,
                    guess=found in guesses or (doubtful and self._contradicted(agreed)),
                    identical_weights=identical,
                    max_relative_difference=_finite(agreed.difference) if agreed else None,
                    reordered=agreed is not None and agreed.order is not None,
                    verdict=main.verdict or "uncertain",
                    measures=differences,
                )
            )
        return pairs

    def _same_weights(self, a: LayerResult, b: LayerResult) -> bool:
        """Whether two layers are computed from the same weights; without any, as inputs are, they are."""
        if self.observed is None:
            return False
        one, other = (each.weights.get(layer.name) for each, layer in zip(self.observed, (a, b), strict=True))
        return one == other

    def _contradicted(self, agreed: Agreement | None) -> bool:
        """Whether activations that prove a pair as a whole differ one by one."""
        return agreed is not None and not agreed.difference <= self.terms.rtol

    def _agreement(self, a: int, b: int) -> Agreement | None:
        assert self.observed is not None, "weights are known of models only"
        one, other = self.observed
        return agreement(one.activations.layers[a], other.activations.layers[b])

    def _floor(self, key: str) -> float:
        """Return what a value of a measure is at least held against; values near 0 differ by rounding alone."""
        return _FLOOR * abs(self.results[0].document.summary[key].mean_of_layers or 0.0)

    def _main_change(self, a: int, b: int) -> Change:
        one, two = (
            known(result.layers[place].measures[self.main]) for result, place in zip(self.results, (a, b), strict=True)
        )
        return change(one, two, paired=self.paired)

    def _difference(self, key: str, a: LayerResult, b: LayerResult, agreed: Agreement | None) -> Difference:
        one, two = known(a.measures[key]), known(b.measures[key])
        found = change(one, two, paired=self.paired)
        values = [
            np.empty(0) if layer.measures[key].reason or result.lacks_values else result.values(key, layer)
            for result, layer in zip(self.results, (a, b), strict=True)
        ]
        finite = [each[np.isfinite(each)].ravel() for each in values]
        return Difference(
            a=one.value,
            b=two.value,
            difference=found.difference,
            ci=found.interval,
            verdict=judge(one, two, found, self.directions[key], self.terms.margin, self._floor(key)),
            ks_pvalue=ks_pvalue(*finite),
            quantiles=Quantiles(a=quantiles(finite[0]), b=quantiles(finite[1])),
            max_relative_difference=largest_difference(values[0], values[1], agreed),
        )

    def _outputs(self) -> dict[str, OutputDifference]:
        a, b = (each.document.outputs for each in self.results)
        found = {}
        for key in (key for key in a if key in b):
            one, two = known(a[key]), known(b[key])
            apart = change(one, two, paired=self.paired)
            found[key] = OutputDifference(
                a=one.value,
                b=two.value,
                difference=apart.difference,
                ci=apart.interval,
                verdict=judge(one, two, apart, self.directions[key], self.terms.margin),
            )
        return found


def _directions(results: Sequence[Result]) -> dict[str, Direction]:
    """Return the direction of every measure, and output measure, by key; what is no longer installed has none."""
    known_parts = {
        part: entry.part_directions.get(part, entry.direction)
        for entry in map(measures.get, measures.names())
        for part in entry.parts
    }
    keys = [key for each in results for key in (*each.measures, *each.document.outputs)]
    return {key: known_parts.get(key.partition(":")[0], "neither") for key in keys}


def _warnings(result: Result) -> list[str]:
    lacking = ["The values of channels are not at hand: the result came without units.npz."]
    return [*result.meta.warnings, *(lacking if result.lacks_values else ())]


def _profile(a: Sequence[LayerResult], b: Sequence[LayerResult], key: str) -> Profile:
    return Profile(percent=list(_PERCENT), a=_over_depth(a, key), b=_over_depth(b, key))


def _over_depth(layers: Sequence[LayerResult], key: str) -> list[float | None]:
    means = [(place, layer.measures[key].mean) for place, layer in enumerate(layers)]
    points = [(place, mean) for place, mean in means if mean is not None]
    if not points:
        return [None] * len(_PERCENT)
    percent = 100 * depths(len(layers))[[place for place, _ in points]]
    return [float(value) for value in np.interp(_PERCENT, percent, np.array([mean for _, mean in points]))]


def _undefined(values: Difference) -> bool:
    return values.a is None and values.b is None


def _refuse_guesses(pairs: Sequence[PairedLayers]) -> None:
    guess = next((pair for pair in pairs if pair.guess), None)
    if guess is not None:
        raise UsageError(
            f"--strict-align allows no guess, and '{guess.label_a}' is paired with '{guess.label_b}' by "
            f"{guess.method}.",
            _HINT_MAP,
        )


def _reason(pairs: Sequence[PairedLayers], measure: str) -> str:
    counts = Counter(pair.verdict for pair in pairs)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict) if counts[verdict])
    return f"{measure} of {len(pairs)} pair{'s' * (len(pairs) != 1)} of layers: {told}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
