"""Some units of a layer as they are, where those of all its units are not wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from onnxinv.config import Aggregate
from onnxinv.model.layers import Layer
from onnxinv.views.plain import PlainView
from onnxinv.views.view import Look, Raw, columns_of


class ChosenView(PlainView):
    """Some units of a layer whose activations are seen as they are.

    Args:
        layer: the layer.
        aggregate: `channel` or `unit`.
        chosen: indices of its units.
    """

    def __init__(self, layer: Layer, aggregate: Aggregate, chosen: npt.NDArray[np.intp]) -> None:
        super().__init__(layer, aggregate)
        self._chosen = chosen
        self.units = self.units.take(chosen)
        self.channel = self.channel[chosen]

    def look(self, raw: Raw, transforms: slice, reference: int | None) -> Look:
        """Return a copy of their activations."""
        assert reference is None, "moments are not compared with the untransformed samples"
        columns = columns_of(raw, transforms)
        return Look(columns.reshape(*columns.shape[:2], -1).take(self._chosen, axis=2)[..., None], None)
