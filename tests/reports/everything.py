"""A result made by hand that holds everything that a result can hold, names that are markup somewhere among it."""

from __future__ import annotations

import numpy as np

from onnxinv.provenance import ClassOutputMeta, SkippedMeasure
from onnxinv.result import GlobalValue, MeasureSummary, OutputValue, Result, Skipped, units_key
from tests.reports.results import NV, layer, result_of, summary

CURVE, CKA, ANOVA = "transform-profile", "linear-cka", "anova"
OTHERS = ("sample-variance", "transformational-variance", "variance-share-transform")
CLASSES = ("zero", "=one", "<b>two</b>")


AFTER = {1: [0], 2: [1], 3: [1], 4: [2, 3]}


def everything() -> Result:
    """Return that result."""
    layers = [
        layer(0, "x", _measures(_by_class(1.0), curve=0.5), op="Input"),
        layer(
            1, "a|b", _measures(summary(0.25, dead=2), curve=0.25, lacks="its maps have one pixel"), label="$conv_1$"
        ),
        layer(2, "=1+1", _measures(summary(0.00012, half=None), curve=None), label="<script>x</script>", op="Relu"),
        layer(
            3, "c`d", _measures(summary(None, nan=4), curve=0.125), label="two\nlines of a label that is long", op="Log"
        ),
        layer(4, "y", _measures(_by_class(1.5, inf=1), curve=0.75), label="fc", op="Gemm"),
    ]
    layers = [
        each.model_copy(update={"node": f"{each.op}_{each.index}", "after": AFTER.get(each.index, [])})
        for each in layers
    ]
    made = result_of(
        layers,
        skipped=[Skipped(name="@size", op="Shape", reason="integer")],
        path="models/net_*.onnx",
        warnings=["Values that are nan are left out: c`d (4)."],
    )
    meta = made.meta
    meta = meta.model_copy(
        update={
            "data": meta.data.model_copy(update={"classes": list(CLASSES), "preprocessing": ["resized to 2 x 2"]}),
            "options": meta.options.model_copy(update={"stratify": True, "skipped_measures": [
                SkippedMeasure(name="goodfellow", reason="its thresholds rank all samples")
            ]}),
            "class_output": ClassOutputMeta(name="y", kind="logits", classes=4, chosen="detected"),
        }
    )  # fmt: skip
    output = OutputValue(value=0.975, se=0.01, bias=0.0, ci=(0.9, 1.0), loo=[0.97, 0.98], profile=[1.0, 0.95])
    nothing = GlobalValue(mean_of_layers=None, mean_of_units=None, se=None, ci=None)
    document = made.document.model_copy(
        update={
            "meta": meta,
            "outputs": {"top1-consistency": output, "accuracy": output.model_copy(update={"ci": None, "loo": None})},
            "summary": {**made.document.summary, OTHERS[-1]: nothing},
        }
    )
    units = {key: np.array([0.25, 0.5, np.inf, np.nan]) for key in made.units}
    del units[units_key(CKA, 1)]
    return Result(document, units)


def _by_class(mean: float, *, inf: int = 0) -> MeasureSummary:
    values = [mean + step for step in (-0.5, 0.0, 0.5)]
    return summary(mean, inf=inf).model_copy(update={"classes": dict(zip(CLASSES, values, strict=True))})


def _measures(first: MeasureSummary, *, curve: float | None, lacks: str = "") -> dict[str, MeasureSummary]:
    curved = summary(curve, half=0.01).model_copy(update={"profile": [0.0, curve], "silent": 1})
    cka = summary(0.75).model_copy(update={"floor": 0.125, "position_se": {"mean": 0.001}})
    if lacks:
        cka = summary(None, half=None).model_copy(update={"reason": lacks, "finite": 0})
    return {NV: first, CURVE: curved, CKA: cka, ANOVA: summary(2.0), **dict.fromkeys(OTHERS, summary(0.5))}
