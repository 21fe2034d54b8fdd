"""The heatmap has a column a layer in which every channel has the colour of its value."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from onnxinv.errors import UsageError
from onnxinv.plot import heatmap
from onnxinv.result import Result, units_key
from tests.reports.everything import CKA, everything
from tests.reports.results import NV, layer, result_of, small, summary


def of(*values: list[float], **summaries: int) -> Result:
    made = result_of([layer(at, f"l{at}", {NV: summary(0.5, **summaries)}) for at in range(len(values))])
    return Result(made.document, {units_key(NV, at): np.array(each) for at, each in enumerate(values)})


def shown(ax) -> np.ndarray:
    return ax.images[0].get_array().filled(np.nan)


def names(ax) -> list[str]:
    return [text.get_text() for text in ax.get_xticklabels()]


def test_channels_are_sorted_upwards_or_in_order():
    result = of([0.5, 0.25, 1.0, 0.75])
    np.testing.assert_array_equal(shown(heatmap(result))[:, 0], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(shown(heatmap(result, order="channel"))[:, 0], [0.5, 0.25, 1.0, 0.75])
    assert heatmap(result).images[0].origin == "lower"


def test_columns_are_equally_high_whatever_the_number_of_channels():
    found = shown(heatmap(of([1.0, 2.0], [1.0, 2.0, 3.0, 4.0])))
    np.testing.assert_array_equal(found, [[1, 1], [1, 2], [2, 3], [2, 4]])


def test_many_channels_are_means_of_neighbours():
    values = np.arange(960.0)
    np.testing.assert_array_equal(shown(heatmap(of(values.tolist())))[:, 0], values.reshape(480, 2).mean(axis=1))


def test_neighbours_that_are_not_finite_are_left_out_of_a_mean_unless_all_are():
    values = np.full(1920, 0.5)
    values[:10] = [np.inf, 1.5, 1.5, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.inf]
    values[10:12] = np.nan
    ax = heatmap(of(values.tolist()), order="channel")
    np.testing.assert_array_equal(shown(ax)[:4, 0], [1.5, np.nan, np.nan, 0.5])
    assert ax.images[1].get_array()[:4, 0].mask.tolist() == [True, True, False, True]


def test_infinite_values_and_those_that_are_no_number_have_colours_of_their_own():
    ax = heatmap(of([np.inf, np.nan, 0.25, 0.5], inf=1, nan=1))
    np.testing.assert_array_equal(shown(ax)[:, 0], [0.25, 0.5, np.nan, np.nan])
    above = ax.images[1].get_array()[:, 0]
    assert above.mask.tolist() == [True, True, False, True]
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"infinite", "no number"}
    colours = [to_hex(patch.get_facecolor()) for patch in ax.get_legend().get_patches()]
    assert colours == [to_hex(ax.images[1].get_cmap()(0)), to_hex(ax.images[0].get_cmap().get_bad())]
    assert names(ax) == ["l0 (1 inf, 1 nan)"]


def test_there_is_no_legend_where_all_is_finite():
    assert heatmap(of([0.25, 0.5])).get_legend() is None


def test_one_value_far_out_does_not_take_all_colours():
    ax = heatmap(of([*np.linspace(0, 1, 199), 1e9]))
    low, high = ax.images[0].get_clim()
    assert low == 0
    assert high < 1.1
    assert ax.images[0].colorbar.extend == "max"


def test_layers_without_the_measure_are_left_out_and_dead_channels_counted():
    assert len(names(heatmap(everything(), CKA))) == len(everything().layers) - 1
    assert "features.0.conv (2 dead)" in names(heatmap(small()))


def test_a_layer_all_infinite_is_drawn():
    ax = heatmap(of([np.inf, np.inf], inf=2))
    ax.figure.canvas.draw()
    assert np.isnan(shown(ax)).all()


def test_draws_on_the_axes_given_beside_its_scale():
    figure, ax = plt.subplots()
    assert heatmap(small(), ax=ax) is ax
    assert len(figure.axes) == 2


def test_an_unknown_order_or_measure_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'sorted'"):
        heatmap(small(), order="sort")
    with pytest.raises(UsageError, match=NV):
        heatmap(small(), "normalized-varianc")
