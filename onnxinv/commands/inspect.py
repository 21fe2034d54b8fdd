"""The command `inspect`: describes a model without measuring it."""

from __future__ import annotations

from onnxinv.options import Data, LayoutOption, ModelArgument, Resize, Select, SetInputs, Shapes, Transforms, parse_size
from onnxinv.printing import show


def inspect(
    model: ModelArgument, data: Data = None, transform: Transforms = None, layout: LayoutOption = None,
    select: Select = "default", resize: Resize = None, shape: Shapes = None, set_input: SetInputs = None,
) -> None:  # fmt: skip
    """Show inputs, outputs, layers with their axes, what would be skipped and why, memory and time needed."""
    from onnxinv import api
    from onnxinv.describe import describe_model

    plan = api.inspect(
        model, data, transform, layout=layout, select=select, resize=parse_size(resize), shape=shape or (),
        set_input=set_input or (),
    )  # fmt: skip
    show(describe_model(plan, api.foretell(plan)))
