"""The matrix of a unit has a row for each kept sample and a column for each transform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from onnxinv.errors import OnnxinvError, OutputError, UsageError
from onnxinv.pictures import LayerPictures, Pictures
from onnxinv.plot import st_matrix
from onnxinv.result import Result
from tests.reports.pictured import pictured, with_pictures
from tests.reports.results import NV, layer, small, summary


@pytest.mark.parametrize(("which", "place"), [("most", 0), ("least", -1)])
def test_the_activations_of_the_unit_are_drawn(which, place):
    result = pictured()
    assert result.pictures is not None
    ax = st_matrix(result, "b", which)
    np.testing.assert_array_equal(ax.images[0].get_array(), result.pictures.layers[1].rows[:, :, place])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["10", "11", "12", "13", "14"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("transform", "sample")


def test_the_title_names_layer_channel_unit_and_value():
    assert st_matrix(pictured(), "a").get_title() == ("a, channel 1, unit 5\nmost invariant: normalized-variance 0.250")
    assert (
        "channel 3, unit 14\nleast invariant: normalized-variance 1.250"
        in st_matrix(pictured(), 1, "least").get_title()
    )


def test_a_layer_is_found_by_its_tensor_label_or_index():
    result = with_pictures(
        [layer(0, "t0", {NV: summary(0.9)}, label="conv"), layer(1, "t1", {NV: summary(0.9)}, label="fc")]
    )
    found = [st_matrix(result, name).get_title() for name in ("t1", "fc", 1)]
    assert len(set(found)) == 1
    assert found[0].startswith("fc,")


def test_axes_that_are_given_are_drawn_on():
    _, ax = plt.subplots()
    assert st_matrix(pictured(), "a", ax=ax) is ax


def test_what_is_not_finite_has_no_colour_of_the_scale():
    rows = np.array([[[1.0], [np.nan]], [[np.inf], [3.0]]], np.float32)
    plain = with_pictures([layer(0, "a", {NV: summary(0.9)})], samples=2)
    result = Result(plain.document, plain.units, Pictures(None, {0: LayerPictures(np.array([0]), rows)}))
    shown = st_matrix(result, "a", "least").images[0].get_array()
    assert shown.mask.tolist() == [[False, True], [True, False]]


def test_a_hostile_name_is_shown_as_it_is():
    result = with_pictures([layer(0, "x", {NV: summary(0.9)}, label="$a_b$\n\x1b[31m")])
    ax = st_matrix(result, 0)
    assert ax.get_title().startswith("$a_b$\\x0a\\x1b[31m, channel")
    ax.figure.canvas.draw()


def test_what_is_not_there_is_refused():
    with pytest.raises(UsageError, match="There is no layer 'conv'"):
        st_matrix(pictured(), "conv")
    with pytest.raises(UsageError, match="There is no 'mean' invariant unit"):
        st_matrix(pictured(), "a", "mean")
    with pytest.raises(OnnxinvError, match="holds no units to look at") as caught:
        st_matrix(small(), "fc")
    assert "keep_units=2" in caught.value.hint
    result = pictured()
    some = Result(result.document, result.units, Pictures(None, {0: result.pictures.layers[0]}))
    with pytest.raises(OnnxinvError, match="No unit of the layer 'b' was kept"):
        st_matrix(some, "b")


def test_a_damaged_file_is_refused(tmp_path: Path):
    pictured().save(tmp_path / "out")
    (tmp_path / "out" / "pictures.npz").write_bytes(b"broken")
    with pytest.raises(OutputError, match=r"pictures\.npz"):
        st_matrix(Result.load(tmp_path / "out"), "a")
