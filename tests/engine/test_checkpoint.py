"""A run that was interrupted goes on from its closed groups, and finds what an undisturbed one finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.checkpoint import read_checkpoint
from onnxinv.errors import OutputError, UsageError
from onnxinv.result import STATE, Result
from tests.engine.states import ALL, GROUPS, SOME, Setting, assert_same, closed, few_kept_units


@pytest.mark.parametrize("options", [{}, ALL], ids=["default measures", "all measures"])
def test_an_interrupted_run_finds_what_an_undisturbed_one_finds(setting: Setting, options: dict[str, Any]) -> None:
    undisturbed = setting.run("undisturbed", **options)
    setting.interrupted("out", 3, **options)
    assert 0 < closed(setting) < GROUPS
    assert_same(setting.run("out", **options), undisturbed)


def test_it_does_not_matter_where_and_how_often_a_run_is_interrupted(usual: tuple[Setting, Result]) -> None:
    (setting, undisturbed), before = usual, []
    for told in range(GROUPS):
        setting.interrupted("often", told)
        before.append(closed(setting, "often"))
    assert before == sorted(before)
    assert before[0] == 0
    assert before[-1] > 3
    assert_same(setting.run("often"), undisturbed)


def test_nothing_is_measured_again_once_all_groups_are_closed(usual: tuple[Setting, Result], monkeypatch) -> None:
    setting, whole = usual

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be measured")

    monkeypatch.setattr("onnxinv.engine.Desks", refuse)
    assert_same(setting.run("undisturbed"), whole)


def test_a_run_in_several_chunks_of_layers_goes_on_in_the_one_that_it_was_in(setting: Setting) -> None:
    options = {**ALL, "memory": "2MiB"}
    undisturbed = setting.run("undisturbed", **options)
    assert undisturbed.meta.runtime.schedule == "samples first, 2 chunks"
    setting.interrupted("out", 2, **options)
    assert 0 < closed(setting) < GROUPS
    setting.interrupted("out", 9, **options)
    assert GROUPS <= closed(setting) < 2 * GROUPS
    assert_same(setting.run("out", **options), undisturbed)


@pytest.mark.parametrize("options", [SOME, {"stratify": True}], ids=["some measures", "class by class"])
def test_sums_over_all_units_go_on_where_group_states_are_of_some(setting: Setting, monkeypatch, options) -> None:
    few_kept_units(monkeypatch)
    undisturbed = setting.run("undisturbed", **options)
    assert undisturbed.meta.options.interval_units == 40
    setting.interrupted("out", 3, **options)
    folder = setting.folder / "out" / STATE
    assert len(list(folder.glob("*-up-to-*.npz"))) == 1
    assert_same(setting.run("out", **options), undisturbed)
    assert len(list(folder.glob("*-up-to-*.npz"))) == 1


def test_a_run_that_is_precise_enough_ends_after_the_same_group(setting: Setting) -> None:
    undisturbed = setting.run("undisturbed", precision=0.6)
    assert undisturbed.meta.options.groups == 4
    setting.interrupted("out", 3, precision=0.6)
    assert_same(setting.run("out", precision=0.6), undisturbed)
    assert_same(setting.run("out", precision=0.6), undisturbed)


def test_pictures_are_those_of_an_undisturbed_run(setting: Setting) -> None:
    undisturbed = setting.run("undisturbed", keep_units=2)
    setting.interrupted("out", 3, keep_units=2)
    found = setting.run("out", keep_units=2)
    assert found.pictures is not None
    assert undisturbed.pictures is not None
    assert found.pictures.to_bytes() == undisturbed.pictures.to_bytes()


def test_activations_that_are_not_finite_come_back(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    stored["x"][3, 0, 2, 2] = 3e38
    np.savez(setting.data, **stored)
    options = {**ALL, "layers": ("c", "r", "p")}
    undisturbed = setting.run("undisturbed", **options)
    assert any(summary.nan for layer in undisturbed.layers for summary in layer.measures.values())
    setting.interrupted("out", 4, **options)
    assert_same(setting.run("out", **options), undisturbed)


def test_what_a_killed_process_left_half_written_does_no_harm(usual: tuple[Setting, Result]) -> None:
    setting, undisturbed = usual
    setting.interrupted("killed", 3)
    folder = setting.folder / "killed" / STATE
    for name in (".onnxinv.0123abcd.partial", f"chunk-0-group-{closed(setting, 'killed')}.npz"):
        (folder / name).write_bytes(b"PK\x03\x04 half of it")
    assert_same(setting.run("killed"), undisturbed)


def other_images(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    np.savez(setting.data, **{**stored, "x": stored["x"][::-1]})


def other_labels(setting: Setting) -> None:
    stored = dict(np.load(setting.data))
    np.savez(setting.data, **{**stored, "y": 1 - stored["y"]})


def other_weights(setting: Setting) -> None:
    Setting.save(setting.folder / "other", seed=1).model.replace(setting.model)


def nothing(setting: Setting) -> None:
    """Leave the files as they are."""


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        pytest.param(other_weights, {}, "model (", id="model"),
        pytest.param(other_images, {}, "content of the data.", id="images"),
        pytest.param(other_labels, {}, "content of the data.", id="labels"),
        pytest.param(nothing, {"samples": 20}, "number of samples (26 there, 20 here)", id="number of samples"),
        pytest.param(nothing, {"groups": 7}, "number of groups (6 there, 7 here)", id="groups"),
        pytest.param(nothing, {"seed": 1}, "choice of samples.", id="seed"),
        pytest.param(nothing, {"transforms": "flip"}, "transforms (rotation:steps=4,degrees=360 there, flip", id="set"),
        pytest.param(nothing, {"measures": ("anova",)}, "measures (normalized-variance, ", id="measures"),
        pytest.param(nothing, {"aggregate": "unit"}, "option aggregate (channel there, unit here)", id="aggregate"),
        pytest.param(nothing, {"precision": 0.1}, "option precision (None there, 0.1 here)", id="precision"),
        pytest.param(nothing, {"sample_units": 5}, "option sample_units (None there, 5 here)", id="positions"),
        pytest.param(nothing, {"reduce": "host"}, "option reduce (auto there, host here)", id="reduce"),
        pytest.param(nothing, {"layers": ("c", "y")}, "layers.", id="layers"),
        pytest.param(nothing, {"mean": (0.5,)}, "preprocessing.", id="preprocessing"),
        pytest.param(nothing, {"shard": "1/2"}, "shard (1/1 there, 1/2 here)", id="shard"),
    ],
)
def test_states_of_another_measurement_are_refused_by_what_differs(halfway: Setting, change, options, what) -> None:
    change(halfway)
    with pytest.raises(OutputError) as refused:
        halfway.run("out", **options)
    folder = halfway.folder / "out" / STATE
    assert f"'{folder}' are of another measurement; what differs is: {what}" in str(refused.value)
    assert refused.value.hint
    assert closed(halfway) > 0


def test_chunks_of_layers_that_another_memory_makes_are_refused_with_the_options_that_decide(setting: Setting) -> None:
    setting.interrupted("out", 3, **ALL)
    with pytest.raises(OutputError, match="layers measured together") as refused:
        setting.run("out", **ALL, memory="2MiB")
    assert "--memory" in refused.value.hint


def test_a_file_of_transforms_is_known_by_what_is_in_it(setting: Setting) -> None:
    file = setting.folder / "mine.py"
    code = "import numpy as np\n\n\ndef f():\n    return [lambda x: x, lambda x: {}]\n"
    file.write_text(code.format("x / 2"))
    options = {"transforms": f"{file}:f"}
    undisturbed = setting.run("undisturbed", **options)
    setting.interrupted("out", 3, **options)
    file.write_text(code.format("x / 3"))
    with pytest.raises(OutputError, match=r"what differs is: code of the transforms\."):
        setting.run("out", **options)
    other = setting.folder / "elsewhere"
    other.mkdir()
    (other / "mine.py").write_text(code.format("x / 2"))
    found = setting.run("out", transforms=f"{other / 'mine.py'}:f")
    for key, values in undisturbed.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-12)


def test_data_are_known_by_what_is_in_them_wherever_they_lie(halfway: Setting, usual: tuple[Setting, Result]) -> None:
    moved = halfway.folder / "moved.npz"
    halfway.data.replace(moved)
    assert halfway.run("out", data=moved).meta.data.digest == usual[1].meta.data.digest


def test_a_sample_of_a_closed_group_that_has_changed_is_noticed(tmp_path: Path) -> None:
    setting = Setting.save(tmp_path, samples=200)
    setting.interrupted("out", 12, batch=32)
    checkpoint = read_checkpoint(tmp_path / "out" / STATE)
    assert checkpoint is not None
    looked_at = np.linspace(0, 199, 16).round()
    changed = next(index for index in checkpoint.samples(checkpoint.entries(0)[0]) if index not in looked_at)
    stored = dict(np.load(setting.data))
    stored["x"][changed] += 1
    np.savez(setting.data, **stored)
    with pytest.raises(OutputError, match="The samples of group 1 are not those whose states are in"):
        setting.run("out", batch=32)


def test_weights_beside_the_model_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    import onnx

    setting = Setting.save(tmp_path)
    model = onnx.load(setting.model)
    onnx.save(model, setting.model, save_as_external_data=True, location="net.data", size_threshold=0)
    undisturbed = setting.run("undisturbed")
    setting.interrupted("out", 3)
    weights = tmp_path / "net.data"
    before = weights.read_bytes()
    weights.write_bytes(np.frombuffer(before, np.float32).__mul__(2).astype(np.float32).tobytes())
    with pytest.raises(OutputError, match=r"what differs is: weights beside the model\."):
        setting.run("out")
    weights.write_bytes(before)
    assert_same(setting.run("out"), undisturbed)


def test_numbers_that_an_input_is_held_at_are_known_by_what_they_are(tmp_path: Path) -> None:
    from tests.networks import save_text

    text = "net (float[n,1,8,8] image, float[n,1] s) => (float[n,1,8,8] y) { f = Unsqueeze(s, a)  y = Mul(image, f) }"
    base = Setting.save(tmp_path)
    save_text(base.model, text.replace("f = Unsqueeze(s, a)", "f = Reshape(s, a)"), a=np.array([-1, 1, 1, 1]))
    np.save(tmp_path / "s.npy", np.array([[2.0]], np.float32))
    options = {"set_input": (f"s={tmp_path / 's.npy'}",)}
    base.interrupted("out", 3, **options)
    np.save(tmp_path / "s.npy", np.array([[3.0]], np.float32))
    with pytest.raises(OutputError, match=r"what differs is: constant inputs\."):
        base.run("out", **options)


def test_states_are_for_one_model_so_comparing_does_not_take_them(setting: Setting) -> None:
    from onnxinv.api import compare

    for option in ({"state": setting.folder / "s"}, {"shard": "1/2"}):
        with pytest.raises(UsageError, match="as a whole"):
            compare([setting.model, setting.model], setting.data, "flip", **option)


@pytest.mark.parametrize("key", ["state", "shard"])
def test_a_check_is_measured_as_a_whole(setting: Setting, key: str) -> None:
    from onnxinv.api import check

    with pytest.raises(UsageError, match="a check measures a run as a whole"):
        check(setting.model, setting.data, "flip", ["normalized-variance:max=2"], **{key: "1/2"})
