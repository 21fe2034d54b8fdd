"""The profile draws every layer's mean with its interval, and says what has none."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.plot import profile
from onnxinv.result import Result
from tests.reports.everything import CKA, everything
from tests.reports.results import NV, layer, result_of, small, summary


def of(*means: float | None, labels: str = "", path: str = "net.onnx") -> Result:
    names = labels or "abcdefgh"
    return result_of([layer(at, names[at], {NV: summary(mean)}) for at, mean in enumerate(means)], path=path)


def columns(ax) -> list[str]:
    return [text.get_text() for text in ax.get_xticklabels()]


def intervals(ax) -> list[np.ndarray]:
    return [segment for drawn in ax.collections for segment in drawn.get_segments()]


def named_in_legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_mark_is_the_mean_and_an_upright_line_its_interval():
    ax = profile(of(0.5, 0.25))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0.5], [1, 0.25]])
    np.testing.assert_allclose(intervals(ax), [[[0, 0.45], [0, 0.55]], [[1, 0.2], [1, 0.3]]])
    assert columns(ax) == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer", NV)


def test_what_has_no_finite_value_says_so_at_its_place():
    dead = summary(None, nan=4, dead=4)
    layers = [summary(0.5), summary(None, inf=4), summary(None, nan=4), dead]
    ax = profile(result_of([layer(at, f"l{at}", {NV: each}) for at, each in enumerate(layers)]))
    assert [(text.get_position()[0], text.get_text()) for text in ax.texts] == [(1, "inf"), (2, "nan"), (3, "dead")]
    assert columns(ax) == ["l0", "l1 (4 inf)", "l2 (4 nan)", "l3 (4 dead, 4 nan)"]
    assert np.isnan(ax.lines[0].get_ydata()[1:]).all()


def test_a_layer_whose_channels_are_all_dead_has_a_hollow_mark():
    hollow = summary(1.0, dead=4).model_copy(update={"mean_alive": None})
    ax = profile(result_of([layer(0, "a", {NV: summary(0.5)}), layer(1, "b", {NV: hollow})]))
    assert len(ax.lines) == 2
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 1.0]])
    assert ax.lines[1].get_markerfacecolor() == ax.get_facecolor()


def test_layers_without_the_measure_are_left_out():
    assert columns(profile(everything(), CKA)) == [
        "x", "<script>x</script>", "two\\x0alines of a label that is long"[:9] + "…" + "of a label that is long"[-18:],
        "fc",
    ]  # fmt: skip


def test_an_interval_far_beyond_all_means_does_not_flatten_them():
    wide = summary(0.5).model_copy(update={"ci": {"mean": (-1e6, 1e6), "median": None, "p95": None}})
    low, high = profile(result_of([layer(0, "a", {NV: wide}), layer(1, "b", {NV: summary(0.25)})])).get_ylim()
    assert (low, high) == pytest.approx((0, 0.525))


def test_layers_of_several_results_stand_in_one_column_where_they_are_called_the_same():
    one, two = of(0.1, 0.2, 0.3, labels="abd"), of(0.4, 0.5, 0.6, labels="acd")
    ax = profile({"first": one, "second": two})
    assert columns(ax) == ["a", "c", "b", "d"]
    first, second = (line.get_xydata().tolist() for line in ax.lines)
    assert first == [[0, 0.1], [2, 0.2], [3, 0.3]]
    assert second == [[0, 0.4], [1, 0.5], [3, 0.6]]
    assert named_in_legend(ax) == ["first", "second"]
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 2


def test_layers_of_one_result_with_the_same_label_keep_columns_of_their_own():
    twice = result_of([layer(at, f"t{at}", {NV: summary(0.5)}, label="relu") for at in range(2)])
    ax = profile([twice, twice])
    assert columns(ax) == ["relu", "relu"]
    assert ax.lines[1].get_xdata().tolist() == [0, 1]


def test_models_that_share_few_labels_are_laid_over_each_other_by_depth():
    ax = profile([of(0.1, 0.2, 0.3, labels="abc"), of(0.4, 0.5, labels="xy")])
    assert ax.get_xlabel() == "relative depth (%)"
    assert ax.lines[0].get_xdata().tolist() == [0, 50, 100]
    assert ax.lines[1].get_xdata().tolist() == [0, 100]


def test_results_are_named_by_their_models_each_unlike_the_others():
    assert named_in_legend(profile([of(0.5, path="old/net.onnx"), of(0.4, path="new/net.onnx")])) == [
        "old/net", "new/net",
    ]  # fmt: skip


def test_draws_on_the_axes_given():
    _, ax = plt.subplots()
    assert profile(small(), ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    "name", ["$\\frac{1$", "_hidden", "$a$", "<b>", "two\nlines", "\x1b[31m", "\u202eltr", "x" * 10_000]
)
def test_names_are_drawn_as_they_are(name):
    result = result_of([layer(0, name, {NV: summary(0.5)})], path=f"{name[:40]}.onnx")
    ax = profile({name: result, f"{name}2": result})
    ax.figure.canvas.draw()  # a formula would be read, and refused, here
    for text in [*ax.get_xticklabels(), *ax.get_legend().get_texts()]:
        assert not text.get_parse_math()
        assert text.get_text().isprintable()
        assert 1 < len(text.get_text()) <= 28


def test_of_many_layers_some_are_named():
    many = result_of([layer(at, f"layer{at}", {NV: summary(0.5)}) for at in range(2000)])
    ax = profile(many)
    assert len(ax.lines[0].get_xdata()) == 2000
    assert columns(ax)[:2] == ["layer0", "layer50"]
    assert len(columns(ax)) == 40


def test_an_unknown_measure_is_refused_with_the_closest():
    with pytest.raises(UsageError, match=r"no measure 'normalised-variance'\. Did you mean 'normalized-variance'\?"):
        profile(small(), "normalised-variance")


def test_each_result_must_have_the_measure():
    with pytest.raises(UsageError, match=r"'other\.onnx' has no measure"):
        profile([small(), result_of([layer(0, "a", {"anova": summary(0.5)})], path="other.onnx")])


def test_a_result_of_the_class_output_alone_has_nothing_to_draw():
    bare = small().document.model_copy(update={"layers": [], "summary": {}})
    with pytest.raises(OnnxinvError, match=r"'net\.onnx' has no measure of layers"):
        profile(Result(bare, {}))


def test_nothing_to_draw_is_refused():
    with pytest.raises(UsageError, match="no result"):
        profile([])
    lacking = summary(None, half=None).model_copy(update={"reason": "it has no maps"})
    with pytest.raises(OnnxinvError, match=r"No layer of 'net\.onnx' has normalized-variance: it has no maps"):
        profile(result_of([layer(0, "a", {NV: lacking})]))
