"""What is said of a plan, a model and a name is complete and fits the width."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from onnxinv import plan as plan_module
from onnxinv.api import inspect, plan
from onnxinv.describe import describe_model, describe_plan
from tests.networks import DIGITS, SHIPPED, save_text


def text_of(shown) -> str:
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(shown)
    return text.getvalue()


def test_a_plan_tells_how_it_is_cut_up():
    text = text_of(
        describe_plan(plan(SHIPPED[0], DIGITS, "rotation:steps=7", device="cpu", threads=1, samples=9, memory="40MiB"))
    )
    assert "9 samples of" in text
    assert "in 9 groups" in " ".join(text.split())  # where the paths are long, between two lines
    assert "from 4,096 units a layer" in text
    assert "budget 40 MiB" in text
    assert "7: identity, rotation" in text


def test_a_model_tells_its_memory_for_the_transforms_asked_for():
    small, large = (
        text_of(describe_model(inspect(SHIPPED[0], DIGITS, f"rotation:steps={steps}"))) for steps in (2, 64)
    )
    assert "With 2 transforms: " in small
    assert "With 64 transforms: " in large


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1e-5, "about 700 µs on"),
        (1e-3, "about 70 ms on"),
        (0.05, "about 3.5 s on"),
        (0.2, "about 14 s on"),
        (3, "about 3.5 min on"),
        (360, "about 7.0 h on"),
        (36000, "about 700 h on"),
    ],
)
def test_the_time_of_a_plan_grows_with_its_inferences(seconds, said):
    decided = plan(SHIPPED[0], DIGITS, "rotation:steps=7", device="cpu", threads=1, samples=10)
    assert decided.inferences == 70
    text = " ".join(text_of(describe_plan(decided, seconds)).split())
    assert f"time {said} this machine; values and intervals are finished afterwards" in text
    assert "time" not in " ".join(text_of(describe_plan(decided)).split()).split("inferences")[-1]


def test_a_precision_makes_the_time_an_upper_bound():
    decided = plan(SHIPPED[0], DIGITS, "rotation:steps=7", device="cpu", threads=1, samples=10, precision=0.1)
    assert "at most about 7.0 s on this machine" in text_of(describe_plan(decided, 0.1))


def test_a_model_tells_its_time_for_a_sample_and_a_thousand_whatever_the_data():
    few, many = (
        " ".join(text_of(describe_model(inspect(SHIPPED[0], f"random:n={n}", "rotation:steps=5"), 0.004)).split())
        for n in (2, 9)
    )
    said = "Time: about 20 ms a sample with its transforms, 20 s for 1,000 samples; values and intervals are finished"
    assert said in few
    assert said in many


def said_of(folder, text, **weights):
    """Return the lines of `inspect` with single spaces, line breaks of long sentences undone."""
    shown = text_of(describe_model(inspect(save_text(folder / "net.onnx", text, **weights), device="cpu", threads=1)))
    return " ".join(shown.split())


def test_a_model_tells_the_roles_of_its_inputs_and_what_its_output_is():
    text = " ".join(text_of(describe_model(inspect(SHIPPED[0], DIGITS))).split())
    assert "image NCHW output" in text
    assert "classes logits, 10 classes, read as logits (detected)" in text
    assert "control" not in text


def test_a_table_is_no_image(tmp_path):
    text = said_of(tmp_path, "g (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }")
    assert "input x: float32 (N, 3), table output y" in text
    assert "batch" not in text


def test_a_model_tells_its_control_flow_and_what_is_inside(tmp_path):
    text = said_of(
        tmp_path,
        """g (float[N, 3] x) => (float[N, 3] y) {
            n = Constant <value = int64 {2}> ()  c = Constant <value = bool {1}> ()
            a = If(c) < then_branch = t () => (float[N, 3] o) { o = Tanh(x) },
                        else_branch = e () => (float[N, 3] o) { o = Exp(x) } >
            y = Loop(n, c, a) < body = b (int64 i, bool go, float[N, 3] v) => (bool on, float[N, 3] w) {
                on = Identity(go)  w = Sigmoid(v) } > }""",
    )
    assert "control 1 Loop: the tensors inside are not measured, what leaves them is" in text
    assert "control 1 If replaced by the branch always taken" in text
    assert "w (Sigmoid): it is inside the body of a Loop" in text
    assert "a Tanh 3" in text


def test_a_model_in_training_mode_is_warned_about(tmp_path):
    text = said_of(
        tmp_path,
        "g (float[N, 3] x) => (float[N, 3] y) { y = Dropout(x, r, t) }",
        r=np.float32(0.5),
        t=np.array(True),
    )
    assert "Note: Dropout is in training mode (y): its outputs are random. Export the model in evaluation mode." in text


def test_batch_axes_that_are_not_the_first_are_told(tmp_path):
    text = said_of(
        tmp_path,
        """g (float[N, 4, 6] x) => (float[4, N, 6] y, float[M, 3] z) {
            a = Relu(x)  y = Transpose <perm = [1, 0, 2]> (a)  z = Reshape(a, s) }""",
        s=np.array([-1, 3]),
    )
    assert "shape channels batch" in text
    assert "y Transpose 4x6 6 on axis 1 axis 1" in text
    assert "z Reshape 8x3 3 on axis 1 axis 0, batch x 8" in text
    assert "a Relu 4x6 6 on axis 1 axis 0" in text


def test_names_give_way_where_the_width_is_short_and_numbers_do_not(tmp_path):
    long = "a_scope_of_many_parts/and_a_long_name_within"
    path = save_text(
        tmp_path / "net.onnx",
        f"""g (float[N, 17, 128, 4] x) => (float[M, 4] y) {{
            n = InstanceNormalization(x, one, one)  "{long}" = InstanceNormalization(n, one, one)
            y = Reshape("{long}", s) }}""",
        one=np.ones(17, np.float32),
        s=np.array([-1, 4]),
    )
    shown = text_of(describe_model(inspect(path, layout="NCHW", device="cpu", threads=1)))
    lines = [line for line in shown.splitlines() if " on axis " in line]
    assert [line.split()[0] for line in lines] == ["0", "1", "2", "3"]
    assert all(line.split()[3:] == "17x128x4 17 on axis 0 axis 0".split() for line in lines[:3])
    assert lines[3].split()[3:] == "2176x4 4 on axis 1 axis 0, batch x 2176".split()
    assert "…" in lines[2].split()[1]


def test_a_plan_says_how_activations_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(**options: object) -> str:
        return " ".join(text_of(describe_plan(plan(SHIPPED[0], DIGITS, "rotation:steps=7", **options))).split())

    monkeypatch.setattr(plan_module, "_MANY_ACTIVATIONS", 1 << 60)
    assert "sums float64" in shown(reduce="host")
    assert "sums float32 where that agrees with float64 intervals" in shown()
    monkeypatch.setattr(plan_module, "_MANY_ACTIVATIONS", 1)
    assert "agrees with float64, compiled intervals" in shown()
    assert re.search(r"agrees with float64, in the graph for \d+ of \d+ layers", shown(reduce="pushdown"))
    monkeypatch.setattr(plan_module, "compiled", lambda: "numba is not installed")
    assert "does in less than half the time, but numba is not installed." in shown()
    assert "numba" not in shown(reduce="host")
