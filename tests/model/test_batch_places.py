"""Where the batch lies behind each operator, told by shapes; what is not clear is left out."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.model.batch_places import Place, batch_places, regroup, shapes_of
from tests.model.onnx_text import parse


def place(body: str, shape: tuple[int, ...], axis: int = 0, **weights: np.ndarray) -> Place | None:
    """Return the place in `y` of the batch of `x`."""
    model = parse(f"g (float{list(shape)} x) => (y) {{ {body} }}", **weights)
    return batch_places(model.graph, {"x": axis}, shape[axis], shapes_of(model)).get("y")


@pytest.mark.parametrize(
    ("place", "before", "after", "size", "expected"),
    [
        pytest.param(Place(0), (4, 6), (4, 2, 3), 4, Place(0), id="alone"),
        pytest.param(Place(0), (4, 2, 6), (8, 6), 4, Place(0), id="folded with what varies faster"),
        pytest.param(Place(1), (6, 4, 3), (24, 3), 4, Place(0, 6), id="folded with what varies slower"),
        pytest.param(Place(0, 6), (24, 3), (6, 4, 3), 4, Place(1), id="unfolded"),
        pytest.param(Place(0), (4, 6), (24,), 4, Place(0), id="flat"),
        pytest.param(Place(0), (4, 6), (2, 2, 6), 4, None, id="torn apart"),
        pytest.param(Place(0), (1, 6), (6,), 1, Place(0), id="one, folded"),
        pytest.param(Place(1), (6, 1, 8), (6, 2, 4), 1, Place(1), id="one, folded with heads"),
        pytest.param(Place(1), (6, 1, 8), (6, 8), 1, Place(0, 6), id="one, folded with steps"),
    ],
)
def test_the_batch_lies_where_the_order_of_the_numbers_puts_it(place, before, after, size, expected):
    assert regroup(place, before, after, size) == expected


def test_a_transpose_moves_the_batch():
    assert place("y = Transpose<perm = [2, 0, 1]>(x)", (4, 2, 3)) == Place(1)
    assert place("y = Transpose(x)", (4, 2, 3)) == Place(2)


def test_axes_that_are_taken_away_move_the_batch_where_they_stood_before_it():
    assert place("y = ReduceMean<axes = [0], keepdims = 0>(x)", (5, 4, 3), 1) == Place(0)
    assert place("y = ReduceMean<axes = [2], keepdims = 0>(x)", (5, 4, 3), 1) == Place(1)
    assert place("y = Gather<axis = 1>(x, i)", (4, 5, 3), i=np.array(0)) == Place(0)


def test_axes_that_broadcasting_adds_move_the_batch():
    assert place("y = Add(w, x)", (4, 3), w=np.ones((2, 4, 3), np.float32)) == Place(1)


def test_what_is_looked_up_lies_where_the_indices_lay():
    body = "i = Cast<to = 7>(x)  y = Gather(w, i)"
    assert place(body, (4, 5), w=np.ones((9, 3), np.float32)) == Place(0)


def test_recurrent_layers_have_the_batch_before_the_features():
    weights = {"w": np.ones((1, 16, 3), np.float32), "r": np.ones((1, 16, 4), np.float32)}
    assert place("y = LSTM<hidden_size = 4>(x, w, r)", (5, 2, 3), 1, **weights) == Place(2)
    assert place("a, y = LSTM<hidden_size = 4>(x, w, r)", (5, 2, 3), 1, **weights) == Place(1)


def test_a_mean_over_the_batch_has_no_place():
    assert place("y = ReduceMean<axes = [0]>(x)", (4, 3)) is None


def test_a_model_that_shape_inference_refuses_has_no_known_shapes():
    model = parse("g (float[2, 3] x) => (float[2, 3] y) { y = Relu(x) }")
    assert shapes_of(model) == {"x": (2, 3), "y": (2, 3)}
    del model.opset_import[:]
    assert shapes_of(model) == {}
