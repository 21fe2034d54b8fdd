"""The values of a layer's channels in two models: as distributions, and one by one where the channels are the same."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from onnxinv.activations import Agreement


def ks_pvalue(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test; None where one side has no value."""
    from scipy.stats import ks_2samp  # heavy libraries are imported where used

    if not a.size or not b.size:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the exact p-value overflows: asymptotic
        return float(ks_2samp(a, b).pvalue)


def quantiles(values: npt.NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Return the 5th, 50th and 95th percentile."""
    if not values.size:
        return None, None, None
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


def largest_difference(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], agreed: Agreement | None
) -> float | None:
    """Return the largest difference of one channel's value, in means of the layer; None where channels do not match."""
    if agreed is None or a.shape != b.shape or a.ndim != 1:
        return None
    if agreed.order is not None and a.shape == agreed.order.shape:
        b = b[agreed.order]
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return None
    a, b = a[finite], b[finite]
    largest = float(np.max(np.abs(a - b), initial=0.0))
    size = float(np.mean(np.abs(a))) if a.size else 0.0
    return largest / size if size else (0.0 if not largest else None)
