"""`--shape` fills in free dimensions, and nothing else."""

from __future__ import annotations

import pytest

from onnxinv.data.batch_axis import batch_axis, batch_length
from onnxinv.data.stated_shapes import state_shapes
from onnxinv.errors import UsageError
from onnxinv.provenance import TensorInfo

IMAGE = TensorInfo(name="image", dtype="float32", shape=["n", 3, "h", None])
TOKENS = TensorInfo(name="tokens:0", dtype="int64", shape=[1, "length"])
STEPS = TensorInfo(name="steps", dtype="float32", shape=[5, 1, 3])
BARE = TensorInfo(name="x", dtype="float32", shape=[])


@pytest.mark.parametrize(
    ("inputs", "texts", "shapes"),
    [
        pytest.param([IMAGE], ["image:1,3,32,40"], [["n", 3, 32, 40]], id="by name"),
        pytest.param([IMAGE], ["7, 3, 32, 40"], [["n", 3, 32, 40]], id="without a name"),
        pytest.param(
            [IMAGE, TOKENS], ["tokens:0:9,16"], [["n", 3, "h", None], [1, 16]], id="a name with a colon, a fixed batch"
        ),
        pytest.param(
            [IMAGE, TOKENS], ["image:1,3,8,8", "tokens:0:1,0"], [["n", 3, 8, 8], [1, 0]], id="two, one of no length"
        ),
        pytest.param([IMAGE], [], [["n", 3, "h", None]], id="none"),
    ],
)
def test_free_dimensions_take_the_lengths_and_the_batch_axis_stays(inputs, texts, shapes):
    assert [info.shape for info in state_shapes(inputs, texts)] == shapes


@pytest.mark.parametrize(
    ("declared", "text", "shape", "axis"),
    [
        pytest.param([5, 1, 3], "steps:5,batch,3", [5, 1, 3], 1, id="a fixed batch stays so"),
        pytest.param([5, 1, 3], " n , 1, 3", [5, 1, 3], 0, id="the first axis"),
        pytest.param(["batch", "N", 3], "7,_b2,3", [7, "N", 3], 1, id="against the name of another axis"),
        pytest.param(["T", None], "7,n", [7, None], 1, id="a free axis stays free"),
        pytest.param(["N"], "steps:n", ["N"], 0, id="the only axis"),
    ],
)
def test_a_word_marks_the_batch_axis_and_changes_no_length(declared, text, shape, axis):
    (found,) = state_shapes([STEPS.model_copy(update={"shape": declared})], [text])
    assert (found.shape, batch_axis(found)) == (shape, axis)
    assert batch_length(found) == shape[axis]


def test_each_input_is_marked_by_itself():
    state = STEPS.model_copy(update={"name": "state", "shape": [2, 1, 4]})
    found = state_shapes([STEPS, state, TOKENS], ["state:2,n,4", "steps:5,n,3"])
    assert [batch_axis(info) for info in found] == [1, 1, 0]


def test_an_input_of_unknown_shape_takes_all_axes():
    assert state_shapes([BARE], ["x:1,3,8"], {"x"})[0].shape == [None, 3, 8]
    (marked,) = state_shapes([BARE], ["x:5,n,8"], {"x"})
    assert (marked.shape, batch_axis(marked)) == ([5, None, 8], 1)


@pytest.mark.parametrize(
    ("inputs", "texts", "message"),
    [
        pytest.param(
            [IMAGE], ["1,4,8,8"], "axis 1 of the input 'image' the length 4, and the model fixes it at 3", id="fixed"
        ),
        pytest.param([IMAGE], ["1,3,8"], "the input 'image' 3 axes, and the model declares 4", id="too few axes"),
        pytest.param([BARE], ["1"], "1 axis, and the model declares 0 axes", id="a single number"),
        pytest.param([IMAGE], ["imgae:1,3,8,8"], "no input 'imgae'. Did you mean 'image'?", id="misspelt"),
        pytest.param([IMAGE, TOKENS], ["1,3,8,8"], "does not say which input it is of", id="which of two"),
        pytest.param([IMAGE], ["image"], "'image' is not a shape. Write --shape image:1,3,224,224", id="no lengths"),
        pytest.param([IMAGE], ["image:1,?"], "is not a shape", id="a sign"),
        pytest.param([IMAGE], ["image:1,3h"], "is not a shape", id="a number and a letter"),
        pytest.param([STEPS], ["5,n,n"], "marks 2 axes: a word stands at the batch axis", id="a word twice"),
        pytest.param([STEPS], ["5,n,b"], "marks 2 axes", id="two words"),
        pytest.param([STEPS], ["4,n,3"], "axis 0 of the input 'steps' the length 4, and the", id="fixed beside a mark"),
        pytest.param([STEPS], ["5,n"], "2 axes, and the model declares 3", id="too few axes beside a mark"),
        pytest.param([IMAGE], ["image:1,-3"], "is not a shape", id="below zero"),
        pytest.param([IMAGE], ["1,3,8,8", "image:1,3,8,8"], "given twice for the input 'image'", id="twice"),
    ],
)
def test_what_contradicts_the_model_is_refused(inputs, texts, message):
    with pytest.raises(UsageError) as caught:
        state_shapes(inputs, texts)
    assert message in str(caught.value)
