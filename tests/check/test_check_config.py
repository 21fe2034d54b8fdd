"""Limits and runs of a check hold only what means something, and arguments are read as the file is."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from pydantic import ValidationError

from onnxinv.check_config import (
    CheckConfig,
    CheckedRun,
    Limit,
    config_schema,
    default_name,
    key_of,
    limit_of,
)
from onnxinv.config import RunConfig
from onnxinv.errors import UsageError
from onnxinv.measures import measures
from onnxinv.value_kinds import fits, kind_of


def limit(**keys):
    return Limit.model_validate({key.replace("_", "-"): value for key, value in keys.items()})


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        pytest.param({}, "it has no bound", id="no bound"),
        pytest.param({"max": 1, "min": 2}, "nothing is at most 1 and at least 2", id="bounds the wrong way round"),
        pytest.param({"max": float("nan")}, "finite", id="max nan"),
        pytest.param({"min": float("-inf")}, "finite", id="min infinite"),
        pytest.param({"max": 1, "layers": []}, "empty list", id="no layers"),
        pytest.param({"max_regression": -0.1}, "must not be negative", id="a negative regression"),
        pytest.param({"max_regression": float("nan")}, "must be finite", id="a regression that is nan"),
        pytest.param({"max_regression": "inf"}, "must be finite", id="an infinite regression in text"),
        pytest.param({"max_regression": "9" * 400 + "%"}, "must be finite", id="a share beyond all numbers"),
        pytest.param({"max_regression": "-5%"}, 'a share of the baseline such as "5%"', id="a negative share"),
        pytest.param({"max_regression": "5,5%"}, 'a share of the baseline such as "5%"', id="a decimal comma"),
        pytest.param(
            {"max_regression": "\u0665%"}, 'a share of the baseline such as "5%"', id="digits of other scripts"
        ),
    ],
)
def test_limit_is_refused(keys, reason):
    with pytest.raises(ValidationError, match=reason):
        limit(**keys)


@pytest.mark.parametrize(
    ("regression", "allowance"),
    [
        pytest.param("5%", 0.1, id="a share"),
        pytest.param(" 5 % ", 0.1, id="a share with blanks"),
        pytest.param(".5%", 0.01, id="a share without a leading digit"),
        pytest.param("5.%", 0.1, id="a share with a trailing point"),
        pytest.param("0%", 0.0, id="none at all"),
        pytest.param(0.25, 0.25, id="a number"),
        pytest.param("0.25", 0.25, id="a number in text, as an argument gives it"),
        pytest.param(0, 0.0, id="zero"),
    ],
)
def test_regression_allows(regression, allowance):
    made = limit(max_regression=regression)
    assert made.kinds == ("max-regression",)
    assert made.allowance(2.0) == made.allowance(-2.0 if isinstance(regression, str) else 7.0)
    assert made.allowance(2.0) == pytest.approx(allowance, abs=1e-15)


def test_bounds_are_told_in_the_order_in_which_they_are_judged():
    assert limit(min=0, max_regression="5%", max=1).kinds == ("max", "min", "max-regression")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("normalized-variance:max=0.5", {"measure": "normalized-variance", "max": "0.5"}, id="one key"),
        pytest.param(
            "normalized-variance: layers = fc* , max-regression=5 %",
            {"measure": "normalized-variance", "layers": "fc*", "max-regression": "5 %"},
            id="blanks",
        ),
        pytest.param(
            "normalized-variance:dispersion=var,max=1,unbiased=true",
            {"measure": "normalized-variance:dispersion=var,unbiased=true", "max": "1"},
            id="parameters of the measure among the keys",
        ),
        pytest.param(
            "firing-ratio:layers=dense/BiasAdd:0,min=0.1,of=p95,level=warn",
            {"measure": "firing-ratio", "layers": "dense/BiasAdd:0", "min": "0.1", "of": "p95", "level": "warn"},
            id="a layer with a colon",
        ),
        pytest.param("top1-consistency", {"measure": "top1-consistency"}, id="nothing but a measure"),
    ],
)
def test_argument_is_taken_apart(text, keys):
    assert limit_of(text) == keys


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("max=0.5", "names no measure", id="no measure"),
        pytest.param("layers=a:0,max=0.5", "names no measure", id="no measure, and a colon"),
        pytest.param(":max=0.5", "names no measure", id="an empty measure"),
        pytest.param("", "names no measure", id="nothing"),
        pytest.param("firing-ratio:", "'' .* is no key=value", id="a colon and nothing"),
        pytest.param("firing-ratio:layers=a,b,max=1", "'b' .* is no key=value", id="two globs"),
        pytest.param("firing-ratio:max=1,max=2", "'max' is given twice", id="a key twice"),
        pytest.param("firing-ratio:x=1,x=2", "'x' is given twice", id="a parameter twice"),
        pytest.param("firing-ratio:max_regression=5%", "Did you mean 'max-regression'", id="an underscore"),
        pytest.param("firing-ratio:layer=a,max=1", "Did you mean 'layers'", id="a singular"),
    ],
)
def test_argument_is_refused(text, reason):
    with pytest.raises(UsageError, match=reason):
        limit_of(text)


def test_no_parameter_of_a_measure_is_taken_for_a_misspelt_key_of_a_limit():
    keys = [key_of(field) for field in Limit.model_fields]
    parameters = {key for name in measures.names() for key in measures.get(name).model_fields}
    assert [key for key in parameters if difflib.get_close_matches(key.replace("_", "-"), keys, cutoff=0.75)] == []


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".a", "-a", "a/b", "a\\b", "a.", "a\n", "a b", "\u00e9", "a" * 101, "con", "NUL.txt", "Check.json"],
)
def test_name_that_is_no_folder_of_its_own_is_refused(name):
    with pytest.raises(ValidationError, match="name of a folder"):
        CheckedRun.model_validate({"name": name, "model": "m", "data": "d", "transforms": "identity"})


@pytest.mark.parametrize(
    "path",
    [
        "net.onnx",
        "a b.onnx",
        "con.onnx",
        "check.json.onnx",
        "report.html.onnx",
        ".onnx",
        "\u00e9.onnx",
        "a" * 150 + ".onnx",
        "a..onnx",
        "_.onnx",
    ],
)
def test_name_made_of_a_model_is_accepted(path):
    run = {"name": default_name(Path(path)), "model": path, "data": "d", "transforms": "identity"}
    assert CheckedRun.model_validate(run).name == run["name"]


def test_every_option_of_a_run_can_be_written_in_the_file():
    properties = config_schema()["properties"]
    of_parts = {"state", "shard", "dask"}  # a check measures runs as a whole
    assert {key_of(field) for field in RunConfig.model_fields} - of_parts < set(properties)
    assert not of_parts & set(properties)
    assert {"runs", "baseline", "limits", "until-decided"} < set(properties)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        pytest.param("samples", [1], [True, "1", 1.5, [1]], id="a whole number"),
        pytest.param("scale", [1, 0.5], [True, "1"], id="a number"),
        pytest.param("stratify", [True, False], [0, "true"], id="a truth value"),
        pytest.param("transforms", ["a", ["a", "b"], []], [1, [1], {"a": 1}], id="a text or texts"),
        pytest.param("resize", [8, [8, 9]], [[8], [8, 9, 10], "8", True], id="a number or two"),
        pytest.param("channel-axis", [{}, {"a": 1}], [{"a": "1"}, ["a"]], id="a table of numbers"),
        pytest.param("memory", ["8GiB", 1 << 30], [True, [1]], id="memory"),
    ],
)
def test_schema_tells_kinds_apart(key, good, bad):
    schema = config_schema()["properties"][key]
    assert [fits(schema, each) for each in (*good, *bad)] == [True] * len(good) + [False] * len(bad)


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        pytest.param(CheckedRun, "samples", "a whole number", id="a number or none"),
        pytest.param(CheckedRun, "mean", "a list of numbers", id="a list"),
        pytest.param(CheckedRun, "resize", "a whole number or a list of 2 whole numbers", id="alternatives"),
        pytest.param(CheckedRun, "channel-axis", "a table of whole numbers", id="a table"),
        pytest.param(CheckedRun, "limits", "a list of tables", id="tables"),
        pytest.param(CheckedRun, "stratify", "true or false", id="a truth value"),
        pytest.param(Limit, "level", "'error', 'warn' or 'off'", id="words"),
        pytest.param(
            Limit, "max-regression", 'a number such as 0.02, or a share of the baseline such as "5%"', id="its own"
        ),
        pytest.param(CheckConfig, "baseline", "a text in quotes", id="a path"),
    ],
)
def test_kind_is_told_in_words(model, key, words):
    assert kind_of(model.model_json_schema()["properties"][key]) == words
