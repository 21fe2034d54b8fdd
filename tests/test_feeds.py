"""Samples become batches of variants, each input of the model gets its array, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onnxinv.data import open_source
from onnxinv.data.constants import hold_constant
from onnxinv.data.fed_input import FedInput
from onnxinv.data.preprocess import Preprocess
from onnxinv.data.source import PRIMARY, Samples
from onnxinv.errors import DataError, UsageError
from onnxinv.feeds import Feeds
from onnxinv.provenance import TensorInfo
from onnxinv.transforms import expand

IMAGE = TensorInfo(name="image", dtype="float32", shape=["n", 1, 6, 6])
VECTOR = TensorInfo(name="vector", dtype="float32", shape=["n", 3])
TOKENS = TensorInfo(name="tokens", dtype="int64", shape=["n", 3])
IDENTITY = expand(["identity"])


def samples(*read: dict[str, np.ndarray]) -> Samples:
    return Samples("data", len(read), lambda index: {key: np.asarray(value) for key, value in read[index].items()})


def feeds(inputs: list[TensorInfo], given: Samples, transforms=IDENTITY, seed: int = 0) -> Feeds:
    return Feeds(inputs, given, transforms, Preprocess(), seed)


@pytest.fixture
def user(tmp_path) -> Callable[[str], tuple]:
    """Return a function that makes transforms of a Python expression."""

    def make(expression: str) -> tuple:
        (tmp_path / "f.py").write_text(f"import numpy as np\n\n\ndef f():\n    return {expression}\n")
        return expand([f"{tmp_path / 'f.py'}:f"])

    return make


def save(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "x.npz", **arrays)
    return str(folder / "x.npz")


def test_each_array_of_an_npz_file_goes_to_the_input_of_its_name(tmp_path):
    images, vectors = np.random.default_rng(0).random((2, 5, 36), dtype=np.float32)
    path = save(tmp_path, vector=vectors[:, :3], image=images.reshape(5, 1, 6, 6))
    found = feeds([VECTOR, IMAGE], open_source(path, [VECTOR, IMAGE]), expand(["flip"]))
    batch = found.batch([3, 1], slice(0, len(found.transforms)))
    count = len(found.transforms)
    assert found.primary == IMAGE  # images are what transforms work on, wherever they stand among the inputs
    np.testing.assert_array_equal(batch["image"][0], images[3].reshape(1, 6, 6))
    np.testing.assert_array_equal(batch["vector"], np.repeat(vectors[[3, 1], :3], count, axis=0))


def test_samples_vary_slowest(user):
    found = feeds(
        [VECTOR], samples({PRIMARY: [1.0, 2, 3]}, {PRIMARY: [4.0, 5, 6]}), user("[lambda x: x, lambda x: -x]")
    )
    np.testing.assert_array_equal(found.batch([1, 0], slice(0, 2))["vector"][:, 0], [4, -4, 1, -1])
    np.testing.assert_array_equal(found.batch([1, 0], slice(1, 2))["vector"][:, 0], [-4, -1])


def test_an_input_without_an_array_is_named():
    with pytest.raises(DataError, match="needs the input 'tokens', which the data 'data' lacks"):
        feeds([VECTOR, TOKENS], samples({PRIMARY: [1.0, 2, 3]}))


@pytest.mark.parametrize(("name", "value"), [("h0", "zeros"), ("tokens", "VALUE")])
def test_the_option_that_holds_it_constant_is_offered(name, value):
    with pytest.raises(DataError) as caught:
        feeds([VECTOR, TOKENS.model_copy(update={"name": name})], samples({PRIMARY: [1.0, 2, 3]}))
    assert f"Hold it constant with --set-input {name}={value}, or " in caught.value.hint


def test_constants_are_fed_beside_the_samples_and_noted():
    state = TensorInfo(name="state", dtype="float32", shape=[2, "n", 1])
    rate = TensorInfo(name="sr", dtype="int64", shape=[])
    constants = hold_constant([VECTOR, state, rate], ["sr=16000", "state=zeros"])
    found = Feeds([VECTOR], samples({PRIMARY: [1.0, 2, 3]}), IDENTITY, Preprocess(), 0, constants)
    batch = found.batch([0, 0, 0], slice(None))
    assert {name: array.shape for name, array in batch.items()} == {"vector": (3, 3), "state": (2, 3, 1), "sr": ()}
    assert found.notes == ["input 'state' held at zeros", "input 'sr' held at 16000"]
    assert found.batch_axes == {"vector": 0, "state": 1}


def test_states_that_the_data_have_nothing_for_are_held_at_zero_and_noted():
    state = FedInput(name="state", dtype="float32", shape=[2, "n", 1], is_state=True)
    given = samples({PRIMARY: [1.0, 2, 3]})
    rate = hold_constant([VECTOR, TensorInfo(name="sr", dtype="int64", shape=[])], ["sr=8000"])
    found = Feeds([VECTOR, state], replace(given, without_states=True), IDENTITY, Preprocess(), 0, rate)
    batch = found.batch([0, 0], slice(None))
    np.testing.assert_array_equal(batch["state"], np.zeros((2, 2, 1), np.float32), strict=True)
    assert batch["sr"] == 8000
    assert found.inputs == (VECTOR,)
    assert found.notes == [
        "input 'sr' held at 8000", "input 'state' held at zeros: a state, and the data have none"
    ]  # fmt: skip


def test_a_state_is_offered_at_zero_whatever_its_name():
    state = FedInput(name="input.5", dtype="float32", shape=[2, "n", 1], is_state=True)
    with pytest.raises(DataError, match=r"needs the input 'input\.5'") as caught:
        feeds([VECTOR, state], samples({PRIMARY: [1.0, 2, 3]}))
    assert "Hold it constant with --set-input input.5=zeros, or " in caught.value.hint


def test_samples_are_stacked_along_marked_axes():
    steps = FedInput(name="steps", dtype="float32", shape=[3, 1, 2], marked_batch=1)
    state = FedInput(name="state", dtype="float32", shape=[4, 1], marked_batch=1)
    rng = np.random.default_rng(0)
    values = [{"steps": rng.random((3, 2)), "state": rng.random(4)} for _ in range(3)]
    found = feeds([steps, state], samples(*values))
    batch = found.batch([2, 0], slice(None))
    for name in ("steps", "state"):
        expected = np.stack([values[2][name], values[0][name]], 1).astype(np.float32)
        np.testing.assert_array_equal(batch[name], expected, strict=True)
    assert found.batch_axes == {"steps": 1, "state": 1}


def test_marks_beside_an_image_are_followed_and_one_within_makes_it_none(user):
    state = FedInput(name="state", dtype="float32", shape=[4, 1], marked_batch=1)
    image = np.zeros((1, 6, 6))
    beside = feeds([IMAGE, state], samples({"image": image, "state": np.arange(4.0)}), expand(["flip"]))
    assert (beside.layout, beside.batch_axes) == ("NCHW", {"image": 0, "state": 1})
    first = FedInput(name="image", dtype="float32", shape=["n", 1, 6, 6], marked_batch=0)
    assert feeds([first], samples({PRIMARY: image}), expand(["flip"])).layout == "NCHW"
    frames = FedInput(name="frames", dtype="float32", shape=[7, 1, 6, 6], marked_batch=1)
    within = feeds([frames], samples({PRIMARY: np.zeros((7, 6, 6))}), user("[lambda x: x + 1]"))
    assert (within.layout, within.batch([0, 0], slice(None))["frames"].shape) == (None, (7, 2, 6, 6))
    with pytest.raises(UsageError, match=r"work on images, and the input 'frames' is none"):
        feeds([frames], samples({PRIMARY: np.zeros((7, 6, 6))}), expand(["flip"]))


def test_a_batch_is_filled_up_with_its_last_variant():
    tokens = TOKENS.model_copy(update={"name": "t"})
    given = samples({PRIMARY: [1.0, 2, 3], "t": [1, 2, 3]}, {PRIMARY: [4.0, 5, 6], "t": [4, 5, 6]})
    batch = feeds([VECTOR, tokens], given).batch([0, 1], slice(None), 4)
    for name in ("vector", "t"):
        np.testing.assert_array_equal(batch[name], [[1, 2, 3], [4, 5, 6], [4, 5, 6], [4, 5, 6]])


def test_four_axes_without_channels_are_no_image_unless_a_transform_needs_one():
    volume = TensorInfo(name="volume", dtype="float64", shape=["n", 7, 6, 5])
    given = samples({PRIMARY: np.arange(210.0).reshape(7, 6, 5)})
    found = feeds([volume], given, expand(["permute:steps=2"]))
    assert (found.layout, found.notes) == (None, [])
    assert found.batch([0], slice(None))["volume"].dtype == np.float64
    np.testing.assert_array_equal(found.batch([0], slice(0, 1))["volume"], [given.read(0)[PRIMARY]])
    for refused in (
        lambda: feeds([volume], given, expand(["flip"])),
        lambda: Feeds([volume], given, IDENTITY, Preprocess(mean=(0.5,))),
    ):
        with pytest.raises(DataError, match="layout of the input 'volume'"):
            refused()


def test_whole_numbers_that_transforms_would_round_are_refused():
    with pytest.raises(DataError, match=r"whole numbers above 2\^53"):
        feeds([TOKENS], samples({PRIMARY: [1, 2, 2**53 + 1]}))
    assert feeds([TOKENS], samples({PRIMARY: [1, 2, 2**53]})).batch([0], slice(None))["tokens"][0, 2] == 2**53


def test_truth_values_are_permuted_as_such():
    mask = TensorInfo(name="mask", dtype="bool", shape=["n", 6])
    given = samples({PRIMARY: [True, True, False, False, False, False]})
    batch = feeds([mask], given, expand(["permute:steps=3"])).batch([0], slice(None))["mask"]
    assert batch.dtype == np.bool_
    assert batch.sum(axis=1).tolist() == [2] * len(batch)


def test_user_transforms_work_on_integers_and_are_rounded(user):
    found = feeds([TOKENS], samples({PRIMARY: [1, 2, 29]}), user("[lambda x: x, np.flip, lambda x: x / 100 * 100]"))
    batch = found.batch([0], slice(0, 3))["tokens"]
    assert batch.dtype == np.int64
    assert 29 / 100 * 100 < 29
    np.testing.assert_array_equal(batch, [[1, 2, 29], [29, 2, 1], [1, 2, 29]])


def test_transforms_of_images_are_refused_where_there_is_none():
    with pytest.raises(UsageError, match=r"work on images, and the input 'vector' is none: its shape is \(n, 3\)"):
        feeds([VECTOR], samples({PRIMARY: [1.0, 2, 3]}), expand(["flip"]))


@pytest.mark.parametrize(
    ("info", "value", "reason"),
    [
        pytest.param(TOKENS, [1.0, 2.0, 3.0], "takes int64, and 'data' holds float64", id="floats for integers"),
        pytest.param(VECTOR, [1.0, 2.0], r"has shape \[2\]", id="too few values"),
        pytest.param(VECTOR, [[1.0, 2.0, 3.0]], r"has shape \[1, 3\]", id="an axis too many"),
        pytest.param(VECTOR, [1.0, np.nan, 3.0], "1 of 3 values that are NaN or infinite", id="a value that is nan"),
        pytest.param(IMAGE, np.zeros((3, 6, 6)), "has 3 channels", id="too many channels"),
        pytest.param(IMAGE, np.zeros((1, 5, 6)), "5 high and 6 wide", id="another size"),
        pytest.param(
            VECTOR.model_copy(update={"dtype": "string"}),
            [1.0, 2.0, 3.0],
            "takes texts, which cannot be fed",
            id="a model of texts",
        ),
    ],
)
def test_what_does_not_fit_is_refused(info, value, reason):
    with pytest.raises((DataError, UsageError), match=reason):
        feeds([info], samples({PRIMARY: value}))


def test_a_later_sample_of_another_size_is_refused():
    free = IMAGE.model_copy(update={"shape": ["n", 1, "h", "w"]})
    found = feeds([free], samples({PRIMARY: np.zeros((1, 4, 4))}, {PRIMARY: np.zeros((1, 5, 4))}))
    found.batch([0], slice(0, 1))
    with pytest.raises(DataError, match=r"Sample 1 of 'data' has shape \(1, 5, 4\), while the first has \(1, 4, 4\)"):
        found.batch([0, 1], slice(0, 1))


RANDOM = [
    pytest.param(VECTOR, [1.0, 2.0, 3.0], ["additive-noise:steps=3"], id="noise on a vector"),
    pytest.param(TOKENS, [1, 2, 3], ["permute:steps=3", "time-shift:steps=1,max=0.4"], id="permuted tokens"),
    pytest.param(IMAGE, np.full((6, 6), 99, dtype=np.uint8), ["flip", "noise:steps=3"], id="noise on an image"),
]


@pytest.mark.parametrize(("info", "value", "specs"), RANDOM)
def test_random_variants_are_the_same_in_every_batch(info, value, specs):
    transforms = expand(specs)
    given = samples(*[{PRIMARY: value}] * 5)
    whole = feeds([info], given, transforms).batch(range(5), slice(None))[info.name].reshape(5, len(transforms), -1)
    other = feeds([info], given, transforms)
    for index in (3, 0, 4):
        for column in range(len(transforms)):
            alone = other.batch([index], slice(column, column + 1))[info.name]
            np.testing.assert_array_equal(alone.ravel(), whole[index, column])
    beside = other.batch([4, 1], slice(1, 3))[info.name].reshape(2, 2, -1)
    np.testing.assert_array_equal(beside, whole[[4, 1], 1:3])


def test_random_variants_differ_between_samples_transforms_and_seeds():
    given = samples(*[{PRIMARY: [1.0, 2.0, 3.0]}] * 3)
    transforms = expand(["additive-noise:steps=1,max=0.1", "additive-noise:steps=1,max=0.2"])
    batches = [feeds([VECTOR], given, transforms, seed).batch(range(3), slice(1, 4))["vector"] for seed in (0, 1)]
    rows = np.concatenate(batches)
    assert len(np.unique(rows, axis=0)) == len(rows) == 18


def test_transforms_of_arrays_may_be_used_on_images():
    given = samples({PRIMARY: np.arange(36.0).reshape(1, 6, 6)})
    later = feeds([IMAGE], given, expand(["time-shift:steps=1,max=0.5,axis=1"])).batch([0], slice(2, 3))["image"]
    np.testing.assert_array_equal(later[0, 0], np.roll(np.arange(36.0).reshape(6, 6), 3, axis=1))


def test_colours_are_refused_where_the_images_are_grey():
    with pytest.raises(UsageError, match="'hue' changes colours, and an image has 1 channels"):
        feeds([IMAGE], samples({PRIMARY: np.zeros((6, 6), dtype=np.uint8)}), expand(["hue"]))


def digest(*values: list[float], order: list[int], info: TensorInfo = VECTOR) -> str:
    found = feeds([info], samples(*({PRIMARY: value} for value in values)))
    for index in order:
        found.batch([index], slice(0, 1))
    return found.digest(order)


def test_the_digest_is_of_the_content_and_not_of_the_order_of_reading():
    one, two, three = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]
    assert digest(one, two, order=[0, 1]) == digest(one, two, order=[1, 0])
    assert digest(one, two, three, order=[0, 1]) == digest(one, two, order=[0, 1])
    assert digest(one, two, three, order=[0, 2]) != digest(one, two, three, order=[0, 1])
    assert digest(one, [4.0, 5.0, 6.5], order=[0, 1]) != digest(one, two, order=[0, 1])


def test_the_digest_tells_types_apart():
    whole, real = [1, 2, 3], [1.0, 2.0, 3.0]
    assert digest(whole, order=[0]) != digest(real, order=[0])


def test_the_notes_say_how_pixels_are_scaled():
    found = feeds([IMAGE], samples({PRIMARY: np.zeros((6, 6), dtype=np.uint8)}))
    assert found.notes == ["stored as uint8, model input NCHW", "pixels multiplied by 0.00392157"]
    assert found.variant_bytes == 36 * 4
