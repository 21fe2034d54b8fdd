"""What is kept of exported models, of any framework and number format, is what their whole layers hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv.activations import observe
from onnxinv.api import plan, run
from tests.engine.zoo_models import CASES

ZOO = Path(__file__).parent.parent / "zoo"
COARSE = ("fp16", "bf16", "quantized")
MODELS = """dynamo_resnet18_fp16 dynamo_conv1d_bf16 quantized_mobilenet_qdq quantized_resnet18_qoperator
torchscript_lstm torchscript_vit torchscript_conv3d tensorflow_mobilenet dynamo_unet""".split()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.model) for case in CASES if case.model in MODELS])
def test_the_untransformed_samples_are_as_in_a_run_that_hands_out_whole_layers(case, tmp_path):
    images = np.random.default_rng(1).standard_normal((6, *case.sample)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    decided = plan(
        ZOO / f"{case.model}.onnx", tmp_path / "x.npy", case.transform.spec, keep_units=4, groups=3, device="cpu",
        measures=("normalized-variance",), threads=1,
    )  # fmt: skip
    result = run(decided)
    assert result.meta.pictures is not None
    assert result.pictures is not None
    assert decided.untransformed < len(decided.transforms)
    whole = observe(decided, np.array(result.meta.pictures.samples)).layers
    assert list(result.pictures.layers) == [layer.index for layer in result.layers]
    for layer, activations in zip(decided.layers, whole, strict=True):
        kept = result.pictures.layers[layer.index]
        expected = np.moveaxis(activations, 1, layer.channel_axis + 1).reshape(len(activations), -1)
        scale = np.sqrt((expected.astype(np.float64) ** 2).mean())
        tolerance = 2e-2 if any(word in case.model for word in COARSE) else 1e-4
        np.testing.assert_allclose(
            kept.rows[:, decided.untransformed], expected[:, kept.units], rtol=0, atol=tolerance * scale,
            err_msg=layer.label,
        )  # fmt: skip
