"""Transforms from a user's file, well-meant and hostile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.transforms import Image, Transform, expand

Load = Callable[[str], tuple[Transform, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that writes a file and expands its function `make`."""

    def write_and_expand(source: str) -> tuple[Transform, ...]:
        (tmp_path / "mine.py").write_text("import numpy as np\n" + source)
        return expand([f"{tmp_path}/mine.py:make"])

    return write_and_expand


def test_each_callable_is_a_transform(load: Load, draw: Callable[..., Image]) -> None:
    transforms = load("def make():\n    return [np.flipud, lambda image: image * 2]\n")
    image = draw(3, 4, 2)
    assert [t.name for t in transforms] == ["make[0]", "make[1]"]
    assert [t.parameters for t in transforms] == [{"make": 0}, {"make": 1}]
    assert not any(t.is_identity for t in transforms)
    np.testing.assert_array_equal(transforms[0](image), image[::-1])
    np.testing.assert_array_equal(transforms[1](image), image * 2)


def test_a_sample_of_any_shape_goes_through(load: Load) -> None:
    (reverse,) = load("def make():\n    return (lambda signal: signal[::-1],)\n")
    np.testing.assert_array_equal(reverse(np.arange(5.0)), [4, 3, 2, 1, 0])


NAMED = """
class Shift:
    def __init__(self, by):
        self.by, self.name = by, f"shift {by}"
        self.is_identity = by == 0
    def __call__(self, image):
        return image + self.by
    def inverse(self, image):
        return image - self.by

def make():
    return [Shift(0), Shift(3)]
"""


def test_a_callable_may_bring_a_name_an_inverse_and_be_the_identity(load: Load, draw: Callable[..., Image]) -> None:
    same, shifted = load(NAMED)
    assert [same.name, shifted.name] == ["shift 0", "shift 3"]
    assert [same.is_identity, shifted.is_identity] == [True, False]
    undone = shifted.inverse()
    assert undone is not None
    image = draw(3, 3)
    np.testing.assert_allclose(undone(shifted(image)), image, rtol=0, atol=1e-15)


def test_without_an_inverse_there_is_none(load: Load) -> None:
    assert load("def make():\n    return [np.flipud]\n")[0].inverse() is None


def test_an_identity_without_a_name_is_called_so(load: Load) -> None:
    (same,) = load("def make():\n    f = lambda image: image\n    f.is_identity = True\n    return [f]\n")
    assert same.name == "identity"


def test_a_method_called_is_identity_is_no_mark(load: Load) -> None:
    source = "class F:\n    def is_identity(self): return False\n    def __call__(self, x): return x\n"
    assert not load(source + "def make():\n    return [F()]\n")[0].is_identity


def test_names_that_the_file_gives_twice_are_numbered(load: Load) -> None:
    source = "def make():\n    f = lambda image: image\n    f.name = 'same'\n    return [f, f]\n"
    assert [t.name for t in load(source)] == ["same", "same (2)"]


def test_a_callable_cannot_damage_the_sample(load: Load, draw: Callable[..., Image]) -> None:
    (black,) = load("def make():\n    def f(image):\n        image[:] = 0\n        return image\n    return [f]\n")
    image = draw(3, 3)
    before = image.copy()
    assert black(image).max() == 0
    np.testing.assert_array_equal(image, before)


def test_a_callable_that_reuses_its_buffer_does_not_change_earlier_results(load: Load) -> None:
    source = "BUFFER = np.empty((2, 2, 1))\ndef make():\n    def f(image):\n        BUFFER[:] = image\n"
    (reuse,) = load(source + "        return BUFFER\n    return [f]\n")
    first = reuse(np.zeros((2, 2, 1)))
    reuse(np.ones((2, 2, 1)))
    assert first.max() == 0


def test_the_type_of_the_sample_is_kept(load: Load, draw: Callable[..., Image]) -> None:
    (mask,) = load("def make():\n    return [lambda image: image > 0.5]\n")
    assert mask(draw(3, 3)).dtype == np.float64


def test_a_file_may_import_its_neighbours(load: Load, tmp_path: Path, draw: Callable[..., Image]) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("def twice(image):\n    return image * 2\n")
    path = list(sys.path)
    (twice,) = load("from neighbour_of_mine import twice\ndef make():\n    return [twice]\n")
    assert sys.path == path
    image = draw(2, 2)
    np.testing.assert_array_equal(twice(image), image * 2)


def test_a_changed_file_is_read_again_and_leaves_no_cache(load: Load, tmp_path: Path) -> None:
    one = np.ones((1, 1, 1))
    assert load("def make():\n    return [lambda image: image * 2]\n")[0](one).item() == 2
    assert load("def make():\n    return [lambda image: image * 3]\n")[0](one).item() == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_file_may_define_dataclasses(load: Load) -> None:
    source = "from dataclasses import dataclass\n@dataclass\nclass F:\n    by: 'float' = 1.0\n"
    source += "    def __call__(self, image): return image + self.by\n"
    assert load(source + "def make():\n    return [F()]\n")[0](np.zeros((1, 1, 1))).item() == 1


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        pytest.param("def make(:\n", r"mine\.py raises SyntaxError", id="does not parse"),
        pytest.param("1 / 0\n", r"mine\.py raises ZeroDivisionError", id="raises at import"),
        pytest.param("import sys\nsys.exit(0)\n", r"mine\.py raises SystemExit", id="exits at import"),
        pytest.param("def male():\n    return []\n", "no function 'make'.*Did you mean 'male'", id="another name"),
        pytest.param("make = [np.flipud]\n", "'make' in .*mine.py is a value of type list", id="a list, no function"),
        pytest.param("def make(n):\n    return []\n", r"mine\.py:make raises TypeError", id="wants an argument"),
        pytest.param("def make():\n    raise OSError('gone')\n", r"mine\.py:make raises OSError: gone", id="raises"),
        pytest.param("def make():\n    exit(3)\n", r"mine\.py:make raises SystemExit", id="exits"),
        pytest.param("def make():\n    pass\n", r"mine\.py:make returns None", id="returns nothing"),
        pytest.param("def make():\n    return 'flip'\n", "type str, not a list", id="returns text"),
        pytest.param("def make():\n    yield np.flipud\n", "type generator, not a list", id="is a generator"),
        pytest.param("def make():\n    return []\n", "returns an empty list", id="returns an empty list"),
        pytest.param("def make():\n    return [np.flipud, 3]\n", "Item 1 .* type int, not a callable", id="a number"),
        pytest.param(
            "def make():\n    f = lambda x: x\n    f.name = 3\n    return [f]\n", "name of callable 0", id="name is 3"
        ),
        pytest.param(
            "def make():\n    f = lambda x: x\n    f.inverse = 3\n    return [f]\n",
            "inverse of callable 0 .* type int",
            id="inverse is 3",
        ),
        pytest.param(
            "class F:\n    name = property(lambda self: 1 / 0)\n    def __call__(self, x): return x\n"
            "def make():\n    return [F()]\n",
            "callable 0 of .*mine.py:make raises ZeroDivisionError",
            id="name raises",
        ),
    ],
)
def test_a_bad_file_is_an_error_that_names_it(load: Load, source: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        load(source)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param("image[1:]", r"changes the shape from \(3, 3, 1\) to \(2, 3, 1\)", id="crops"),
        pytest.param("image[..., 0]", "changes the shape", id="drops the channel axis"),
        pytest.param("None", "returns None, not an array", id="returns nothing"),
        pytest.param("image.tolist()", "type list, not an array", id="returns a list"),
        pytest.param("image.astype(str)", "array of <U32, not of numbers", id="returns text"),
        pytest.param("image.astype(object)", "array of object", id="returns objects"),
        pytest.param("image + 1j", "array of complex128", id="returns complex numbers"),
        pytest.param("image * np.nan", "not finite", id="returns nan"),
        pytest.param("1 / 0", "raises ZeroDivisionError", id="raises"),
        pytest.param("exit(0)", "raises SystemExit", id="exits"),
    ],
)
def test_a_bad_callable_is_an_error_that_names_file_function_and_index(
    load: Load, draw: Callable[..., Image], body: str, complaint: str
) -> None:
    transforms = load(f"def make():\n    return [np.flipud, lambda image: {body}]\n")
    with pytest.raises(UsageError, match=rf"callable 1 of .*mine\.py:make .*{complaint}"):
        transforms[1](draw(3, 3))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("nowhere.py:make", "There is no file", id="no such file"),
        pytest.param("mine.py", "names a Python file but no function", id="no function"),
        pytest.param("mine.py:", "no function ''", id="an empty function"),
        pytest.param("mine.py:make:steps=3", "has parameters", id="parameters for the function"),
        pytest.param("mine.py:steps=3", "has parameters", id="parameters for the file"),
        pytest.param("folder.py:make", "cannot be read", id="a folder"),
    ],
)
def test_a_bad_specification_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "mine.py").write_text("def make():\n    return [abs]\n")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UsageError, match=complaint):
        expand([f"{tmp_path}/{name}"])
