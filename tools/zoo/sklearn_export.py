"""Exports a multilayer perceptron of scikit-learn by skl2onnx."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OPSET = 17
COLUMNS, CLASSES = 12, 3


def export_all(folder: Path, seed: int) -> None:
    """Write all scikit-learn models of the zoo: standardised columns, two hidden layers, a label and probabilities.

    Args:
        folder: where to.
        seed: of the table and of the weights.
    """
    random = np.random.default_rng(seed)
    table = random.normal(2, 3, (300, COLUMNS))
    classes = np.argmax(table @ random.normal(size=(COLUMNS, CLASSES)), axis=1)
    # A few passes suffice: the model is to be measured, not used.
    warnings.simplefilter("ignore")
    network = MLPClassifier((16, 8), max_iter=20, random_state=seed)
    model = make_pipeline(StandardScaler(), network).fit(table, classes)
    inputs = [("table", FloatTensorType([None, COLUMNS]))]
    onnx.save(
        convert_sklearn(model, "mlp", inputs, target_opset=OPSET, options={id(network): {"zipmap": False}}),
        folder / "sklearn_mlp.onnx",
    )
