"""A proposed configuration reads back as what was measured, and the model that it was measured from keeps to it."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import onnxinv
from onnxinv import api
from onnxinv.check_config import config_schema, key_of
from onnxinv.config import RunConfig
from onnxinv.config_file import read_file
from onnxinv.covering import Covered, check_together, cover
from onnxinv.errors import DataError, UsageError
from onnxinv.gate import find
from onnxinv.measures.parts import measure_part
from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Candidate, Layer, candidates
from onnxinv.moved_paths import moved_paths
from onnxinv.proposal import bound_of, proposal
from onnxinv.result import OutputValue, Result
from onnxinv.toml_text import toml_value
from tests.engine.zoo_models import CASES
from tests.networks import MODELS
from tests.reports.results import NV, layer, result_of, summary

ZOO = Path(__file__).parent / "zoo"
SCHEMA = json.loads((Path(onnxinv.__file__).parent / "onnxinv.schema.json").read_text(encoding="utf-8"))
RUN = RunConfig(model="net.onnx", data="x.npy", transforms=("flip",))

HOSTILE = [
    pytest.param("\"'`\\", id="quotes"),
    pytest.param('"""', id="three quotes"),
    pytest.param("two\nlines\r\x0b\x85\u2028", id="line breaks"),
    pytest.param("\x00\x1b[31m\x7f\x9f", id="control characters"),
    pytest.param("\u202eright\u200fleft", id="direction marks"),
    pytest.param("🐈\u200d⬛ é", id="emoji"),
    pytest.param("long" * 2500, id="10,000 characters"),
    pytest.param("# = [x] { }, ", id="TOML"),
    pytest.param("conv[1]", id="brackets"),
    pytest.param("*?[!a]", id="globs"),
    pytest.param("a/../../b", id="a path"),
    pytest.param("output", id="the word for the class output"),
]


def tensor(name: str, label: str = "", *, op: str = "Conv", node: str = "") -> Candidate:
    return Candidate(name, label or name, op, node, moves=False)


def measured(found: list[Candidate]) -> list[Layer]:
    return [
        Layer(index, one.name, one.label, one.op, (4, 2, 2), 0, BatchAxis(0), "float32")
        for index, one in enumerate(found)
    ]


def proposed(
    found: list[Candidate], values: list[object] | None = None, run: RunConfig = RUN, **outputs: object
) -> str:
    """Return what is proposed for layers with these summaries, 0.5 +- 0.05 where none are given."""
    given = values or [summary(0.5)] * len(found)
    layers = [
        layer(index, one.name, value if isinstance(value, dict) else {NV: value}, label=one.label, op=one.op)
        for index, (one, value) in enumerate(zip(found, given, strict=True))
    ]
    plain = result_of(layers)
    document = plain.document.model_copy(update={"outputs": outputs})
    return proposal(Result(document, plain.units), run, found, measured(found))


def limits(text: str) -> list[dict[str, object]]:
    return tomllib.loads(text)["limits"]


def share(value: float, low: float, high: float) -> OutputValue:
    return OutputValue(value=value, se=0.01, bias=0.0, ci=(low, high), loo=[value] * 5, profile=None)


@pytest.mark.parametrize(
    ("interval", "below", "bound"),
    [
        pytest.param((0.1, 0.30111), True, 0.302, id="a maximum goes up"),
        pytest.param((0.98765, 1.0), False, 0.987, id="a minimum goes down"),
        pytest.param((0.1, math.nextafter(0.302, 1)), True, 0.303, id="the double above 0.302 is above it"),
        pytest.param((0.1, 0.25), True, 0.25, id="what needs no rounding stays"),
        pytest.param((1e-9, 1.2341e-7), True, 1.24e-7, id="small"),
        pytest.param((1.0, 123456.0), True, 124000.0, id="large"),
        pytest.param((0.1, 9.999), True, 10.0, id="a digit more"),
        pytest.param((-0.12345, 0.0), False, -0.124, id="a minimum below zero"),
        pytest.param((0.0, 0.0), True, 0.0, id="zero"),
        pytest.param((0.1, 5e-324), True, 5e-324, id="the least double"),
    ],
)
def test_bounds_have_three_digits_and_never_cut_the_interval(interval, below, bound):
    assert bound_of(interval, below=below) == bound
    assert bound >= interval[1] if below else bound <= interval[0]


def test_each_layer_has_a_line_in_order_with_what_was_measured():
    text = proposed([tensor("a"), tensor("b")], [summary(0.5), summary(0.25, half=0.0101)])
    assert '  { layers = "a", max = 0.55 },  # 0.500 [0.450, 0.550]\n' in text
    assert '  { layers = "b", max = 0.261 },  # 0.250 [0.240, 0.260]\n' in text
    assert [each["layers"] for each in limits(text)] == ["a", "b"]


def test_the_value_that_is_told_is_without_its_bias_as_in_a_check():
    biased = summary(0.5).model_copy(update={"mean": 0.56, "bias": 0.06})
    text = proposed([tensor("a")], [biased])
    assert '  { layers = "a", max = 0.55 },  # 0.500 [0.450, 0.550]\n' in text
    assert '# { layers = "a", max = 0.5, level = "warn" },' in text


def test_many_layers_all_have_a_line():
    found = [tensor(f"layer{index}") for index in range(60)]
    assert [each["layers"] for each in limits(proposed(found))] == [one.name for one in found]


def test_inputs_have_no_limit():
    assert [each["layers"] for each in limits(proposed([tensor("x", op="Input"), tensor("a")]))] == ["a"]


def test_a_value_of_zero_is_bounded_by_zero():
    assert limits(proposed([tensor("a")], [summary(0.0, half=0.0)])) == [{"layers": "a", "max": 0.0}]


def test_measures_that_are_named_are_limited_each_on_the_side_where_it_gets_worse():
    run = RUN.model_copy(update={"measures": ("variance-shares", "anova", "goodfellow")})
    values = {
        "variance-share-sample": summary(0.8),
        "variance-share-transform": summary(0.1234),
        "transform-profile": summary(0.5),
        "goodfellow": summary(3.0, half=None),
    }
    text = proposed([tensor("x", op="Input"), tensor("a")], [values, values], run)
    assert limits(text) == [
        {"layers": "a", "measure": "variance-share-sample", "min": 0.75},
        {"layers": "a", "measure": "variance-share-transform", "max": 0.174},
        {"layers": "a", "measure": "transform-profile", "max": 0.55},
    ]
    assert text.count("  # goodfellow: it has no intervals\n") == 1


def test_a_measure_that_has_no_better_side_is_told_without_a_limit():
    run = RUN.model_copy(update={"measures": ("sample-variance", NV)})
    values = {"sample-variance": summary(0.1), NV: summary(0.8)}
    text = proposed([tensor("a")], [values], run)
    assert limits(text) == [{"layers": "a", "max": 0.851}]
    assert "  # sample-variance: no value is more invariant than another\n" in text


def test_measures_of_the_class_output_have_a_line_each():
    outputs = {
        "top1-consistency": share(0.95, 0.9214, 0.98),
        "accuracy": share(0.9, 0.85, 0.95),
        "worst-case-accuracy": share(0.5, 0.45, 0.55),
        "top1-change-rate": share(0.05, 0.02, 0.0786),
    }
    text = proposed([tensor("a")], **outputs)
    assert limits(text)[1:] == [
        {"layers": "output", "measure": "top1-consistency", "min": 0.921},
        {"layers": "output", "measure": "accuracy", "min": 0.85},
        {"layers": "output", "measure": "worst-case-accuracy", "min": 0.45},
    ]
    named = proposed([tensor("a")], [{}], RUN.model_copy(update={"measures": ("top1-change-rate",)}), **outputs)
    assert limits(named)[-1] == {"layers": "output", "measure": "top1-change-rate", "max": 0.0786}


def test_a_bound_that_nothing_could_break_is_not_proposed():
    text = proposed([tensor("a")], **{"top1-consistency": share(0.1, 0.0, 0.3)})
    assert [each["layers"] for each in limits(text)] == ["a"]
    assert '# "output", top1-consistency: 0.100 [0.00, 0.300], which could hardly get worse' in text


def test_what_has_no_finite_value_is_told_without_a_limit():
    gone = summary(None, inf=3, nan=1)
    text = proposed([tensor("a"), tensor("b\n[x]")], [summary(0.5, inf=1), gone])
    assert [each["layers"] for each in limits(text)] == ["a"]
    assert "# 0.500 [0.450, 0.550] (1 infinite)\n" in text
    assert '  # "b\\n[x]": no value is finite (3 infinite, 1 not a number)\n' in text


def test_nothing_to_propose_is_an_error():
    with pytest.raises(DataError, match="nothing to propose"):
        proposed([tensor("a")], [summary(None)])


def test_too_few_groups_for_an_interval_are_an_error():
    few = summary(0.5, half=None)
    few = few.model_copy(update={"loo": {**few.loo, "mean": [0.5, 0.5]}})
    with pytest.raises(DataError, match="too few groups of samples for intervals: 2, and 3 are needed"):
        proposed([tensor("a")], [few])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_what_they_are(name, tmp_path):
    found = [tensor(name), tensor("conv1"), tensor(f"{name} out", f"{name} label", node=f"{name} node")]
    run = RUN.model_copy(update={"class_output": name, "channel_axis": {name: 0}, "model": Path(f"{name}.onnx")})
    text = proposed(found, run=run)
    content = tomllib.loads(text)
    assert (content["class-output"], content["channel-axis"]) == (name, {name: 0})
    assert content["model"] == str(Path(f"{name}.onnx"))
    assert all(line.isprintable() for line in text.split("\n"))
    assert all(line.startswith("#") for line in text.split("\n")[:5])
    (tmp_path / "onnxinv.toml").write_text(text, encoding="utf-8")
    run = read_file(tmp_path / "onnxinv.toml").config.runs[0]
    part = measure_part(NV)
    assert [cover(limit, part, found, measured(found)) for limit in run.limits] == [(one.name,) for one in found]


def test_a_name_that_is_no_utf_8_is_an_error():
    with pytest.raises(UsageError, match="TOML is UTF-8"):
        proposed([tensor("a")], run=RUN.model_copy(update={"model": Path("caf\udce9.onnx")}))


def test_a_label_that_fits_others_gives_way_to_what_fits_the_layer_alone():
    found = [
        tensor("t0", "block"),
        tensor("t1", "block.conv"),
        tensor("t2", "twice"),
        tensor("t3", "twice"),
        tensor("conv[1]", "same"),
        tensor("conv1", "same"),
        tensor("t6", "t3"),
    ]
    text = proposed(found)
    assert [each["layers"] for each in limits(text)] == ["t0", "block.conv", "t2", "conv[[]1]", "conv1", "t6"]
    assert '  # "twice": 0.500 [0.450, 0.550]; every glob that fits it fits another layer too\n' in text


def test_the_commented_examples_mean_what_they_say(tmp_path):
    text = proposed([tensor("a"), tensor("b")])
    taken = re.sub(r"^( *)# (?=[{[]|\w+ = )", r"\1", text, flags=re.MULTILINE)
    (tmp_path / "onnxinv.toml").write_text(taken, encoding="utf-8")
    first, second = read_file(tmp_path / "onnxinv.toml").config.runs
    assert (first.name, second.name) == ("first", "second")
    assert [(each.max_regression, each.level) for each in first.limits[2:]] == [("5%", "error"), (None, "warn")]
    assert (first.transforms, second.transforms) == (("flip",), ("brightness",))
    assert len(second.limits) == 1
    found, part = [tensor("a"), tensor("b")], measure_part(NV)
    covered = [
        Covered(index, limit, part, cover(limit, part, found, measured(found)))
        for index, limit in enumerate(first.limits)
    ]
    assert list(check_together(covered)) == []
    assert first.limits[3].max == 0.5
    jsonschema.validate(tomllib.loads(taken), SCHEMA)


def test_where_nothing_could_be_tighter_no_warning_is_shown():
    assert "warn" in proposed([tensor("a"), tensor("b")], [summary(0.5), summary(0.0, half=0.0)])
    assert "warn" not in proposed([tensor("a")], [summary(0.0, half=0.0)])


def test_every_option_that_was_given_is_written_and_no_other(tmp_path):
    options = {
        "samples": 40, "seed": 3, "measures": ("all",), "aggregate": "unit", "groups": 5, "stratify": True,
        "class_output": "y", "class_kind": "logits", "shape": ("x:1,3,8,8",), "set_input": ("sr=16000",),
        "layers": ("conv*",), "operators": ("Conv", "Relu"), "select": "all", "channel_axis": {"conv*": 0, "fc": -1},
        "preprocess": "p.json", "mean": (0.5, 1e-7, 1.0), "std": (1.0,), "scale": 0.00390625, "resize": (8, 9),
        "layout": "NHWC", "device": "cpu", "threads": 2, "batch": 3, "memory": "2GiB", "reduce": "host",
        "sample_units": 8, "keep_units": 4, "skip_bad_samples": True,
    }  # fmt: skip
    run = RunConfig.model_validate({**RUN.model_dump(), **options})
    path = tmp_path / "onnxinv.toml"
    path.write_text(proposed([tensor("a")], run=run), encoding="utf-8")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    keys = {key_of(field) for field in RunConfig.model_fields} - {"precision", "state", "shard", "dask"}
    assert set(content) == keys | {"limits"}
    jsonschema.validate(content, SCHEMA)
    read = read_file(path).config.runs[0]
    for field in set(options) - {"preprocess"}:
        assert getattr(read, field) == getattr(run, field), field
    plain = tomllib.loads(proposed([tensor("a")]))
    assert set(plain) == {"model", "data", "transforms", "limits"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.model) for case in CASES])
def test_models_of_the_zoo_keep_to_what_is_proposed_for_them(case, tmp_path):
    images = np.random.default_rng(1).standard_normal((3, *case.sample)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    options = {"measures": (NV,), "device": "cpu", "threads": 1}
    plan = api.plan(ZOO / f"{case.model}.onnx", tmp_path / "x.npy", case.transform.spec, **options)
    result, (found, _) = api.run(plan), candidates(plan.model)
    text = proposal(result, moved_paths(plan.config, tmp_path), found, plan.layers)
    (tmp_path / "onnxinv.toml").write_text(text, encoding="utf-8")
    run = read_file(tmp_path / "onnxinv.toml").config.runs[0]
    jsonschema.validate(tomllib.loads(text), SCHEMA)
    part = measure_part(NV)
    covered = [
        Covered(index, limit, part, cover(limit, part, found, plan.layers)) for index, limit in enumerate(run.limits)
    ]
    wanted = [each.name for each in plan.layers if each.op != "Input"]
    assert [each.layers for each in covered] == [(name,) for name in wanted]
    assert {each.status for each in find(run.name, covered, result, None, strict=True)} == {"held"}


def test_the_committed_schema_is_the_real_one():
    assert config_schema() == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_shipped_configuration_fits_the_schema():
    jsonschema.validate(tomllib.loads((MODELS / "onnxinv.toml").read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [{"modle": "a"}, {"limits": [{"layers": "a", "maximum": 1}]}, {"limits": [{"level": "loud"}]}, {"runs": []}],
)
def test_the_schema_refuses_what_the_reader_refuses(wrong, tmp_path):
    content = {"model": "a.onnx", "data": "x.npy", "transforms": "flip", "limits": [{"max": 1}]}
    jsonschema.validate(content, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, **wrong}, SCHEMA)
    text = "".join(f"{key} = {toml_value(value)}\n" for key, value in {**content, **wrong}.items())
    (tmp_path / "onnxinv.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        read_file(tmp_path / "onnxinv.toml")
