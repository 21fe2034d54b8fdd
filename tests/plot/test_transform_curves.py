"""The transform profile draws a line a layer against what tells the transforms apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.plot import transform_profile
from onnxinv.result import Result
from tests.reports.results import NV, layer, result_of, small, summary

CURVE = "transform-profile"
ANGLES = [{"name": f"rotation {angle}", "rotation": float(angle)} for angle in (0, 90, 180, 270)]


def of(*curves: Sequence[float | None] | None, items: Sequence[dict[str, Any]] = ANGLES) -> Result:
    layers = [
        layer(at, f"tensor{at}", {NV: summary(0.5), CURVE: summary(0.5).model_copy(update={"profile": curve})},
              label=f"conv{at}")
        for at, curve in enumerate(curves)
    ]  # fmt: skip
    made = result_of(layers)
    told = made.meta.transforms.model_copy(update={"items": list(items), "count": len(items)})
    meta = made.meta.model_copy(update={"transforms": told})
    return Result(made.document.model_copy(update={"meta": meta}), made.units)


def named(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_axis_is_the_parameter_of_the_transforms():
    ax = transform_profile(of([0.0, 0.25, 0.5, 0.75]))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0], [90, 0.25], [180, 0.5], [270, 0.75]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rotation (degrees)", CURVE)


def test_a_line_goes_from_the_lowest_to_the_highest_value_of_the_parameter():
    items = [{"name": str(shift), "translation_x": shift} for shift in (0.0, -0.1, 0.1)]
    ax = transform_profile(of([0.0, 0.5, 0.25], items=items))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[-0.1, 0.5], [0, 0], [0.1, 0.25]])
    assert ax.get_xlabel() == "translation_x"


def test_transforms_that_no_parameter_tells_apart_are_named():
    items = [{"name": "identity", "flip": "none"}, {"name": "flip $x$", "flip": "horizontal"}]
    ax = transform_profile(of([0.0, 0.5], items=items))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["identity", "flip $x$"]
    ax.figure.canvas.draw()


def test_many_transforms_that_no_parameter_tells_apart_are_counted():
    ax = transform_profile(of([0.5] * 36, items=[{"name": "mixed"}] * 36))
    assert ax.get_xlabel() == "number of the transform"
    assert ax.lines[0].get_xdata().tolist() == list(range(36))


def test_a_line_is_broken_where_there_is_no_value():
    ax = transform_profile(of([0.0, None, 0.5, 0.25]))
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True, False, False]


def test_layers_without_a_curve_are_left_out():
    assert named(transform_profile(of([0.5] * 4, None, [0.25] * 4))) == ["conv0", "conv2"]


def test_some_layers_from_the_first_to_the_last_are_drawn_where_none_are_named():
    assert named(transform_profile(of(*[[0.5] * 4] * 15))) == [f"conv{at}" for at in range(0, 15, 2)]
    assert named(transform_profile(of([0.5] * 4))) == ["conv0"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param("conv1", ["conv1"], id="a label"),
        pytest.param("tensor2", ["conv2"], id="a tensor's name"),
        pytest.param(["conv2", "conv0"], ["conv0", "conv2"], id="several, in order of depth"),
        pytest.param("conv*", ["conv0", "conv1", "conv2"], id="a pattern"),
    ],
)
def test_layers_are_chosen_by_label_name_or_pattern(wanted, found):
    assert named(transform_profile(of(*[[0.5] * 4] * 3), layers=wanted)) == found


def test_a_name_that_is_no_pattern_but_looks_like_one_is_found():
    result = of([0.5] * 4)
    odd = result.layers[0].model_copy(update={"label": "a[0]"})
    result = Result(result.document.model_copy(update={"layers": [odd]}), result.units)
    assert named(transform_profile(result, layers="a[0]")) == ["a[0]"]


def test_many_layers_have_a_scale_of_depth_in_place_of_a_legend():
    ax = transform_profile(of(*[[0.5] * 4] * 20), layers="*")
    assert len(ax.lines) == 20
    assert ax.get_legend() is None
    assert [text.get_text() for text in ax.figure.axes[1].get_yticklabels()] == ["conv0", "conv19"]


def test_draws_on_the_axes_given():
    _, ax = plt.subplots()
    assert transform_profile(of([0.5] * 4), CURVE, ax=ax) is ax


def test_what_cannot_be_drawn_is_refused_with_what_can():
    without = r"'normalized-variance' of 'net\.onnx' has no curve over the transforms\. Plot transform-profile\."
    with pytest.raises(OnnxinvError, match=without):
        transform_profile(of([0.5] * 4), NV)
    with pytest.raises(OnnxinvError, match=r"No measure of 'net\.onnx' has a curve over the transforms\."):
        transform_profile(small())
    with pytest.raises(UsageError, match="Did you mean 'transform-profile'"):
        transform_profile(of([0.5] * 4), "transform_profile")
    with pytest.raises(UsageError, match=r"called 'cnv1'\. Did you mean 'conv1'"):
        transform_profile(of([0.5] * 4, [0.5] * 4), layers="cnv1")
    with pytest.raises(UsageError, match="called ''"):
        transform_profile(of([0.5] * 4), layers=[])
