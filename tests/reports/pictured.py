"""Results made by hand that have pictures."""

from __future__ import annotations

import numpy as np

from onnxinv.pictures import LayerPictures, Pictures, PicturesMeta
from onnxinv.result import LayerResult, Result, units_key
from tests.reports.results import NV, layer, result_of, summary


def with_pictures(
    layers: list[LayerResult],
    *,
    transforms: int = 2,
    samples: int = 5,
    size: tuple[int, int] = (8, 6),
    colours: int = 1,
    side: int = 2,
    seed: int = 0,
) -> Result:
    """Return a result of layers of four channels of 2 x 2 units, two units of each kept; numbers are made up."""
    generator = np.random.default_rng(seed)
    plain = result_of(layers)
    shown = list(range(min(transforms, 16)))
    told = PicturesMeta(
        keep_units=2, by=NV, direction="lower", samples=list(range(10, 10 + samples)), shown=[10, 11],
        transforms=shown, inferences=14, seconds=0.5,
    )  # fmt: skip
    items = [{"name": f"rotation {place}", "degrees": 360.0 * place / transforms} for place in range(transforms)]
    turned = plain.meta.transforms.model_copy(update={"count": transforms, "items": items})
    meta = plain.meta.model_copy(update={"pictures": told, "transforms": turned})
    kept = {
        each.index: LayerPictures(
            np.array([5, 14]),
            generator.random((samples, transforms, 2), dtype=np.float32),
            np.array([1, 3]),
            generator.integers(0, 256, (2, 2, len(shown), side, side), dtype=np.uint8),
            np.array([[0, 1], [-2, 2]], np.float32),
        )
        for each in layers
    }
    variants = generator.integers(0, 256, (2, len(shown), *size, colours), dtype=np.uint8)
    units = {units_key(NV, each.index): np.array([0.75, 0.25, 0.5, 1.25]) for each in layers}
    return Result(plain.document.model_copy(update={"meta": meta}), units, Pictures(variants, kept))


def pictured() -> Result:
    """Return a small result with pictures."""
    return with_pictures([layer(0, "a", {NV: summary(0.9)}), layer(1, "b", {NV: summary(0.2)})])
