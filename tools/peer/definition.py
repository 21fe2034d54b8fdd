"""Takes TV, SV and NV from their definition, in float64, off the activations of torch; who differs from it errs.

    python definition.py NETWORK VARIANTS SAMPLES VALUES PRECISION

Nothing is accumulated: the activations of a whole row or column of the sample-transform matrix are there at once.
PRECISION is that of the network, float32 or float64; standard deviations are float64, with ddof = 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch
from torch_network import Network, network, variants


def main() -> None:
    """Write the values, with keys as those of tmeasures' values, and print nothing that is of use."""
    file, made, samples, values, precision = sys.argv[1:]
    dtype = getattr(torch, precision)
    model, every = network(file, dtype), torch.from_numpy(variants(made, int(samples))).to(dtype)
    found = {}
    rows, columns = _mean_deviations(model, list(every)), _mean_deviations(model, list(every.transpose(0, 1)))
    for key, row, column in zip(model.activation_names(), rows, columns, strict=True):
        by_transform, by_sample = (each.reshape(len(each), -1).mean(axis=1) for each in (row, column))
        found[f"transformational-variance/{key}"] = by_transform
        found[f"sample-variance/{key}"] = by_sample
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = by_transform / by_sample
        found[f"normalized-variance/{key}"] = np.where((by_transform == 0) & (by_sample == 0), 1.0, quotient)
    np.savez(values, **found)
    print("{}")


def _mean_deviations(model: Network, lines: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Return the mean over lines, rows or columns, of the standard deviation along each, for every unit of a layer."""
    sums: list[np.ndarray | float] = [0.0] * len(model.activation_names())
    for line in lines:
        with torch.no_grad():
            layers = [each.numpy().astype(np.float64) for each in model.forward_activations(line)]
        sums = [total + layer.std(axis=0, ddof=1) for total, layer in zip(sums, layers, strict=True)]
    return [np.asarray(total) / len(lines) for total in sums]


if __name__ == "__main__":
    main()
