"""Samples that share a block are fed what each would be fed alone: the same bits, normalised and laid out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onnxinv.data.preprocess import Preprocess
from onnxinv.data.source import PRIMARY, Samples
from onnxinv.feeds import Feeds
from onnxinv.provenance import TensorInfo
from onnxinv.transforms import Context, expand
from onnxinv.variants import Variants

COUNT = 6
SPECS = ["rotation:steps=5,fill=0.2", "noise:steps=2"]
NORMALISED = Preprocess(mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def feeds(
    dtype: str = "float32",
    layout: str = "NCHW",
    preprocess: Preprocess = NORMALISED,
    variants: Variants | None = None,
    size: int = 11,
    **limits: int,
) -> Feeds:
    """Return the feeds of six colour images, one pixel wider than high."""
    stored = np.random.default_rng(3).integers(0, 256, (COUNT, size, size + 1, 3), dtype=np.uint8)
    shape: list[int | str | None] = ["n", 3, size, size + 1] if layout == "NCHW" else ["n", size, size + 1, 3]
    info = TensorInfo(name="image", dtype=dtype, shape=shape)
    samples = Samples("data", COUNT, lambda index: {PRIMARY: stored[index]})
    return Feeds([info], samples, expand(SPECS), preprocess, 1, variants=variants, **limits)


def by_hand(found: Feeds, index: int, transform: int) -> np.ndarray:
    """Return one variant as the definition says: rescaled, transformed, normalised, cast, laid out."""
    whole = np.dtype(found.primary.dtype).kind == "u"
    image = found.samples.read(index)[PRIMARY].astype(np.float64)
    context = Context((0.0, 255.0 if whole else 1.0), (1, index, transform))
    values = found.transforms[transform](image if whole else image / 255, context)
    normalised = (values - np.array(found.preprocess.mean or 0)) / np.array(found.preprocess.std or 1)
    if whole:
        normalised = np.clip(np.rint(normalised), 0, 255)
    return np.moveaxis(normalised, -1, 0) if found.layout == "NCHW" else normalised


CASES: list[Any] = [
    pytest.param({}, 2e-6, id="normalised"),
    pytest.param({"layout": "NHWC"}, 2e-6, id="channels last"),
    pytest.param({"preprocess": Preprocess(mean=(0.5,))}, 1e-6, id="one mean for all channels"),
    pytest.param({"preprocess": Preprocess(std=(0.1, 0.2, 0.3))}, 2e-6, id="divided only"),
    pytest.param({"dtype": "float64"}, 1e-11, id="double precision"),
    pytest.param({"dtype": "float16"}, 1e-2, id="half precision"),
    pytest.param({"dtype": "uint8", "preprocess": Preprocess()}, 1.0, id="whole numbers"),
]


@pytest.mark.parametrize(("given", "tolerance"), CASES)
def test_a_batch_holds_what_the_definition_says(given: dict[str, Any], tolerance: float):
    found = feeds(**given)
    batch = found.batch(range(COUNT), slice(None))["image"]
    expected = [by_hand(found, index, place) for index in range(COUNT) for place in range(len(found.transforms))]
    np.testing.assert_allclose(batch.astype(np.float64), expected, rtol=0, atol=tolerance)
    # A tie may be rounded either way.
    assert batch.dtype != np.uint8 or np.mean(batch != expected) < 0.001


@pytest.mark.parametrize("size", [11, 140], ids=["all together", "one at a time"])
@pytest.mark.parametrize(("given", "tolerance"), CASES[:2])
def test_a_variant_is_fed_the_same_bits_in_every_block(given: dict[str, Any], tolerance: float, size: int):
    found = feeds(**given, size=size)
    columns = len(found.transforms)
    whole = found.batch(range(COUNT), slice(None))["image"].reshape(COUNT, columns, -1)
    other = feeds(**given, size=size)
    pairs = [(4, 3), (4, 0), (1, 3), (1, 9), (5, 2), (0, 3), (4, 3), (4, 3)]
    scattered = other.variants(pairs)["image"].reshape(len(pairs), -1)
    np.testing.assert_array_equal(scattered, [whole[pair] for pair in pairs])
    for samples, some in [((2,), slice(1, 2)), ((5, 3), slice(2, 7)), ((0, 1, 2), slice(9, 10))]:
        part = other.batch(samples, some)["image"].reshape(len(samples), -1, whole.shape[-1])
        np.testing.assert_array_equal(part, whole[list(samples), some])


@pytest.mark.parametrize("kept", [0, 7, 1000])
def test_shared_variants_are_the_same_bits(kept: int):
    alone = feeds().batch(range(COUNT), slice(None))["image"]
    shared = Variants()
    first, second = feeds(variants=shared), feeds(variants=shared)
    shared.limit = kept * 11 * 12 * 3 * 8
    before = shared.made
    np.testing.assert_array_equal(first.batch(range(COUNT), slice(None))["image"], alone)
    between = shared.made
    assert between - before == COUNT * len(first.transforms)
    backwards = second.batch(range(COUNT - 1, -1, -1), slice(None))["image"]
    np.testing.assert_array_equal(backwards.reshape(COUNT, -1), alone.reshape(COUNT, -1)[::-1])
    assert shared.made - between == max(0, COUNT * len(first.transforms) - kept)


def test_what_is_kept_of_variants_made_together_holds_no_others_in_memory():
    shared = Variants()
    shared.limit = 10 * 8
    made = np.arange(40.0).reshape(4, 10)
    found = shared.get_all([(place,) for place in range(4)], lambda missing: list(made[list(missing)]))
    np.testing.assert_array_equal(found, made)
    again = shared.get_all([(2,), (0,)], lambda missing: [made[2]])
    np.testing.assert_array_equal(again, made[[2, 0]])
    assert again[1].base is None
    assert shared.made == 5


def test_the_operators_of_a_set_are_counted():
    found = feeds()
    assert 4 * 11 * 12 * 50 < found.operator_bytes < 4 * 11 * 12 * 80
    without = feeds(most_operator_bytes=100)
    assert without.operator_bytes == 0
    slow, fast = (each.batch(range(COUNT), slice(None))["image"] for each in (without, found))
    np.testing.assert_allclose(slow, fast, rtol=0, atol=2e-6)
