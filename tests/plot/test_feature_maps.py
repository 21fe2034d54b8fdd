"""Feature maps stand below what was fed: a column for each transform, the most invariant channel first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onnxinv.errors import OnnxinvError
from onnxinv.pictures import Pictures
from onnxinv.plot import feature_maps
from onnxinv.result import Result
from tests.reports.pictured import pictured, with_pictures
from tests.reports.results import NV, layer, summary


def rows_of(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize("colours", [1, 3])
def test_every_picture_stands_in_its_row_and_column(colours):
    result = with_pictures([layer(0, "a", {NV: summary(0.9)})], transforms=3, colours=colours)
    pictures = result.pictures
    assert pictures is not None
    ax = feature_maps(result, "a")
    assert rows_of(ax) == [
        "sample 10", "channel 1, most invariant", "channel 3, least invariant",
        "sample 11", "channel 1, most invariant", "channel 3, least invariant",
    ]  # fmt: skip
    assert [label.get_text() for label in ax.get_xticklabels()] == ["rotation 0", "rotation 1", "rotation 2"]
    assert len(ax.images) == 18
    for image in ax.images:
        left, right, bottom, top = image.get_extent()
        column, row = round((left + right) / 2), round((bottom + top) / 2)
        sample, kind = divmod(row, 3)
        fed = pictures.variants[sample, column]
        expected = (
            (fed[..., 0] if colours == 1 else fed) if not kind else pictures.layers[0].maps[kind - 1, sample, column]
        )
        np.testing.assert_array_equal(image.get_array(), expected)
        assert (right - left) / (bottom - top) == pytest.approx(expected.shape[1] / expected.shape[0])


def test_without_variants_the_maps_stand_alone():
    result = pictured()
    assert result.pictures is not None
    ax = feature_maps(Result(result.document, result.units, Pictures(None, result.pictures.layers)), "a")
    assert rows_of(ax) == ["channel 1, most invariant", "channel 3, least invariant"] * 2


def test_a_layer_without_maps_is_refused():
    result = pictured()
    assert result.pictures is not None
    flat = replace(result.pictures.layers[0], maps=None, channels=None, ranges=None)
    with pytest.raises(OnnxinvError, match="'a' has no feature maps"):
        feature_maps(Result(result.document, result.units, Pictures(None, {0: flat})), "a")
