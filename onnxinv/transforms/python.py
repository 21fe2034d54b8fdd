"""Transforms that the user wrote: `file.py:function` returns a sequence of callables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.spec import did_you_mean
from onnxinv.transforms.transform import IDENTITY, Context, Image, Parameter, Step, Transform
from onnxinv.user_code import callables_of, importing_from, run_file

RETURN_A_LIST = "Return a list of callables, each from one sample (an array) to an array of the same shape."


@dataclass(frozen=True)
class UserStep(Step):
    """One callable of a user's file, held to returning finite numbers in the shape it was given.

    Attributes:
        function: the callable.
        label: where it is from, for messages: `callable 3 of file.py:function`.
        undo: the callable's `.inverse`, if it has one.
    """

    needs_image: ClassVar[bool] = False
    alone: ClassVar[bool] = True

    function: Callable[[Image], object]
    label: str
    undo: Callable[[Image], object] | None = None

    def apply(self, image: Image, context: Context) -> Image:
        """Return what the callable makes of a copy of the sample (of any shape).

        Raises:
            UsageError: the callable raises, or returns no array of finite numbers of the same shape.
        """
        with _blamed_on(self.label):
            made = self.function(image.copy())
        problem = _problem(made, image)
        if problem:
            raise UsageError(f"{self.label} {problem}.", "It takes one sample and returns an array of the same shape.")
        # Copied, because a callable may hand out one buffer again and again.
        return np.array(made, dtype=image.dtype, order="C")

    def inverse(self) -> Step | None:
        """Return the step of the callable's `.inverse`, None where it has none."""
        return None if self.undo is None else UserStep(self.undo, f"the inverse of {self.label}", self.function)


def is_file(name: str) -> bool:
    """Return whether a specification's name is a Python file, with or without a function."""
    return name.endswith(".py") or name.rpartition(":")[0].endswith(".py")


def from_file(name: str) -> tuple[Transform, ...]:
    """Import `file.py:function`, call the function, and return one transform for each callable that it returns.

    A callable may have `name` (text), `inverse` (a callable) and `is_identity` (True). The file may import the modules
    beside it.

    Raises:
        UsageError: the file, the function or what it returns cannot be used.
    """
    if name.endswith(".py"):
        raise UsageError(f"'{name}' names a Python file but no function.", f"Write {name}:function.")
    file, _, function = name.rpartition(":")
    path = Path(file).expanduser()
    with importing_from(path.parent):
        maker = _function(_module(path), function, name)
        with _blamed_on(name):
            made = maker()
        if isinstance(made, str | bytes) or not isinstance(made, Sequence):
            raise UsageError(f"{name} returns {_kind(made)}, not a list.", RETURN_A_LIST)
        if not made:
            raise UsageError(f"{name} returns an empty list.", RETURN_A_LIST)
        return tuple(_transform(item, index, name, function) for index, item in enumerate(made))


def _transform(item: object, index: int, name: str, function: str) -> Transform:
    label = f"callable {index} of {name}"
    if not callable(item):
        raise UsageError(f"Item {index} of what {name} returns is {_kind(item)}, not a callable.", RETURN_A_LIST)
    with _blamed_on(label):
        title = getattr(item, "name", None)
        undo = getattr(item, "inverse", None)
        marked = getattr(item, "is_identity", False)
    if title is not None and not (isinstance(title, str) and title.strip()):
        raise UsageError(f"The name of {label} is {_kind(title)}.", "Make .name a text, or leave it out.")
    if undo is not None and not callable(undo):
        raise UsageError(f"The inverse of {label} is {_kind(undo)}.", "Make .inverse a callable, or leave it out.")
    parameters: dict[str, Parameter] = {function: index}
    # A method called is_identity is no mark.
    if isinstance(marked, bool | np.bool_) and marked:
        return Transform(title or IDENTITY, parameters)
    return Transform(title or f"{function}[{index}]", parameters, (UserStep(item, label, undo),))


def _module(path: Path) -> ModuleType:
    if not path.exists():
        raise UsageError(f"There is no file {path}.", "Write path/to/file.py:function.")
    if not path.is_file():
        raise UsageError(f"{path} cannot be read: it is a folder.", "Write path/to/file.py:function.")
    with _blamed_on(str(path)):
        return run_file(path)


def _function(module: ModuleType, function: str, name: str) -> Callable[[], object]:
    maker = getattr(module, function, None)
    if callable(maker):
        return maker  # type: ignore[no-any-return]  # only a call can tell whether the signature fits
    if maker is not None:
        raise UsageError(f"'{function}' in {module.__file__} is {_kind(maker)}, not a function.", RETURN_A_LIST)
    hint = did_you_mean(function, callables_of(module))
    raise UsageError(f"{name}: there is no function '{function}' in the file.", hint)


def _problem(made: object, image: Image) -> str:
    if not isinstance(made, np.ndarray):
        return f"returns {_kind(made)}, not an array"
    if made.shape != image.shape:
        return f"changes the shape from {image.shape} to {made.shape}"
    if made.dtype.kind not in "fiub":
        return f"returns an array of {made.dtype}, not of numbers"
    return "" if np.isfinite(made).all() else "returns values that are not finite"


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


@contextmanager
def _blamed_on(label: str) -> Iterator[None]:
    """Turn whatever the user's code raises, `sys.exit` included, into an error that names the code."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise UsageError(f"{label} raises {type(error).__name__}: {error}.", "Mend it, or leave it out.") from error
