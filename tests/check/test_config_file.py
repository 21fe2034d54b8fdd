"""A configuration is found, read with paths relative to its file, and refused with the line of what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onnxinv.config_file import Configuration, configure, find_file, read_file
from onnxinv.errors import DataError, ModelError, UsageError

KEYS = """\
model = "net.onnx"
data = "x.npz"
transforms = ["identity"]
"""
LIMIT = "[[limits]]\nlayers = 'fc*'\nmax = 1\n"
FULL = KEYS + LIMIT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str | bytes, path: str = "onnxinv.toml") -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(text: str | bytes, path: str = "onnxinv.toml", **overrides: object) -> Configuration:
    return read_file(write(text, path), (), {key.replace("_", "-"): value for key, value in overrides.items()})


def refused(text: str | bytes, path: str = "onnxinv.toml", **overrides: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(text, path, **overrides)
    for phrase in ("Input should", "valid tuple", "pydantic", "<class", "instance of"):
        assert phrase not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        pytest.param(FULL.replace("transforms", "transform"), 3, "transform", "'transforms'", id="a singular"),
        pytest.param("until_decided = true\n" + FULL, 1, "until_decided", "'until-decided'?", id="an underscore"),
        pytest.param("Samples = 3\n" + FULL, 1, "Samples", "'samples'?", id="a capital"),
        pytest.param("operators = 'Conv'\n" + FULL, 1, "operators", "'ops'?", id="the name of the option"),
        pytest.param(KEYS + "[[limit]]\nmax = 1", 4, "limit", "'limits'", id="an array of tables in the singular"),
        pytest.param(KEYS + "[[run]]\nname = 'a'", 4, "run", "'runs'", id="a run in the singular"),
        pytest.param(FULL + "layer = 'x'", 7, "layer", "'layers'", id="a key of a limit"),
        pytest.param(
            FULL + "samples = 3", 7, "samples", "above the run's first limit", id="a key of the run in a limit"
        ),
        pytest.param("max = 1\n" + FULL, 1, "max", "key of limits", id="a key of a limit in the run"),
        pytest.param(
            FULL + "[[runs]]\nbaseline = 'b'", 8, "baseline", "above the first of them", id="a baseline in a run"
        ),
        pytest.param(FULL + '"a.b".c = 1', 7, "a.b", "There is layers", id="a quoted key"),
        pytest.param(
            KEYS + "[[runs]]\n[[runs]]\nlimits = [\n{max = 1},\n{max = 1, mix = 2}]",
            8,
            "mix",
            "'max'",
            id="an inline table",
        ),
        pytest.param(
            b"\xef\xbb\xbf" + FULL.replace("layers", "layer").encode(), 5, "layer", "'layers'", id="a byte order mark"
        ),
        pytest.param(FULL.replace("layers", "layer").replace("\n", "\r\n"), 5, "layer", "'layers'", id="CRLF"),
    ],
)
def test_unknown_key_is_refused_with_its_line_and_what_was_meant(text, line, key, hint):
    error = refused(text)
    assert error.message.startswith(f"onnxinv.toml, line {line}: ")
    assert f"has the unknown key '{key}'" in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        pytest.param("samples = '3'\n" + FULL, 1, "must be a whole number (given: '3')", id="a text for a number"),
        pytest.param("samples = true\n" + FULL, 1, "must be a whole number (given: true)", id="true for a number"),
        pytest.param("samples = 0\n" + FULL, 1, "it must be at least 1 (given: 0)", id="no samples"),
        pytest.param("stratify = 'yes'\n" + FULL, 1, "must be true or false", id="a text for true"),
        pytest.param("mean = 0.5\n" + FULL, 1, "must be a list of numbers", id="a number for a list"),
        pytest.param("baseline = 3\n" + FULL, 1, "must be a text in quotes", id="a number for a path"),
        pytest.param("name = 'a/b'\n" + FULL, 1, "must be the name of a folder", id="a name with a slash"),
        pytest.param("name = '\u001b[31m'\n" + FULL, 1, "is not TOML", id="a name with a control character"),
        pytest.param('name = "\\u001b[31m"\n' + FULL, 1, r"(given: '\x1b[31m')", id="a name with an escaped one"),
        pytest.param("precision = nan\n" + FULL, 1, "it must be a finite number", id="a precision that is nan"),
        pytest.param("align = 'nmae'\n" + FULL, 1, "no way to align layers called 'nmae'", id="an unknown alignment"),
        pytest.param("data = ' '\n" + FULL.replace('data = "x.npz"\n', ""), 1, "it is empty", id="blank data"),
        pytest.param(
            KEYS + "[limits]\nmax = 1",
            4,
            "'limits' of the configuration holds no list of tables",
            id="one table of limits",
        ),
        pytest.param("limits = ['a']\n" + KEYS, 1, "holds no list of tables", id="limits in text"),
        pytest.param("limits = []\n" + KEYS, 1, "has no limits: nothing could ever fail", id="no limits"),
        pytest.param(KEYS + "[runs]\nname = 'a'", 4, "'runs' holds no list of tables", id="one table of runs"),
        pytest.param(KEYS + "[runs.a]\nsamples = 1", 4, "'runs' holds no list of tables", id="runs by name"),
        pytest.param("runs = []\n" + FULL, 1, "'runs' holds no list of tables", id="no runs"),
        pytest.param(
            FULL + "level = 'eror'", 7, "it must be 'error', 'warn' or 'off' (given: 'eror')", id="an unknown level"
        ),
        pytest.param(FULL + "of = 95", 7, "must be 'mean', 'median', 'p95' or 'max'", id="a number for a word"),
        pytest.param(FULL.replace("max = 1", "max = nan"), 6, "it must be a finite number", id="a bound that is nan"),
        pytest.param(
            FULL.replace("max = 1", 'max = "5%"'), 6, "must be a number (given: '5%')", id="a share as a bound"
        ),
        pytest.param(FULL.replace("max = 1", 'max-regression = "5"'), 6, 'such as "5%"', id="a number in text"),
        pytest.param(FULL.replace("max = 1\n", ""), 4, "it has no bound", id="a limit without a bound"),
        pytest.param(FULL + "min = 2", 4, "nothing is at most 1 and at least 2", id="bounds the wrong way round"),
        pytest.param(
            KEYS + "[[runs]]\nname = 'a'\n[[runs]]\nname = 'a'", 7, "Two runs are called 'a'", id="two runs of a name"
        ),
        pytest.param(
            KEYS + "[[runs]]\nname = 'a'\n[[runs]]\nname = 'A'",
            7,
            "'a' and 'A', which is one folder",
            id="names that differ in case",
        ),
        pytest.param(
            "[tool.onnxinv]\nmodel = 'a'", 1, "The prefix tool.onnxinv is for pyproject.toml alone", id="the prefix"
        ),
        pytest.param("a = 1\nb = off\n", 2, "is not TOML: invalid value", id="a text without quotes"),
        pytest.param("a = 1\nb = '''", 2, "is not TOML", id="a text without an end"),
        pytest.param("a = 1\n# \u00e9\n".encode("latin-1"), 2, "is not text in UTF-8", id="Latin-1"),
    ],
)
def test_value_is_refused_with_its_line(text, line, reason):
    error = refused(text)
    assert error.message.startswith(f"onnxinv.toml, line {line}: ")
    assert reason in error.message


@pytest.mark.parametrize("key", ["model", "data", "transforms"])
def test_what_a_run_needs_is_asked_for(key):
    text = "\n".join(line for line in FULL.splitlines() if not line.startswith(key))
    error = refused(text)
    assert f"lacks '{key}'" in error.message
    assert f"Add {key} = " in error.hint


def test_line_is_that_of_the_run_where_it_states_the_key_and_of_all_runs_where_not():
    made = read(
        "samples = 5\n" + FULL + "[[runs]]\nname = 'a'\nsamples = 3\n[[runs]]\nname = 'b'\n[[runs.limits]]\nmin = 0\n"
    )
    assert [run.samples for run in made.config.runs] == [3, 5]
    assert (made.line(0, "samples"), made.line(1, "samples")) == (10, 1)
    assert (made.line(0, "limits", 0, "layers"), made.line(1, "limits", 0, "layers")) == (6, 13)
    assert (made.line(0), made.line(1, "seed")) == (8, 11)


def test_error_that_quotes_a_value_is_blamed_on_its_line():
    made = read(FULL.replace('["identity"]', '[\n"identity",\n"rotatoin:steps=2"]') + "[[runs]]\nlayers = 'conv*'\n")
    with pytest.raises(UsageError, match=r"^onnxinv.toml, line 5: no 'rotatoin'"), made.blaming(0):
        raise UsageError("no 'rotatoin'")
    with pytest.raises(DataError, match=r"^onnxinv.toml, line 10: 'conv\*' fits nothing"), made.blaming(0, "data"):
        raise DataError("'conv*' fits nothing")
    with pytest.raises(ModelError, match=r"^onnxinv.toml, line 1: bad"), made.blaming(0, "model"):
        raise ModelError("bad")


def test_what_arguments_state_is_blamed_on_no_line():
    made = read(FULL, data="other.npz", limits=[{"max": 2}])
    assert made.config.runs[0].data == "other.npz"
    assert made.line(0, "limits", 0) is None
    for keys in (("data",), ("limits", 0)):
        with pytest.raises(DataError, match=r"^bad"), made.blaming(0, *keys):
            raise DataError("bad")
    error = refused(FULL, samples=0)
    assert error.message.startswith("'samples' of run 'net' cannot be used")


def test_pyproject_is_read_from_its_table():
    text = "[project]\nname = 'p'\n[tool.onnxinv]\n" + KEYS + "[[tool.onnxinv.limits]]\nmax = 1\n"
    made = read(text, "pyproject.toml")
    assert made.line(0, "data") == 5
    assert made.line(0, "limits", 0, "max") == 8
    assert refused(text + "mix = 1\n", "pyproject.toml").message.startswith("pyproject.toml, line 9: Limit 1 has")
    assert "[[tool.onnxinv.runs]]" in refused("[tool.onnxinv]\nruns = 1", "pyproject.toml").hint
    assert "has no table [tool.onnxinv]" in refused("[tool.other]", "pyproject.toml").message


def test_relative_paths_begin_at_the_folder_of_the_file(folder):
    Path("sub/photos").mkdir(parents=True)
    text = """
    baseline = "b.json"
    model = "net.onnx"
    data = "photos:mode=gray"
    preprocess = "p.json"
    align = "map.toml"
    set-input = ["s=1", "state=s.npy", "z=/z.npy"]
    transforms = ["t.py:f", "rotation:steps=4", "/abs/t.py:f"]
    limits = [{max = 1}]
    """
    made = read(text, "sub/onnxinv.toml").config
    [run] = made.runs
    assert (made.baseline, run.model, run.preprocess) == (Path("sub/b.json"), Path("sub/net.onnx"), Path("sub/p.json"))
    assert (run.data, run.align) == ("sub/photos:mode=gray", "sub/map.toml")
    assert run.set_input == ("s=1", "state=sub/s.npy", "z=/z.npy")
    assert run.transforms == ("sub/t.py:f", "rotation:steps=4", "/abs/t.py:f")


@pytest.mark.parametrize(
    ("data", "rooted"),
    [
        pytest.param("random:n=4", "random:n=4", id="a source without a path"),
        pytest.param("npz:path=x.npz", "npz:path=sub/x.npz", id="a source with a path"),
        pytest.param("missing.npz", "sub/missing.npz", id="a file that is not there"),
        pytest.param("d.py:f", "sub/d.py:f", id="a function"),
        pytest.param("/abs/x.npz", "/abs/x.npz", id="an absolute path"),
        pytest.param("random", "sub/random", id="a folder that is called as a source"),
    ],
)
def test_data_is_taken_from_the_folder_of_the_file(data, rooted):
    Path("sub").mkdir()
    if data == "random":
        Path("sub/random").mkdir()
    assert read(f"data = '{data}'\n" + FULL.replace('data = "x.npz"\n', ""), "sub/c.toml").config.runs[0].data == rooted


def test_arguments_replace_keys_and_their_paths_begin_at_the_working_folder():
    made = read(FULL, "sub/c.toml", model="new.onnx", transforms=["t.py:f"], baseline="b.json").config
    assert (made.runs[0].model, made.runs[0].transforms) == (Path("new.onnx"), ("t.py:f",))
    assert made.baseline == Path("b.json")
    assert made.runs[0].data == "sub/x.npz"
    assert made.runs[0].name == "net"  # so that its baseline is found


def test_runs_are_taken_by_name():
    text = FULL + "[[runs]]\nname = 'a'\n[[runs]]\nname = 'b'\nmodel = 'other.onnx'\n"
    path = write(text)
    assert [run.name for run in read_file(path, ["b"]).config.runs] == ["b"]
    assert read_file(path, ["b"]).places == (1,)
    with pytest.raises(UsageError, match=r"no run called 'c'\.") as caught:
        read_file(path, ["c"])
    assert caught.value.hint == "There is a, b."
    with pytest.raises(UsageError, match="would stand for 2 models"):
        read_file(path, (), {"model": "new.onnx"})
    assert read_file(path, ["a"], {"model": "new.onnx"}).config.runs[0].model == Path("new.onnx")


def test_nearest_configuration_is_found():
    write(FULL)
    write("[tool.other]", "a/pyproject.toml")
    write("[tool.onnxinv]", "a/b/pyproject.toml")
    Path("a/b/c").mkdir()
    assert find_file(Path()) == Path("onnxinv.toml")
    assert find_file(Path("a")).resolve() == Path("onnxinv.toml").resolve()
    assert find_file(Path("a/b/c")).resolve() == Path("a/b/pyproject.toml").resolve()
    write(FULL, "a/b/onnxinv.toml")
    assert find_file(Path("a/b/c")).resolve() == Path("a/b/onnxinv.toml").resolve()


@pytest.mark.parametrize("content", [b"broken = ", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_broken_project_of_others_does_not_end_the_search(content):
    write(FULL)
    write(content, "a/pyproject.toml")
    Path("a/b").mkdir()
    assert find_file(Path("a/b")).resolve() == Path("onnxinv.toml").resolve()


def test_broken_project_that_names_onnxinv_is_told():
    write(FULL)
    write("[tool.onnxinv]\nmodel = ", "a/pyproject.toml")
    with pytest.raises(UsageError, match=r"pyproject.toml, line 2: This is not TOML"):
        find_file(Path("a"))


def test_broken_project_is_told_where_nothing_is_found():
    write("broken = ", "a/pyproject.toml")
    with pytest.raises(UsageError, match=r"There is no onnxinv.toml .*a/pyproject.toml cannot be read\."):
        find_file(Path("a"))


def test_what_is_called_as_the_configuration_but_is_none_is_told():
    Path("onnxinv.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        configure({})
    Path("onnxinv.toml").rmdir()
    os.symlink("nowhere", "onnxinv.toml")
    with pytest.raises(UsageError, match=r"There is no configuration 'onnxinv.toml'"):
        configure({})


def test_configuration_may_be_a_link():
    write(FULL, "real/c.toml")
    os.symlink("real/c.toml", "onnxinv.toml")
    assert configure({}).config.runs[0].model == Path("net.onnx")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("/dev/zero", "longer than a mebibyte", id="what never ends"),
        pytest.param("missing.toml", "There is no configuration 'missing.toml'", id="what is not there"),
        pytest.param("a\0b", "cannot be read", id="what is no path"),
    ],
)
def test_file_that_is_none_is_refused(path, reason):
    with pytest.raises(UsageError, match=reason):
        read_file(Path(path))


def test_arguments_that_say_everything_need_no_file():
    keys = {"model": "m.onnx", "data": "x.npz", "transforms": "identity", "limits": [{"max": "0.5"}]}
    write("broken = ")
    made = configure(keys)
    assert made.config.runs[0].limits[0].max == 0.5
    assert made.line(0, "limits", 0) is None
    with pytest.raises(UsageError, match="which needs no name"):
        configure(keys, None, ["a"])
    with pytest.raises(UsageError, match=r"^'max' of limit 1 cannot be used: it must be a number .given: 'x'"):
        configure({**keys, "limits": [{"max": "x"}]})
    with pytest.raises(UsageError, match=r"^Limit 1 has the unknown key 'mix'"):
        configure({**keys, "limits": [{"mix": 1}]})


def test_number_of_more_digits_than_python_reads_is_refused():
    assert "Exceeds the limit" in refused(f"samples = {'9' * 5000}").message
