"""Takes tmeasures' distances of a network and its variants; runs in an environment that has it.

    python tmeasures_distances.py NETWORK VARIANTS SAMPLES VALUES

Its batch holds all samples: it takes pairs within a batch, so that any other would leave most of them out.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from lookup import lookups
from tmeasures.np.aggregation import DistanceAggregation
from tmeasures.np.distance_invariance import SampleDistanceInvariance, TransformationDistanceInvariance
from tmeasures.pytorch.activations_iterator_base import NormalPytorchActivationsIterator
from torch_network import network, variants

_KINDS = {
    "transformational-distance": TransformationDistanceInvariance,
    "sample-distance:pairs=all": SampleDistanceInvariance,
}


def main() -> None:
    """Write the means over the positions of each channel and their quotient, and print nothing that is of use."""
    file, made, samples, values = sys.argv[1:]
    model, every = network(file), torch.from_numpy(variants(made, int(samples)))
    with torch.no_grad():
        shapes = [layer.shape[1:] for layer in model.forward_activations(every[0])]
    numbers = torch.arange(len(every))[:, None]
    iterator = NormalPytorchActivationsIterator(model, numbers, lookups(every), max(every.shape[:2]), 0, use_cuda=False)
    found = {}
    for name, kind in _KINDS.items():
        units = kind(DistanceAggregation(normalize=False, keep_shape=False)).eval(iterator).layers
        for key, layer, shape in zip(model.activation_names(), units, shapes, strict=True):
            found[f"{name}/{key}"] = layer.reshape(shape[0], -1).mean(axis=1)
    for key in model.activation_names():
        by_transform, by_sample = (found[f"{name}/{key}"] for name in _KINDS)
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = by_transform / by_sample
        found[f"normalized-distance:pairs=all/{key}"] = np.where((by_transform == 0) & (by_sample == 0), 1.0, quotient)
    np.savez(values, **found)
    print("{}")


if __name__ == "__main__":
    main()
