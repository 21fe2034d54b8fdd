"""What a Dask cluster measures is what this machine measures, also where a worker dies on the way."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from onnxinv.api import checkpoint_of, plan, run
from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.result import Result
from tests.engine.networks import save_images, save_network, save_transforms

distributed = pytest.importorskip("distributed")

# Dask warns of its own sockets and event loops as they end, which is no matter of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

BODY = "a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, w) y = Relu(a)"
WEIGHTS = {"w": np.random.default_rng(1).normal(size=(3, 1, 3, 3))}
MEASURES = ("normalized-variance", "goodfellow", "linear-cka")
OPTIONS = {"measures": MEASURES, "groups": 6, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cluster")
    save_images(made, 24)
    save_network(made, BODY, WEIGHTS)
    return made


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as started:
        yield started


def planned(folder: Path, transforms: str = "rotation:steps=5", **options: object):
    return plan(folder / "net.onnx", folder / "images.npz", transforms, **{**OPTIONS, **options})


def assert_same(found: Result, expected: Result) -> None:
    assert found.units.keys() == expected.units.keys()
    for key, values in expected.units.items():
        np.testing.assert_array_equal(found.units[key], values, err_msg=key)
    assert found.layers == expected.layers
    assert found.meta.data == expected.meta.data
    assert found.meta.timing.inferences == expected.meta.timing.inferences


def test_a_cluster_finds_what_this_machine_finds(folder, cluster):
    told = []
    found = run(planned(folder, dask=cluster.scheduler_address), told.append)
    expected = run(planned(folder, state=folder / "alone"))
    assert_same(found, expected)
    assert sum(told) >= 24 * 5


def test_a_worker_that_dies_has_its_groups_measured_by_another(folder, cluster):
    killed = []

    def kill_one(done: int) -> None:
        if done and not killed:
            with distributed.Client(cluster) as client:
                killed.extend(sorted(client.run(os.getpid).values())[:1])
            os.kill(killed[0], signal.SIGKILL)

    found = run(planned(folder, dask=cluster.scheduler_address), kill_one)
    assert killed
    assert_same(found, run(planned(folder)))


def test_files_need_not_be_where_the_workers_are(folder, cluster, tmp_path):
    body = "return [lambda image: image, lambda image: image[::-1].copy()]"
    transforms = save_transforms(tmp_path, body)
    decided = planned(folder, transforms, dask=cluster.scheduler_address)
    assert_same(run(decided), run(planned(folder, transforms)))


def test_groups_that_are_closed_already_are_not_measured_again(folder, cluster, tmp_path):
    class StoppedError(Exception):
        pass

    told = []

    def stop(done: int) -> None:
        told.append(done)
        if sum(told) >= 3 * 4 * 5:
            raise StoppedError

    state = tmp_path / "state"
    with pytest.raises(StoppedError):
        run(planned(folder, dask=cluster.scheduler_address, state=state), stop)
    assert [each.group for each in checkpoint_of(planned(folder, state=state)).entries(0)] == [0, 1, 2]
    tasks = []
    submit = distributed.Client.submit

    def counted(self, function, *arguments, **options):
        tasks.append(arguments[-1])
        return submit(self, function, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed.Client, "submit", counted)
        found = run(planned(folder, dask=cluster.scheduler_address, state=state))
    assert tasks == [3, 4, 5]
    assert_same(found, run(planned(folder)))


def test_a_failing_group_is_told_with_its_reason(folder, cluster, tmp_path):
    body = "def broken(image):\n    raise OSError('no such lens')\nreturn [lambda image: image, broken]"
    transforms = save_transforms(tmp_path, body)
    with pytest.raises(OnnxinvError, match="no such lens"):
        run(planned(folder, transforms, dask=cluster.scheduler_address))


@pytest.mark.parametrize("address", ["local:", "local:0", "local:-1", "local:two", "local:1000000"])
def test_a_number_of_processes_that_means_nothing_is_refused(folder, address):
    with pytest.raises(UsageError, match="number of processes"):
        run(planned(folder, dask=address))


def test_a_precision_is_refused_that_no_worker_knows_the_end_of(folder):
    with pytest.raises(UsageError, match="all groups, whatever the precision"):
        planned(folder, dask="local:2", precision=0.1)


def test_a_scheduler_that_is_not_there_is_told(folder, monkeypatch):
    monkeypatch.setattr("onnxinv.cluster._PATIENCE", 1)
    with pytest.raises(OnnxinvError, match="no Dask scheduler at"):
        run(planned(folder, dask="tcp://127.0.0.1:9"))


def test_a_scheduler_without_workers_is_told(folder):
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty,
        pytest.raises(OnnxinvError, match="no worker"),
    ):
        run(planned(folder, dask=empty.scheduler_address))


def test_without_dask_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OnnxinvError, match=r"onnxinv\[dask\]"):
        run(planned(folder, dask="local:2"))
