"""Samples of one model are handed to another whose input has another name or layout."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.data.shared import shared
from onnxinv.data.source import PRIMARY, Samples
from onnxinv.provenance import TensorInfo

GRIDS = np.random.default_rng(0).random((5, 3, 8, 8), dtype=np.float32)


def info(*shape: int | str, name: str = "image") -> TensorInfo:
    return TensorInfo(name=name, dtype="float32", shape=list(shape))


def samples(*keys: str, grids: np.ndarray = GRIDS, **options) -> Samples:
    return Samples("x", len(grids), lambda index: dict.fromkeys(keys, grids[index]), **options)


@pytest.mark.parametrize("key", [PRIMARY, "image"], ids=["unnamed", "named"])
def test_the_array_of_a_single_input_is_given_to_whatever_the_other_calls_its_own(key):
    found = shared(samples(key), [info("n", 3, 8, 8)], "NCHW")
    assert list(found.read(2)) == [PRIMARY]
    assert np.array_equal(found.read(2)[PRIMARY], GRIDS[2])
    assert (found.source, found.count) == ("x", 5)


@pytest.mark.parametrize(
    ("shape", "layout", "grids", "stored"),
    [
        pytest.param(("n", 3, 8, 8), "NCHW", GRIDS, "CHW", id="channels first"),
        pytest.param(("n", 8, 8, 3), "NHWC", GRIDS.transpose(0, 2, 3, 1), "HWC", id="channels last"),
        pytest.param(("n", 8, 8, 3), "NHWC", GRIDS, "CHW", id="stored otherwise than taken"),
        pytest.param(("n", 3, 3, 3), "NCHW", GRIDS[:, :, :3, :3], "CHW", id="either, and channels first"),
        pytest.param(("n", 3, 3, 3), "NHWC", GRIDS[:, :, :3, :3], "HWC", id="either, and channels last"),
        pytest.param(("n", 1, 8, 8), "NCHW", GRIDS[:, 0], None, id="no channels"),
        pytest.param(("n", 3, 8, 8), None, GRIDS, None, id="no image"),
    ],
)
def test_the_axes_are_those_that_the_first_model_takes_them_for(shape, layout, grids, stored):
    assert shared(samples(PRIMARY, grids=grids), [info(*shape)], layout).layout == stored


def test_a_layout_that_the_source_states_is_kept():
    assert shared(samples(PRIMARY, layout="HWC"), [info("n", 3, 8, 8)], "NCHW").layout == "HWC"


def test_labels_are_kept():
    labels = np.arange(5)
    found = shared(samples(PRIMARY, labels=labels, label_names=("a", "b")), [info("n", 3, 8, 8)], "NCHW")
    assert found.labels is labels
    assert found.label_names == ("a", "b")


@pytest.mark.parametrize(
    ("keys", "inputs"),
    [
        pytest.param(["image", "mask"], ["image"], id="more arrays than inputs"),
        pytest.param(["image", "mask"], ["image", "mask"], id="an array for each of two inputs"),
        pytest.param([PRIMARY], ["image", "mask"], id="two inputs"),
        pytest.param(["other"], ["image"], id="an array of another name"),
    ],
)
def test_arrays_that_names_tell_apart_keep_them(keys, inputs):
    given = samples(*keys)
    assert shared(given, [info("n", 3, 8, 8, name=name) for name in inputs], "NCHW") is given
