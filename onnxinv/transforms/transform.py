"""One transform with fixed parameters: steps on an image, neighbouring affine ones fused into one warp."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Image = npt.NDArray[np.float64]
Parameter = float | int | str

IDENTITY = "identity"


@dataclass(frozen=True)
class Context:
    """What a step may know of a sample besides its numbers.

    Attributes:
        value_range: lowest and highest value a pixel can have, None where that is not known.
        seed: the run's seed, the sample's index in the source, and the transform's index in the set.
    """

    value_range: tuple[float, float] | None = None
    seed: tuple[int, int, int] = (0, 0, 0)

    def generator(self, stream: str) -> np.random.Generator:
        """Return a generator of random numbers: the same for one sample under one transform, whatever the batch.

        Args:
            stream: what the numbers are for; steps of one transform that name different streams draw independently.
        """
        return np.random.default_rng([*self.seed, zlib.crc32(stream.encode())])


NOTHING_KNOWN = Context()
"""The context of a sample on its own: its range is not known, its seed is zero."""


class Step(ABC):
    """Something done to one image, or to one sample of any shape.

    Attributes:
        needs_image: whether it works on (height, width, channels) alone, not on samples of any shape.
        needs_color: whether it works on images of three channels alone: red, green and blue.
        alone: whether only one thread at a time may apply it.
    """

    needs_image: ClassVar[bool] = True
    needs_color: ClassVar[bool] = False
    alone: ClassVar[bool] = False

    @property
    def is_identity(self) -> bool:
        """Whether the step is known to hand back its input."""
        return False

    @abstractmethod
    def apply(self, image: Image, context: Context) -> Image:
        """Return the changed image.

        Args:
            image: (height, width, channels) float64 in pixel space, that is before normalisation; not to be changed.
            context: the range of its pixels, and what random numbers are seeded with.
        """

    def then(self, following: Step) -> Step | None:
        """Return one step that does both, or None where they cannot be fused."""
        return None

    def inverse(self) -> Step | None:
        """Return the step that undoes this one (but for what left the frame or was clipped), or None."""
        return None


@dataclass(frozen=True)
class Transform:
    """One transformation of the input with fixed parameters; no steps is the identity.

    Attributes:
        name: what a person reads, for example `rotation 22.5`; `identity` for the identity of a family.
        parameters: the numbers behind the name, written to the result; the identity keeps them (`rotation` 0).
        steps: what is done, first to last.
    """

    name: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether the transform hands back its input."""
        return not self.steps

    def __call__(self, image: Image, context: Context = NOTHING_KNOWN) -> Image:
        """Return the transformed image, of the same shape; see `Step.apply`."""
        for step in self.steps:
            image = step.apply(image, context)
        return image

    def followed_by(self, following: Transform) -> Transform:
        """Return the composition: first this transform, then the following one.

        The names are joined, without those of identities. The parameters are joined; a key that both have gets a
        number (`rotation`, `rotation_2`). Steps that cancel exactly disappear.
        """
        names = [part.name for part in (self, following) if part.name != IDENTITY]
        parameters = dict(self.parameters)
        for key, value in following.parameters.items():
            parameters[_free_key(key, parameters)] = value
        steps = self.steps
        for step in following.steps:
            steps = _append(steps, step)
        return Transform(", ".join(names) or IDENTITY, parameters, steps)

    def inverse(self) -> Transform | None:
        """Return the transform that undoes this one, or None where one of its steps has no inverse."""
        steps: tuple[Step, ...] = ()
        for step in reversed(self.steps):
            undone = step.inverse()
            if undone is None:
                return None
            steps = _append(steps, undone)
        return Transform(f"inverse of {self.name}", dict(self.parameters), steps)


class Family(BaseModel, ABC):
    """A parametrised set of transforms; a registered family is one file and its fields are its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @abstractmethod
    def expand(self) -> tuple[Transform, ...]:
        """Return the transforms in order, the identity among them where the set has one."""


def cartesian(sets: Iterable[Sequence[Transform]]) -> tuple[Transform, ...]:
    """Return the Cartesian product of transform sets; the first set's transform is applied first and varies slowest.

    A name that occurs again gets a number, `rotation 90 (2)`, so that names are unique in the product.
    """
    result: tuple[Transform, ...] = (Transform(IDENTITY),)
    for transforms in sets:
        result = tuple(first.followed_by(second) for first, second in product(result, transforms))
    return _named_apart(result)


def _append(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    fused = steps[-1].then(step) if steps else None
    if fused is None:
        return (*steps, step)
    return steps[:-1] if fused.is_identity else (*steps[:-1], fused)


def _free_key(key: str, taken: dict[str, Parameter]) -> str:
    candidate, number = key, 1
    while candidate in taken:
        number += 1
        candidate = f"{key}_{number}"
    return candidate


def _named_apart(transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    taken = {transform.name for transform in transforms}
    times: dict[str, int] = {}
    result = []
    for transform in transforms:
        name = unique = transform.name
        times[name] = times.get(name, 0) + 1
        if times[name] > 1:
            while (unique := f"{name} ({times[name]})") in taken:
                times[name] += 1
            taken.add(unique)
        result.append(replace(transform, name=unique))
    return tuple(result)
