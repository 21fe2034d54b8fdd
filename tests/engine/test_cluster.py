"""What a Dask cluster measures is what this machine measures, also where a worker dies on the way."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onnxinv import workplace
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


def processes(cluster) -> list[int]:
    with distributed.Client(cluster) as client:
        return sorted(client.run(os.getpid).values())


class Signals:
    """Sends a signal to workers as soon as the first group is closed."""

    def __init__(self, cluster, number: int, count: int = 1) -> None:
        self.cluster, self.number, self.count = cluster, number, count
        self.sent: list[int] = []

    def __call__(self, done: int) -> None:
        if done and not self.sent:
            self.sent = processes(self.cluster)[: self.count]
            for each in self.sent:
                os.kill(each, self.number)


@pytest.fixture
def complete(cluster):
    """Two workers, whatever became of those of the test before."""
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
    return cluster


@pytest.fixture
def impatient(folder, complete, monkeypatch):
    """A client that gives workers up soon, which have measured before and so are fast."""
    run(planned(folder, dask=complete.scheduler_address))
    monkeypatch.setattr("onnxinv.crew._SHORTEST", 3.0)
    monkeypatch.setattr("onnxinv.crew._SLOWER", 1)


def test_a_worker_that_dies_has_its_groups_measured_by_another(folder, complete):
    kill = Signals(complete, signal.SIGKILL)
    found = run(planned(folder, dask=complete.scheduler_address), kill)
    assert kill.sent
    assert_same(found, run(planned(folder)))


def test_where_all_workers_die_who_comes_after_them_is_sent_the_plan(folder, complete):
    kill = Signals(complete, signal.SIGKILL, count=2)
    found = run(planned(folder, dask=complete.scheduler_address), kill)
    assert len(kill.sent) == 2
    assert_same(found, run(planned(folder)))


def test_a_worker_that_hangs_is_left_out_and_told_of(folder, cluster, impatient):
    stop = Signals(cluster, signal.SIGSTOP)
    try:
        found = run(planned(folder, dask=cluster.scheduler_address), stop)
    finally:
        os.kill(stop.sent[0], signal.SIGCONT)
    assert any("was left out" in each for each in found.meta.warnings)
    assert_same(found, run(planned(folder)))


def test_where_every_worker_hangs_the_run_ends(folder, cluster, impatient, tmp_path):
    stop = Signals(cluster, signal.SIGSTOP, count=2)
    decided = planned(folder, dask=cluster.scheduler_address, state=tmp_path / "state")
    try:
        with pytest.raises(OnnxinvError, match="No worker is left"):
            run(decided, stop)
    finally:
        for each in stop.sent:
            os.kill(each, signal.SIGCONT)
    assert checkpoint_of(decided).entries(0)


def test_a_scheduler_that_goes_away_is_told_of(folder, monkeypatch):
    monkeypatch.setattr("onnxinv.cluster._PATIENCE", 1)
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None, silence_logs=50) as lost,
        pytest.raises(OnnxinvError, match=r"scheduler of the cluster was lost|could not be measured"),
    ):
        run(planned(folder, dask=lost.scheduler_address), lambda done: lost.close() if done else None)


def has_measured(dask_worker: distributed.Worker) -> bool:
    return any(Path(dask_worker.local_directory).glob("onnxinv-*"))


def test_on_gpus_only_workers_that_offer_one_are_asked(folder):
    def worker(name: str, **options: object) -> dict[str, object]:
        return {"cls": distributed.Worker, "options": {"name": name, "nthreads": 1, "dashboard": False, **options}}

    workers = {0: worker("with", resources={"GPU": 1}), 1: worker("without")}
    scheduler = {"cls": distributed.Scheduler, "options": {"dashboard": False}}
    decided = planned(folder)
    on_gpus = replace(decided, device=replace(decided.device, kind="cuda"))
    with distributed.SpecCluster(workers, scheduler=scheduler, silence_logs=50) as made:
        found = run(replace(on_gpus, config=decided.config.model_copy(update={"dask": made.scheduler_address})))
        with distributed.Client(made) as client:
            names = {address: each["name"] for address, each in client.scheduler_info()["workers"].items()}
            measured = {names[address]: told for address, told in client.run(has_measured).items()}
    assert measured == {"with": True, "without": False}
    assert_same(found, run(decided))


def test_where_no_worker_offers_a_gpu_the_run_ends_before_it_begins(folder, cluster):
    decided = planned(folder, dask=cluster.scheduler_address)
    with pytest.raises(OnnxinvError, match="offers the resource GPU"):
        run(replace(decided, device=replace(decided.device, kind="cuda")))


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
        if function is workplace.measure_group:
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
        planned(folder, dask=address)


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
