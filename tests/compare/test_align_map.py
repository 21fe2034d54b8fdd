"""A map of layers is read from TOML, and what is no map is refused with what, why and what to do."""

from __future__ import annotations

import os

import pytest

from onnxinv.align_map import read_map
from onnxinv.errors import UsageError


def write(folder, content: str | bytes):
    path = folder / "map.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "pairs"),
    [
        pytest.param('[pairs]\nconv1 = "conv2d"\n', {"conv1": "conv2d"}, id="a bare key"),
        pytest.param(
            '# known\n[pairs]\n"layer1.0.conv2" = "net/block/conv:0"\n"fc" = "dense_1"\n',
            {"layer1.0.conv2": "net/block/conv:0", "fc": "dense_1"},
            id="names with dots, slashes and colons, in their order",
        ),
        pytest.param('pairs = {a = "b"}', {"a": "b"}, id="a table on one line"),
        pytest.param("[pairs]\r\n'a\\b' = 'é層'\r\n", {"a\\b": "é層"}, id="Windows line ends, no escapes, unicode"),
        pytest.param(b'\xef\xbb\xbf[pairs]\na = "b"\n', {"a": "b"}, id="a mark of byte order"),
        pytest.param('[pairs]\n".*" = "conv[0-9]"\n', {".*": "conv[0-9]"}, id="patterns are names"),
    ],
)
def test_reads_the_pairs_of(tmp_path, content, pairs):
    found = read_map(write(tmp_path, content))
    assert list(found.items()) == list(pairs.items())


@pytest.mark.parametrize(
    ("content", "why", "hint"),
    [
        pytest.param("", "has no table [pairs].", "A map is a TOML file", id="an empty file"),
        pytest.param('[pair]\na = "b"\n', "no table [pairs], only 'pair'.", "table [pairs]", id="a misspelt table"),
        pytest.param('a = "b"\n', "no table [pairs], only 'a'.", "table [pairs]", id="pairs outside a table"),
        pytest.param("[pairs]\n", "[pairs] in the map '{path}' is empty", '"conv1" = ', id="an empty table"),
        pytest.param('pairs = "a"\n', "is a text, not a table", "[pairs]", id="pairs is a text"),
        pytest.param('[[pairs]]\na = "b"\n', "is an array, not a table", "[pairs]", id="an array of tables"),
        pytest.param('[pairs]\na = "b"\n[other]\n', "unknown key 'other'", "[pairs]", id="another table"),
        pytest.param('strict = true\n[pairs]\na = "b"\n', "unknown key 'strict'", "[pairs]", id="another key"),
        pytest.param("[pairs]\na = 1\n", "pairs 'a' with a number", "quotes", id="a number"),
        pytest.param("[pairs]\na = true\n", "pairs 'a' with a boolean", "quotes", id="a boolean"),
        pytest.param("[pairs]\na = 1979-05-27\n", "pairs 'a' with a date or time", "quotes", id="a date"),
        pytest.param('[pairs]\na = ["b", "c"]\n', "pairs 'a' with an array", "one layer each", id="two partners"),
        pytest.param(
            '[pairs]\nlayer1.conv = "x"\n', "a dot in a bare key", '"layer1.conv" = ', id="a dot in a bare key"
        ),
        pytest.param("[pairs]\n[pairs.a]\n", "pairs 'a' with a table", "quotes", id="an empty table as partner"),
        pytest.param('[pairs]\na = "b"\na = "c"\n', "is not TOML: ", "at line 3", id="a layer stated twice"),
        pytest.param('[pairs]\nb = "c"\na = \n', "is not TOML: ", "at line 3", id="no value"),
        pytest.param('{"pairs": {"a": "b"}}', "is not TOML: ", "at line 1", id="JSON"),
        pytest.param(b'[pairs]\na = "b"\nc = "\xe9"\n', "is not text in UTF-8 (at line 3)", "UTF-8", id="Latin 1"),
        pytest.param(b"\x00\x01\xff\xfe", "is not text in UTF-8 (at line 1)", "UTF-8", id="bytes"),
        pytest.param("pairs = " + "[" * 100_000, "is nested too deeply", "[pairs]", id="100,000 brackets"),
    ],
)
def test_refuses(tmp_path, content, why, hint):
    path = write(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        read_map(path)
    assert f"'{path}'" in caught.value.message
    assert why.format(path=path) in caught.value.message
    assert hint in str(caught.value)
    assert caught.value.hint


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match=r"The map '.*nothing\.toml' cannot be read: No such file") as caught:
        read_map(tmp_path / "nothing.toml")
    assert "--align" in caught.value.hint


def test_refuses_a_folder(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_map(tmp_path)


def test_refuses_a_number_of_more_digits_than_python_reads(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: Exceeds the limit"):
        read_map(write(tmp_path, f"pairs = {'9' * 5000}"))


def test_refuses_what_is_too_long_for_a_map(tmp_path):
    with pytest.raises(UsageError, match="longer than 1 MiB"):
        read_map(write(tmp_path, "#" * (2**20 + 1)))


def test_refuses_a_pipe_that_nobody_writes_to(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(UsageError, match="a device or a pipe"):
        read_map(tmp_path / "pipe.toml")
