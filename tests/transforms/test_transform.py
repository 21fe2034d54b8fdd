"""Composition of transforms: order, names, parameters, fusion, inverses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from onnxinv.transforms import Context, Image, Step, Transform, cartesian


@dataclass(frozen=True)
class Add(Step):
    """Adds a number; two of them fuse."""

    number: float

    @property
    def is_identity(self) -> bool:
        return self.number == 0

    def apply(self, image: Image, context: Context) -> Image:
        return image + self.number

    def then(self, following: Step) -> Step | None:
        return Add(self.number + following.number) if isinstance(following, Add) else None

    def inverse(self) -> Step:
        return Add(-self.number)


@dataclass(frozen=True)
class Square(Step):
    """Squares the values; fuses with nothing and has no inverse."""

    def apply(self, image: Image, context: Context) -> Image:
        return image**2


def add(number: float) -> Transform:
    return Transform(f"add {number}", {"add": number}, (Add(number),))


SQUARE = Transform("square", {"power": 2}, (Square(),))
IDENTITY = Transform("identity", {"add": 0})
TWO = np.full((1, 1, 1), 2.0)


def test_the_first_named_is_applied_first() -> None:
    assert add(1).followed_by(SQUARE)(TWO).item() == 9
    assert SQUARE.followed_by(add(1))(TWO).item() == 5


def test_names_and_parameters_of_a_composition_are_joined() -> None:
    both = add(1).followed_by(SQUARE)
    assert both.name == "add 1, square"
    assert both.parameters == {"add": 1, "power": 2}


@pytest.mark.parametrize(
    ("composition", "name"),
    [
        pytest.param(IDENTITY.followed_by(SQUARE), "square", id="identity first"),
        pytest.param(SQUARE.followed_by(IDENTITY), "square", id="identity last"),
    ],
)
def test_an_identity_leaves_its_parameters_but_not_its_name(composition: Transform, name: str) -> None:
    assert composition.name == name
    assert composition.parameters == {"add": 0, "power": 2}
    assert composition.steps == SQUARE.steps


def test_a_product_of_identities_is_the_identity() -> None:
    both = IDENTITY.followed_by(Transform("identity", {"power": 1}))
    assert both == Transform("identity", {"add": 0, "power": 1})
    assert both.is_identity


def test_parameters_that_meet_again_are_numbered() -> None:
    assert add(1).followed_by(add(2)).followed_by(add(3)).parameters == {"add": 1, "add_2": 2, "add_3": 3}


def test_neighbours_fuse_and_others_stay_apart() -> None:
    assert add(1).followed_by(add(2)).steps == (Add(3),)
    assert add(1).followed_by(SQUARE).followed_by(add(2)).followed_by(add(3)).steps == (Add(1), Square(), Add(5))


def test_steps_that_cancel_disappear_and_let_their_neighbours_fuse() -> None:
    assert add(1).followed_by(add(-1)).is_identity
    around = add(5).followed_by(Transform("there and back", {}, (Add(1), Add(-6), Add(2))))
    assert around.steps == (Add(2),)


def test_the_inverse_undoes_the_steps_from_the_last() -> None:
    undone = Transform("two", {}, (Add(1), Add(2))).inverse()
    assert undone is not None
    assert undone(add(3)(TWO)).item() == 2


def test_there_is_no_inverse_where_a_step_has_none() -> None:
    assert add(1).followed_by(SQUARE).inverse() is None


def test_the_last_set_of_a_product_varies_fastest() -> None:
    names = [item.name for item in cartesian([[IDENTITY, add(1)], [IDENTITY, SQUARE]])]
    assert names == ["identity", "square", "add 1", "add 1, square"]


def test_names_that_meet_again_in_a_product_are_numbered() -> None:
    names = [item.name for item in cartesian([[add(1), add(1), Transform("add 1 (2)"), add(1)]])]
    assert names == ["add 1", "add 1 (3)", "add 1 (2)", "add 1 (4)"]


def test_a_product_of_nothing_is_the_identity() -> None:
    assert cartesian([]) == (Transform("identity"),)


def test_a_context_draws_the_same_for_a_stream_and_others_for_another() -> None:
    context = Context(seed=(1, 2, 3))
    one, again, other = (context.generator(stream).random() for stream in ("noise", "noise", "permute"))
    assert one == again != other
    assert Context(seed=(1, 3, 2)).generator("noise").random() != one


def test_the_context_reaches_every_step() -> None:
    @dataclass(frozen=True)
    class Highest(Step):
        def apply(self, image: Image, context: Context) -> Image:
            assert context.value_range
            return image + context.value_range[1]

    assert Transform("twice", {}, (Highest(), Highest()))(TWO, Context((0, 5))).item() == 12
