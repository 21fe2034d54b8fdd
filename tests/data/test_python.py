"""A function of the user's own as samples."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from onnxinv.data import PRIMARY, open_source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo

INPUTS = [
    TensorInfo(name="image", dtype="float32", shape=["N", 2]),
    TensorInfo(name="state", dtype="float32", shape=["N", 2]),
]


@pytest.fixture
def write(tmp_path):
    def write(body: str, name: str = "mine.py"):
        path = tmp_path / name
        path.write_text(f"import numpy as np\n{body}\n", encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("returned", "names", "labels"),
    [
        pytest.param("np.ones((3, 2))", {PRIMARY}, None, id="an array"),
        pytest.param("[[1, 2], [3, 4], [5, 6]]", {PRIMARY}, None, id="a list"),
        pytest.param("(np.ones((3, 2)), np.array([2, 0, 1]))", {PRIMARY}, [2, 0, 1], id="an array and labels"),
        pytest.param("(np.ones((3, 2)), None)", {PRIMARY}, None, id="an array and no labels"),
        pytest.param("(np.ones((3, 2)), ['b', 'a', 'b'])", {PRIMARY}, [1, 0, 1], id="names as labels"),
        pytest.param("dict(image=np.ones((3, 2)), state=np.ones((3, 2)))", {"image", "state"}, None, id="a dict"),
        pytest.param("dict(x=np.ones((3, 2)), y=[0, 1, 2])", {PRIMARY}, [0, 1, 2], id="a dict with labels"),
        pytest.param("(dict(image=np.ones((3, 2))), [0, 1, 2])", {"image"}, [0, 1, 2], id="a dict and labels"),
    ],
)
def test_what_a_function_may_return(write, returned, names, labels):
    samples = open_source(f"{write(f'def f(): return {returned}')}:f", INPUTS)
    assert samples.count == 3
    assert set(samples.read(0)) == names
    assert (None if samples.labels is None else samples.labels.tolist()) == labels


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("def f(): raise KeyError('nope')", "failed with KeyError: 'nope'", id="raises"),
        pytest.param("def f(): raise RuntimeError", "failed with RuntimeError.", id="raises without a word"),
        pytest.param("import sys\ndef f(): sys.exit(1)", "failed with SystemExit: 1", id="exits"),
        pytest.param("import no_such_module_at_all", "ModuleNotFoundError", id="fails on import"),
        pytest.param("def f(:", "SyntaxError", id="is not Python"),
        pytest.param("def f(n): return n", "TypeError", id="wants arguments"),
        pytest.param("def fn(): return 1", "There is no function 'f' in", id="is called otherwise"),
        pytest.param("f = 3", "There is no function 'f' in", id="is no function"),
        pytest.param("def f(): pass", "returned nothing", id="returns nothing"),
        pytest.param("def f(): return 1, 2, 3", "returned 3 things", id="returns three things"),
        pytest.param("def f(): return np.zeros((0, 2))", "holds no samples", id="returns no samples"),
        pytest.param("def f(): return ['a', 'b']", "real numbers", id="returns strings"),
        pytest.param("def f(): return [[1], [1, 2]]", "failed with ValueError", id="returns a ragged list"),
        pytest.param("def f(): return np.ones((3, 2)), [1]", "'x' has 3, 'y' has 1", id="returns too few labels"),
        pytest.param("def f(): return dict(x=np.ones(2), y=[1, 1]), [1, 1]", "'y' twice", id="returns labels twice"),
    ],
)
def test_a_function_that_fails_is_named_with_its_file(write, body, message):
    path = write(body)
    before = list(sys.path)
    with pytest.raises(DataError) as caught:
        open_source(f"{path}:f", INPUTS)
    assert message in str(caught.value)
    assert str(path) in caught.value.message
    assert sys.path == before


def test_the_cause_is_kept_for_debugging(write):
    with pytest.raises(DataError) as caught:
        open_source(f"{write('def f(): raise KeyError')}:f", INPUTS)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_close_name_is_offered(write):
    with pytest.raises(DataError) as caught:
        open_source(f"{write('def digits(): return 1')}:digit", INPUTS)
    assert caught.value.hint == "Did you mean 'digits'?"


def test_a_file_without_a_function_says_what_to_write(write):
    path = write("")
    with pytest.raises(DataError, match="No function") as caught:
        open_source(str(path), INPUTS)
    assert f"{path}:FUNCTION" in caught.value.hint


def test_a_missing_file_is_named(write):
    path = write("", "digits.py")
    with pytest.raises(DataError, match="no such file") as caught:
        open_source(f"{path.parent / 'digit.py'}:f", INPUTS)
    assert caught.value.hint == "Did you mean 'digits.py'?"


def test_a_file_may_import_its_neighbours_and_define_dataclasses(write):
    write("VALUE = 7", "neighbour_of_data.py")
    path = write(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport neighbour_of_data\n"
        "import numpy as np\n@dataclass\nclass A:\n    n: int\n"
        "def f(): return np.full((3, 2), neighbour_of_data.VALUE)".replace("from __future__ import annotations\n", "")
    )
    np.testing.assert_array_equal(open_source(f"{path}:f", INPUTS).read(0)[PRIMARY], 7)


def test_the_layout_can_be_stated(write):
    path = write("def f(): return np.ones((3, 2, 2))")
    assert open_source(f"{path}:f:layout=HW", INPUTS).layout == "HW"
    assert open_source(f"python:path={path},function=f,layout=HW", INPUTS).layout == "HW"
