"""The data frame has the rows of the CSV, with types and with names as they are."""

from __future__ import annotations

import io
import sys

import numpy as np
import pandas as pd
import pytest

import onnxinv
from onnxinv.errors import OnnxinvError
from onnxinv.reports.csv import CsvReport
from tests.reports.everything import everything
from tests.reports.results import NV, layer, result_of, small, summary


def test_has_the_columns_and_numbers_of_the_csv():
    frame = everything().to_frame()
    read = pd.read_csv(io.StringIO(CsvReport().render(everything())), keep_default_na=False, na_values=[""])
    assert list(frame) == list(read)
    assert len(frame) == len(read)
    for name in frame.select_dtypes("number"):
        np.testing.assert_array_equal(frame[name].to_numpy(float, na_value=np.nan), read[name].to_numpy(float))


@pytest.mark.parametrize("make", [everything, small])
def test_every_column_has_its_type_whatever_the_rows_lack(make):
    types = {str(name): str(dtype) for name, dtype in make().to_frame().dtypes.items()}
    assert {types[name] for name in ("name", "label", "op", "shape", "measure")} == {"string"}
    counts = ("index", "channel_axis", "units", "channels", "finite", "inf", "nan", "dead")
    assert {types[name] for name in counts} == {"Int64"}
    assert {types[name] for name in ("mean", "std", "se", "bias", "ci_low", "ci_high")} == {"float64"}


def test_a_row_says_what_the_summary_says():
    frame = small().to_frame().set_index("name")
    row = frame.loc["a"]
    told = (row["label"], row["measure"], row["shape"], row["mean"], row["ci_low"], row["ci_high"], row["dead"])
    assert told == ("features.0.conv", NV, "4x2x2", 0.25, 0.2, 0.3, 2)
    assert np.isnan(frame.loc["c", "mean"])
    assert frame["inf"].sum() == 1


@pytest.mark.parametrize("name", ["=1+1", "@x", "two\nlines", "\x1b[31m", "", "NA", "x" * 10_000])
def test_names_are_as_the_model_has_them(name):
    assert result_of([layer(0, name, {NV: summary(0.5)}, label="l")]).to_frame()["name"].tolist() == [name]


def test_the_class_output_has_rows_without_an_index():
    frame = everything().to_frame()
    outputs = frame[frame["index"].isna()]
    assert outputs["measure"].tolist() == ["top1-consistency", "accuracy"]
    assert outputs["mean"].tolist() == [0.975, 0.975]
    assert outputs["label"].unique().tolist() == ["class output"]


def test_rows_of_single_classes_are_told_from_those_over_all():
    frame = everything().to_frame()
    first = frame[(frame["name"] == "x") & (frame["measure"] == NV)]
    assert first["class"].tolist() == [pd.NA, "zero", "=one", "<b>two</b>"]
    assert first["mean"].tolist() == [1.0, 0.5, 1.0, 1.5]
    assert "class" not in small().to_frame()


@pytest.mark.parametrize(
    ("missing", "call", "extra"),
    [
        pytest.param("pandas", lambda: small().to_frame(), "frame", id="a frame"),
        pytest.param("matplotlib", lambda: onnxinv.plot.profile(small()), "plot", id="a profile"),
        pytest.param("matplotlib", lambda: onnxinv.plot.heatmap(small()), "plot", id="a heatmap"),
    ],
)
def test_a_missing_library_is_an_error_that_says_how_to_get_it(missing, call, extra, monkeypatch):
    for loaded in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, loaded)

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == missing:
                raise ModuleNotFoundError(f"No module named '{missing}'", name=missing)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(OnnxinvError) as refused:
        call()
    assert f"needs {missing}, which is not installed." in refused.value.message
    assert refused.value.hint == f"pip install 'onnxinv[{extra}]'"
