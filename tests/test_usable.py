"""Samples that cannot be used are left out where that is asked for, and told; without, the first is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import plan, run
from onnxinv.errors import DataError
from tests.engine.networks import save_network
from tests.reports.command import command

OPTIONS = {"threads": 1, "device": "cpu", "groups": 3}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return save_network(tmp_path, "y = Relu(image)")


def images(folder: Path, *, bad: tuple[int, ...] = (), count: int = 9) -> Path:
    """Write random images, some of which hold a nan."""
    made = np.random.default_rng(0).random((count, 1, 6, 6), dtype=np.float32)
    made[list(bad), 0, 2, 3] = np.nan
    path = folder / f"images-{len(bad)}.npz"
    np.savez(path, x=made, y=np.arange(count) % 2)
    return path


@pytest.mark.parametrize("bad", [(4,), (0,), (0, 1, 8)], ids=["one in the middle", "the first", "several"])
def test_the_others_are_measured(tmp_path, network, bad):
    data = images(tmp_path, bad=bad)
    found = run(plan(network, data, "rotation:steps=3", skip_bad_samples=True, **OPTIONS))
    rest = np.setdiff1d(np.arange(9), bad)
    with np.load(data) as stored:
        np.savez(tmp_path / "rest.npz", x=stored["x"][rest], y=stored["y"][rest])
    alone = run(plan(network, tmp_path / "rest.npz", "rotation:steps=3", **OPTIONS))
    assert found.meta.data.samples == len(rest)
    assert [each.index for each in found.meta.data.skipped] == list(bad)
    assert all("NaN" in each.reason for each in found.meta.data.skipped)
    assert found.meta.warnings[0].startswith(f"{len(bad)} of 9 samples cannot be used and are left out ({bad[0]}: ")
    for key, values in alone.units.items():
        np.testing.assert_allclose(found.units[key], values, rtol=1e-6, err_msg=key)


def test_without_it_a_bad_sample_is_an_error_that_names_it(tmp_path, network):
    data = images(tmp_path, bad=(4,))
    with pytest.raises(DataError, match=r"4\b"):
        run(plan(network, data, "rotation:steps=3", **OPTIONS))


def test_nothing_is_told_where_all_can_be_used(tmp_path, network):
    found = run(plan(network, images(tmp_path), "rotation:steps=3", skip_bad_samples=True, **OPTIONS))
    assert found.meta.data.skipped == []
    assert not any("left out" in each for each in found.meta.warnings)


def test_no_usable_sample_is_an_error(tmp_path, network):
    data = images(tmp_path, bad=tuple(range(9)))
    with pytest.raises(DataError, match="None of the 9 samples of"):
        plan(network, data, "rotation:steps=3", skip_bad_samples=True, **OPTIONS)


def test_samples_that_were_not_chosen_are_not_missed(tmp_path, network):
    data = images(tmp_path, bad=(3,))
    decided = plan(network, data, "rotation:steps=3", samples=4, skip_bad_samples=True, **OPTIONS)
    assert {each.index for each in decided.bad_samples} <= {3}
    assert len(decided.samples) + len(decided.bad_samples) == 4


def test_files_that_cannot_be_read_are_named(tmp_path, capsys, network):
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 6), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    for number in (0, 3):
        path = folder / f"{number}.png"
        path.write_bytes(path.read_bytes()[:60])
    arguments = ["analyze", str(network), "--data", str(folder), "--transform", "rotation:steps=2", "--device", "cpu"]
    refused = command(capsys, *arguments)
    assert refused.status == 2
    assert "0.png" in refused.err
    found = command(capsys, *arguments, "--skip-bad-samples")
    assert found.status == 0
    assert "2 of 6 samples cannot be used and are left out" in found.err
    assert "0.png" in found.err
    assert "3.png" in found.err
