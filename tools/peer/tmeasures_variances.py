"""Times tmeasures' normalized variance on a network and its variants; runs in an environment that has it.

    python tmeasures_variances.py NETWORK VARIANTS SAMPLES VALUES

Writes the means of TV and SV over the positions of each channel, and their quotient, as tmeasures makes them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from lookup import lookups
from tmeasures import pytorch as measures
from tmeasures.pytorch.measure_transformer import AverageFeatureMaps
from torch_network import network, variants

_BATCH = 32
"""What tmeasures takes unless told otherwise."""


def main() -> None:
    """Measure what was handed over, write the values, and print what was timed as JSON."""
    file, made, samples, values = sys.argv[1:]
    model, every = network(file), torch.from_numpy(variants(made, int(samples)))
    transforms = lookups(every)
    options = measures.PyTorchMeasureOptions(batch_size=_BATCH, verbose=False)
    with torch.no_grad():
        model.forward_activations(every[0])
    begin, busy = time.perf_counter(), time.process_time()
    measure = measures.NormalizedVarianceInvariance(AverageFeatureMaps())
    result = measure.eval(torch.arange(len(every)), transforms, model, options)
    seconds = time.perf_counter() - begin
    parts = {
        "transformational-variance": result.x_result,
        "sample-variance": result.y_result,
        "normalized-variance": result,
    }
    found = {
        f"{name}/{key}": layer.numpy()
        for name, each in parts.items()
        for key, layer in zip(model.activation_names(), each.layers, strict=True)
    }
    np.savez(values, **{key: layer.reshape(len(layer)) for key, layer in found.items()})
    print(
        json.dumps(
            {
                "seconds": seconds,
                "busy": time.process_time() - busy,
                "inferences": 2 * every.shape[0] * every.shape[1],  # once for each of the two variances
                "batch": _BATCH,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "layers": len(result.layers),
                "versions": {name: version(name) for name in ("tmeasures", "torch", "numpy")},
                "dtype": sorted({str(layer.dtype) for layer in found.values()}),
            }
        )
    )


if __name__ == "__main__":
    main()
