"""Transform families, one a file, registered by name; `expand` turns specifications into a transform set."""

from __future__ import annotations

import math
from collections.abc import Sequence

from onnxinv.errors import UsageError
from onnxinv.registry import Registry
from onnxinv.spec import parse
from onnxinv.transforms.python import from_file, is_file
from onnxinv.transforms.transform import Context, Family, Image, Parameter, Step, Transform, cartesian

__all__ = [
    "Context",
    "Family",
    "Image",
    "Parameter",
    "Step",
    "Transform",
    "cartesian",
    "expand",
    "families",
    "register",
]

MOST_TRANSFORMS = 100_000

families: Registry[Family] = Registry("transform", "onnxinv.transforms")
register = families.register


def expand(texts: Sequence[str]) -> tuple[Transform, ...]:
    """Return the transform set of some specifications: their Cartesian product, the first named applied first.

    Args:
        texts: each `name[:key=value,...]` of a registered family, or `path/to/file.py:function`.

    Returns:
        The transforms, the last named varying fastest; their names are unique.

    Raises:
        UsageError: nothing is named, a specification cannot be used, or the product has more than 100,000 transforms.
    """
    if not texts:
        raise UsageError("No transform is named.", "Name one, for example rotation:steps=16,degrees=360.")
    sets = [_expand_one(text) for text in texts]
    count = math.prod(len(transforms) for transforms in sets)
    if count > MOST_TRANSFORMS:
        raise UsageError(
            f"{' x '.join(texts)} makes {count:,} transforms; at most {MOST_TRANSFORMS:,} can be measured at once.",
            "Take fewer steps.",
        )
    return cartesian(sets)


def _expand_one(text: str) -> tuple[Transform, ...]:
    spec = parse(text)
    if not is_file(spec.name):
        return families.build(spec).expand()
    if spec.parameters:
        function = f"{spec.name} takes" if ":" in spec.name else "a function of a Python file takes"
        raise UsageError(f"'{text}' has parameters, but {function} none.", "Write path/to/file.py:function.")
    return from_file(spec.name)
