"""Small comparisons made by hand, so that reports can be tested without comparing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnxinv.comparison import (
    COMPARISON_FORMAT,
    CompareDocument,
    Comparison,
    ComparisonMeta,
    Difference,
    ModelComparison,
    OutputDifference,
    Overall,
    PairedLayers,
    Profile,
    Quantiles,
    Unmatched,
    Verdict,
)
from onnxinv.result import Interval
from tests.reports.results import NV, layer, result_of, summary

_NONE = (None, None, None)


def difference(
    a: float | None,
    b: float | None,
    verdict: Verdict | None,
    *,
    ci: Interval | None = None,
    largest: float | None = None,
) -> Difference:
    """Return the difference of two values."""
    return Difference(
        a=a, b=b, difference=None if a is None or b is None else b - a, ci=ci, verdict=verdict, ks_pvalue=0.5,
        quantiles=Quantiles(a=_NONE, b=_NONE), max_relative_difference=largest,
    )  # fmt: skip


def pair(
    a: str,
    b: str | None = None,
    *,
    method: str = "name",
    cka: float | None = 0.5,
    values: tuple[float | None, float | None] = (0.5, 0.25),
    ci: Interval | None = (-0.375, -0.125),
    verdict: Verdict = "better",
    activations: float | None = None,
    channels: float | None = None,
    reordered: bool = False,
    guess: bool | None = None,
    weights: bool | None = None,
) -> PairedLayers:
    """Return a pair of layers; what is not said of its weights and of a guess follows from a difference that is."""
    found = activations is not None
    return PairedLayers(
        a=a, b=b or a, label_a=a, label_b=b or a, method=method, cost=0.0, cka=cka,
        guess=method in ("sequence", "depth") and not found if guess is None else guess,
        identical_weights=found if weights is None else weights, max_relative_difference=activations,
        reordered=reordered,
        verdict=verdict, measures={NV: difference(*values, verdict, ci=ci, largest=channels)},
    )  # fmt: skip


def between(
    pairs: Sequence[PairedLayers] = (),
    *,
    place: int = 1,
    only: tuple[Sequence[str], Sequence[str]] = ((), ()),
    verdict: Overall = "better",
    outputs: Mapping[str, OutputDifference] | None = None,
) -> ModelComparison:
    """Return the comparison of the first model with the one of this place."""
    percent = [float(each) for each in range(0, 101, 5)]
    profile = Profile(percent=percent, a=[each / 100 for each in percent], b=[1 - each / 100 for each in percent])
    return ModelComparison(
        a=0, b=place, verdict=verdict, reason=f"{NV} of {len(pairs)} pairs of layers", mismatches=[], pairs=list(pairs),
        unmatched=Unmatched(a=list(only[0]), b=list(only[1])), outputs=dict(outputs or {}), profiles={NV: profile},
    )  # fmt: skip


def comparison_of(
    *found: ModelComparison,
    names: Sequence[str] = ("plain", "rotated"),
    paired: bool = True,
    warnings: Sequence[str] = (),
) -> Comparison:
    """Return a comparison of models that have just the layers that it speaks of."""
    layers = [[each.a for each in found[0].pairs] + found[0].unmatched.a]
    layers += [[each.b for each in one.pairs] + one.unmatched.b for one in found]
    results = [
        result_of([layer(index, each, {NV: summary(0.5)}) for index, each in enumerate(own)], path=f"{name}.onnx")
        for name, own in zip(names, layers, strict=True)
    ]
    meta = ComparisonMeta(
        format=COMPARISON_FORMAT, onnxinv="0.0.0", created="2024-01-01T00:00:00+00:00",
        models=[each.meta.model for each in results], align="auto", measure=NV, margin=1e-3, rtol=1e-3, paired=paired,
        ran=True,
        warnings=list(warnings),
    )  # fmt: skip
    return Comparison(CompareDocument(meta=meta, comparisons=list(found)), tuple(results), tuple(names))


def small() -> Comparison:
    """Return a comparison that shows most of what there is: guesses, all verdicts, equal weights, layers alone."""
    pairs = [
        pair("x", values=(1.0, 1.0), ci=(0.0, 0.0), verdict="same", activations=0.0, channels=0.0, cka=1.0),
        pair("conv", "conv2d", method="sequence", cka=1.0, activations=2e-6, channels=3e-7, verdict="same",
             values=(0.75, 0.7500001), ci=(-1e-7, 2e-7), reordered=True),
        pair("relu", "Elu", method="sequence", cka=0.875),
        pair("pool", method="scope", values=(0.5, 0.625), ci=(0.0625, 0.1875), verdict="worse", cka=0.75),
        pair("a very long label of a layer that must be cut", "fc", method="depth", cka=None, values=(0.25, None),
             ci=None, verdict="uncertain"),
    ]  # fmt: skip
    consistency = OutputDifference(a=0.5, b=0.75, difference=0.25, ci=(0.125, 0.375), verdict="better")
    found = between(
        pairs, only=(["norm"], [f"mul{place}" for place in range(12)]), verdict="mixed",
        outputs={"top1-consistency": consistency},
    )  # fmt: skip
    return comparison_of(found, warnings=["rotated: Values that are nan are left out: c (4)."])
