"""What measures look at, one view a file: how the raw activations of a layer become the grid that statistics see."""

from __future__ import annotations

from onnxinv.views.aligned import AlignedView, ResidualView
from onnxinv.views.chosen import ChosenView
from onnxinv.views.classes import ClassesView
from onnxinv.views.plain import PlainView
from onnxinv.views.view import Look, View

__all__ = ["AlignedView", "ChosenView", "ClassesView", "Look", "PlainView", "ResidualView", "View"]
