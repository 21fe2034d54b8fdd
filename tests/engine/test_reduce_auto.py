"""Sums in float32, where that is allowed, agree with those in float64."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onnxinv import api, plan
from onnxinv.demo import digits, model
from onnxinv.plan import Plan
from onnxinv.result import Result
from tests.engine.agreement import alike

ZOO = Path(__file__).parents[1] / "zoo"


@pytest.mark.parametrize("name", ["plain", "rotated"])
@pytest.mark.parametrize("batch", [8, None, 100])
def test_the_shipped_models(name, batch):
    def measured(how: str) -> Result:
        return api.analyze(model(name), digits(), "rotation:steps=8", samples=48, batch=batch, reduce=how)

    single, double = measured("auto"), measured("host")
    alike(single, double)
    assert (single.meta.runtime.reduce, double.meta.runtime.reduce) == ("auto", "host")
    if batch != 8:
        assert json.dumps(single.document.summary["normalized-variance"].mean_of_units) != json.dumps(
            double.document.summary["normalized-variance"].mean_of_units
        ), "float32 rounds otherwise: equal bits would say that it was not used"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch", [None, 24, 5])
def test_compiled_code(monkeypatch, threads, batch):
    def measured(how: str) -> tuple[Plan, Result]:
        options = {"samples": 48, "batch": batch, "threads": threads, "groups": 2, "reduce": how}
        planned = api.plan(model("rotated"), digits(), "rotation:steps=8", **options)
        return planned, api.run(planned)

    _, double = measured("host")
    assert not measured("auto")[0].code, "of so few activations"
    monkeypatch.setattr(plan, "_MANY_ACTIVATIONS", 1)
    planned, single = measured("auto")
    assert planned.code
    alike(single, double)
    monkeypatch.setattr(plan, "compiled", lambda: "numba is not installed")
    planned, single = measured("auto")
    assert not planned.code
    alike(single, double)


@pytest.mark.parametrize("aggregate", ["unit", "activation-mean", "activation-max"])
def test_every_aggregate(aggregate):
    def measured(how: str) -> Result:
        return api.analyze(
            model("rotated"), digits(), "rotation:steps=4", samples=24, aggregate=aggregate, stratify=True, reduce=how
        )

    alike(measured("auto"), measured("host"))


def test_all_measures_together():
    def measured(how: str) -> Result:
        options = {"samples": 40, "measures": ["all"], "layers": ["conv2", "fc2"], "reduce": how}
        return api.analyze(model("rotated"), digits(), "rotation:steps=4", **options)

    alike(measured("auto"), measured("host"))


@pytest.mark.parametrize(
    "name", ["dynamo_resnet18_fp16", "dynamo_conv1d_bf16", "keras_lstm", "keras_vit", "quantized_mobilenet_qdq"]
)
def test_models_of_other_kinds_and_number_formats(name):
    def measured(how: str) -> Result:
        return api.analyze(ZOO / f"{name}.onnx", "random:n=12", "scale-amplitude:steps=5", groups=3, reduce=how)

    alike(measured("auto"), measured("host"))
