"""Takes tmeasures' stratified normalized variance of a network and its variants; runs in an environment that has it.

python tmeasures_stratified.py NETWORK VARIANTS SAMPLES VALUES LABELS
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from lookup import lookups
from tmeasures import pytorch as measures
from tmeasures.pytorch.measure_transformer import AverageFeatureMaps
from torch_network import network, variants


def main() -> None:
    """Write the mean over classes of the quotient of each channel, and print nothing that is of use."""
    file, made, samples, values, given = sys.argv[1:]
    model, every, labels = network(file), torch.from_numpy(variants(made, int(samples))), np.load(given)
    classes = np.unique(labels)
    sets = [torch.from_numpy(np.flatnonzero(labels == each)) for each in classes]
    result = measures.NormalizedVarianceInvariance(AverageFeatureMaps()).eval_stratified(
        sets, lookups(every), model, measures.PyTorchMeasureOptions(verbose=False), [str(each) for each in classes]
    )
    keys = [f"normalized-variance/{key}" for key in model.activation_names()]
    np.savez(values, **{key: layer.reshape(len(layer)) for key, layer in zip(keys, result.layers, strict=True)})
    print("{}")


if __name__ == "__main__":
    main()
