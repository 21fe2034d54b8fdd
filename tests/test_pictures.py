"""The file of pictures is read back as it was written, only when it is wanted, and never trusted."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onnxinv.errors import OutputError
from onnxinv.pictures import MOST_BYTES
from onnxinv.result import Result
from tests.reports.pictured import pictured
from tests.reports.results import small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictured().save(tmp_path / "out")
    return tmp_path / "out"


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(path, **arrays)


def test_is_read_back_as_it_was_written(folder):
    expected, found = pictured().pictures, Result.load(folder).pictures
    assert expected is not None
    assert found is not None
    np.testing.assert_array_equal(found.variants, expected.variants)
    assert list(found.layers) == list(expected.layers)
    for index, kept in expected.layers.items():
        assert list(vars(found.layers[index])) == list(vars(kept))
        for name, array in vars(kept).items():
            np.testing.assert_array_equal(getattr(found.layers[index], name), array)
            assert getattr(found.layers[index], name).dtype == array.dtype
    assert Result.load(folder).meta == pictured().meta


def test_is_saved_again_with_its_result(folder, tmp_path):
    Result.load(folder).save(tmp_path / "again")
    again = Result.load(tmp_path / "again").pictures
    assert again is not None
    np.testing.assert_array_equal(again.layers[1].rows, pictured().pictures.layers[1].rows)


def test_other_programs_can_read_it(folder):
    with np.load(folder / "pictures.npz", allow_pickle=False) as stored:
        assert stored.files == [
            "variants",
            *(f"{name}/{index:04d}" for index in (0, 1) for name in ("units", "rows", "channels", "maps", "ranges")),
        ]


def test_a_result_without_pictures_takes_those_of_an_earlier_one_away(folder):
    small().save(folder, overwrite=True)
    assert sorted(each.name for each in folder.iterdir()) == ["result.json", "units.npz"]
    assert Result.load(folder).pictures is None


def test_a_file_that_the_result_does_not_tell_of_is_not_looked_at(tmp_path):
    small().save(tmp_path / "out")
    (tmp_path / "out" / "pictures.npz").write_bytes(b"of another result")
    assert Result.load(tmp_path / "out").pictures is None


def test_a_file_that_is_gone_is_no_error(folder):
    (folder / "pictures.npz").unlink()
    assert Result.load(folder).pictures is None


def save_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


def save_objects(path: Path) -> None:
    rewrite(path, lambda arrays: arrays.update({"rows/0000": np.array([{}], dtype=object)}))


def save_bare(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


def save_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def save_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60:120] = bytes(60)
    path.write_bytes(content)


def save_claim(path: Path) -> None:
    """Write an array whose header promises far more than there is."""
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("units/0000.npy", header.getvalue())


def save_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("units/0000.npy", bytes(MOST_BYTES + 1))


def save_long_header(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        text = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }" + b" " * 60_000 + b"\n"
        archive.writestr("units/0000.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8))


def changed(name: str, array: np.ndarray) -> Callable[[Path], None]:
    return lambda path: rewrite(path, lambda arrays: arrays.update({name: array}))


def without(name: str) -> Callable[[Path], None]:
    return lambda path: rewrite(path, lambda arrays: arrays.pop(name))


DAMAGES = [
    pytest.param(save_pickle, "not a zip file", id="a pickle"),
    pytest.param(save_objects, "another type or shape", id="pickled objects"),
    pytest.param(save_bare, "not a zip file", id="a bare array"),
    pytest.param(save_half, "not a zip file", id="cut short"),
    pytest.param(save_flipped, "", id="overwritten"),
    pytest.param(save_claim, "another type or shape", id="a huge shape"),
    pytest.param(save_bomb, "more than 64 MiB", id="a zip bomb"),
    pytest.param(save_long_header, "header", id="a long header"),
    pytest.param(lambda path: path.write_bytes(b""), "not a zip file", id="an empty file"),
    pytest.param(without("rows/0001"), "lacks 'rows/0001'", id="rows that lack"),
    pytest.param(without("ranges/0001"), "lacks 'ranges/0001'", id="ranges that lack"),
    pytest.param(changed("rows/0000", np.zeros((5, 2, 2))), "another type", id="float64"),
    pytest.param(changed("rows/0000", np.zeros((5, 3, 2), "f4")), "another type", id="too many transforms"),
    pytest.param(changed("rows/0000", np.zeros((5, 2, 3), "f4")), "another type", id="too many units"),
    pytest.param(changed("units/0000", np.array([5, 16])), "outside the layer", id="a unit outside"),
    pytest.param(changed("units/0000", np.array([-1, 5])), "outside the layer", id="a negative unit"),
    pytest.param(changed("units/0000", np.zeros(0, "i8")), "outside the layer", id="no unit"),
    pytest.param(changed("channels/0000", np.array([0, 4])), "outside the layer", id="a channel outside"),
    pytest.param(changed("maps/0000", np.zeros((2, 2, 2, 97, 8), "u1")), "another type", id="large maps"),
    pytest.param(changed("maps/0000", np.zeros((2, 2, 2, 0, 8), "u1")), "another type", id="empty maps"),
    pytest.param(changed("variants", np.zeros((2, 2, 8, 8, 4), "u1")), "4 colours", id="four colours"),
    pytest.param(changed("variants", np.zeros((2, 2, 8, 8), "u1")), "another type", id="an axis too few"),
    pytest.param(changed("variants", np.zeros((2, 2, 8, 8, 1), ">u2")), "another type", id="16 bits"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_a_damaged_file_is_refused_by_whoever_wants_it_and_by_nobody_else(folder, damage, reason):
    damage(folder / "pictures.npz")
    result = Result.load(folder)
    assert result.document == pictured().document
    with pytest.raises(OutputError, match=r"pictures\.npz' cannot be read: ") as caught:
        _ = result.pictures
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        pytest.param(
            lambda content: content["meta"]["pictures"].update(transforms=[0, 2]), "it does not have", id="a transform"
        ),
        pytest.param(
            lambda content: content["meta"]["transforms"]["items"].pop(), "it does not have", id="too few transforms"
        ),
        pytest.param(
            lambda content: content["meta"]["pictures"].update(samples=[]), "tells of no activations", id="no sample"
        ),
        pytest.param(
            lambda content: content["layers"][1].update(shape=[4, 0, 2]), "cannot be used: layers.1", id="no unit"
        ),
        pytest.param(
            lambda content: content["layers"][1].update(shape=[-4, -2, 2]),
            "cannot be used: layers.1",
            id="a negative shape",
        ),
        pytest.param(
            lambda content: content["layers"][1].update(channel_axis=3), "cannot be used: layers.1", id="no such axis"
        ),
        pytest.param(
            lambda content: content["layers"][1].update(shape=[3, 2, 2]),
            "cannot be used: layers.1",
            id="a smaller layer",
        ),
    ],
)
def test_a_result_that_does_not_fit_the_file_is_refused(folder, edit, reason):
    path = folder / "result.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(OutputError, match=reason):
        _ = Result.load(folder).pictures


def test_a_result_that_knows_nothing_of_pictures_is_read(folder):
    path = folder / "result.json"
    content = json.loads(path.read_text())
    del content["meta"]["pictures"]
    path.write_text(json.dumps(content))
    assert Result.load(folder).meta.pictures is None
    assert Result.load(folder).pictures is None
