"""Opens data as a model would, and reads all of it."""

from __future__ import annotations

import numpy as np

from onnxinv.data import PRIMARY, Samples, open_source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo


def opened(info: TensorInfo, text: str) -> Samples | DataError:
    """Return what is opened, or why it is refused."""
    try:
        return open_source(text, [info])
    except DataError as error:
        return error


def all_of(samples: Samples) -> np.ndarray:
    """Return the samples of data with one array."""
    return np.stack([samples.read(index)[PRIMARY] for index in range(samples.count)])
