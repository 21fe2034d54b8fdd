"""The model's class output, as probabilities."""

from __future__ import annotations

from onnxinv.measures import Units
from onnxinv.model.class_output import ClassOutput
from onnxinv.views.view import Look, Raw, View, columns_of


class ClassesView(View):
    """The probabilities of the classes.

    Args:
        output: which output holds the classes, and how.
    """

    def __init__(self, output: ClassOutput) -> None:
        self._output = output
        self.units = Units.of((output.classes,), 0, "float64", per_unit=True)
        self.channel = self.units.channel

    def look(self, raw: Raw, transforms: slice, reference: int | None) -> Look:
        """Return the probabilities in float64."""
        rows = self._output.read(raw.reshape(-1, *raw.shape[2:]))
        seen = rows.reshape(*raw.shape[:2], self._output.classes, 1)
        return Look(columns_of(seen, transforms), None if reference is None else seen[:, reference])

    def bytes_per_variant(self) -> int:
        """Return the size of the probabilities."""
        return 8 * self._output.classes
