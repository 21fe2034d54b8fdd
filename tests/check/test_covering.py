"""A limit covers the layers that its globs fit, and limits on one thing are refused."""

from __future__ import annotations

import pytest

from onnxinv.check_config import Limit
from onnxinv.covering import Covered, check_together, cover
from onnxinv.errors import UsageError
from onnxinv.measures.parts import measure_part
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Candidate, Layer

FOUND = (
    Candidate("image", "image", "Input", "", moves=False),
    Candidate("/c1/Conv_output_0", "conv1", "Conv", "/c1/Conv", moves=False),
    Candidate("flat", "flat", "Flatten", "/Flatten", moves=True),
    Candidate("h:0", "fc1", "Gemm", "/fc1", moves=False),
    Candidate("w[0]", "fc2", "Gemm", "/fc2", moves=False),
)
MEASURED = ("image", "/c1/Conv_output_0", "h:0", "w[0]")
LAYERS = tuple(
    Layer(place, one.name, one.label, one.op, (2,), 0, BatchAxis(0, 1), "float32")
    for place, one in enumerate(one for one in FOUND if one.name in MEASURED)
)


def covered_by(layers, measure="normalized-variance", **keys):
    limit = Limit.model_validate(
        {"max": 1, "measure": measure, **({} if layers is None else {"layers": layers}), **keys}
    )
    return cover(limit, measure_part(measure), FOUND, LAYERS)


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        pytest.param(None, MEASURED[1:], id="no globs -> all but the input"),
        pytest.param("*", MEASURED[1:], id="a star -> all but the input"),
        pytest.param("fc*", ("h:0", "w[0]"), id="labels"),
        pytest.param("h:0", ("h:0",), id="a tensor name"),
        pytest.param("w[0]", ("w[0]",), id="a tensor name with characters of globs"),
        pytest.param("/c1/Conv", ("/c1/Conv_output_0",), id="a node name"),
        pytest.param(["fc2", "fc*", "conv1"], MEASURED[1:], id="several -> once each, in order of the model"),
        pytest.param("image", ("image",), id="the input by its name"),
    ],
)
def test_layers_are_covered(globs, names):
    assert covered_by(globs) == names


@pytest.mark.parametrize("globs", [None, "output"])
def test_measure_of_the_class_output_covers_it(globs):
    assert covered_by(globs, "top1-consistency") == ("output",)


@pytest.mark.parametrize(
    ("globs", "measure", "message", "hint"),
    [
        pytest.param("fd*", "normalized-variance", "'fd*' fits no layer", "fc1", id="a glob that fits nothing"),
        pytest.param(["fc*", "x"], "normalized-variance", "'x' fits no layer", "", id="one glob of two"),
        pytest.param(
            "flat",
            "normalized-variance",
            "'flat' fits no layer that is measured",
            "does not measure it",
            id="unmeasured",
        ),
        pytest.param(
            "im*", "normalized-variance", "fits only the model's input 'image'", "in full", id="only the input"
        ),
        pytest.param("output", "normalized-variance", "a measure of layers", "top1-consistency", id="the output"),
        pytest.param("fc*", "top1-consistency", "not of layers", 'layers = "output"', id="layers of the output"),
        pytest.param(["output", "fc*"], "top1-consistency", "not of layers", "", id="the output and layers"),
    ],
)
def test_what_covers_nothing_is_refused(globs, measure, message, hint):
    with pytest.raises(UsageError) as caught:
        covered_by(globs, measure)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_choice_among_channels_is_refused_where_there_is_one_number():
    with pytest.raises(UsageError, match="'top1-consistency' is one number"):
        covered_by(None, "top1-consistency", of="p95")


def conflicts(*limits):
    """Return index and message for limits, each the keys and the layers that it covers."""
    covered = []
    for index, (layers, keys) in enumerate(limits):
        limit = Limit.model_validate({key.replace("_", "-"): value for key, value in keys.items()})
        covered.append(Covered(index, limit, measure_part(limit.measure), tuple(layers)))
    return [(index, error.message) for index, error in check_together(covered)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(("a", {"max": 1}), ("b", {"max": 1}), id="other layers"),
        pytest.param(("a", {"max": 1}), ("a", {"max": 1, "measure": "firing-ratio"}), id="other measures"),
        pytest.param(("a", {"max": 1}), ("a", {"max": 1, "of": "p95"}), id="other places of the channels"),
        pytest.param(("a", {"max": 1}), ("a", {"min": 1}), id="bounds that one value keeps"),
        pytest.param(("a", {"max": 1}), ("a", {"max_regression": "5%"}), id="a bound and a regression"),
        pytest.param(("a", {"max": 1}), ("a", {"max": 0.9, "level": "warn"}), id="a warning before the failure"),
        pytest.param(("a", {"min": 1}), ("a", {"min": 1.1, "level": "warn"}), id="a warning above the least"),
        pytest.param(
            ("a", {"max_regression": "5%"}), ("a", {"max_regression": "4%", "level": "warn"}), id="a smaller share"
        ),
        pytest.param(
            ("a", {"max_regression": "5%"}), ("a", {"max_regression": 9, "level": "warn"}), id="a share and a number"
        ),
    ],
)
def test_limits_stand_together(one, two):
    assert conflicts(one, two) == conflicts(two, one) == []


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        pytest.param(
            ("ab", {"max": 1}), ("bc", {"max": 2}), "both have max for 'normalized-variance' of 'b'", id="a bound twice"
        ),
        pytest.param(
            ("a", {"max": 1}),
            ("a", {"max": 1, "measure": "normalized-variance:dispersion=std"}),
            "both have max",
            id="one measure in two spellings",
        ),
        pytest.param(
            (["output"], {"min": 1, "measure": "top1-consistency"}),
            (["output"], {"min": 1, "measure": "top1-consistency", "of": "max"}),
            "both have min",
            id="the class output in two spellings",
        ),
        pytest.param(("a", {"max": 1}), ("a", {"min": 1.5}), "contradict each other", id="a contradiction"),
        pytest.param(
            ("a", {"max": 1, "level": "warn"}), ("a", {"min": 2}), "contradict each other", id="of two levels"
        ),
        pytest.param(
            ("a", {"max": 1}), ("a", {"max": 1, "level": "warn"}), "broken no earlier", id="a warning as late"
        ),
        pytest.param(
            ("a", {"max": 0}), ("a", {"max": 1, "level": "warn"}), "broken no earlier", id="a warning too late"
        ),
        pytest.param(("a", {"min": 0}), ("a", {"min": -1, "level": "warn"}), "broken no earlier", id="a low warning"),
        pytest.param(
            ("a", {"max_regression": "5%"}),
            ("a", {"max_regression": "5 %", "level": "warn"}),
            "broken no earlier",
            id="the same share",
        ),
    ],
)
def test_limits_on_one_thing_are_refused(one, two, message):
    for limits in ((one, two), (two, one)):
        [(index, told)] = conflicts(*limits)
        assert index == 1
        assert message in told


def test_conflict_is_told_once_however_many_layers_there_are():
    assert len(conflicts(("abc", {"max": 1}), ("abc", {"max": 2}), ("c", {"max": 3}))) == 3
