"""TV, SV and NV of every channel are what tmeasures, the library of the paper's authors, makes of the same variants.

`golden/tmeasures.json` says what made `golden/tmeasures.npz`, and how to make both again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv import api
from onnxinv.plan import Plan
from onnxinv.result import Result
from tools.peer.agreement import MEASURES, labels
from tools.peer.hand_over import write_variants
from tools.reproduce.peer_cases import CASES, SAMPLES, TRANSFORM, network_digest, plan_for, variant_sums

GOLDEN = Path(__file__).with_name("golden")
PROVENANCE: dict[str, Any] = json.loads((GOLDEN / "tmeasures.json").read_text())

DEAD = {"plain": 0, "rotated": 0, "residual": 2}
"""Channels that never vary: one is negative wherever the residual network ends, so that its ReLU and pooling are 0."""


@dataclass(frozen=True)
class Case:
    name: str
    plan: Plan
    theirs: Mapping[str, np.ndarray]

    @property
    def stated(self) -> Mapping[str, Any]:
        return PROVENANCE["networks"][self.name]


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    golden = np.load(GOLDEN / "tmeasures.npz")
    plan = plan_for(request.param, tmp_path_factory.mktemp(request.param))
    theirs = {key.removeprefix(f"{request.param}/"): golden[key] for key in golden if key.startswith(request.param)}
    return Case(request.param, plan, theirs)


@pytest.fixture(scope="module", params=["host", "auto"])
def measured(request: pytest.FixtureRequest, case: Case, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return api.run(plan_for(case.name, tmp_path_factory.mktemp(case.name), request.param))


def test_tmeasures_had_the_same_network_and_the_same_variants(case: Case, tmp_path: Path) -> None:
    assert network_digest(case.plan) == case.stated["network_sha256"]
    assert (PROVENANCE["samples"], PROVENANCE["transforms"]["spec"]) == (SAMPLES, TRANSFORM)
    assert [each.name for each in case.plan.transforms] == PROVENANCE["transforms"]["names"]
    write_variants(case.plan, tmp_path / "variants.npy")
    sums, theirs = variant_sums(np.load(tmp_path / "variants.npy")), case.theirs["variant-sums"]
    np.testing.assert_allclose(sums, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


def test_variants_of_other_angles_or_in_another_order_are_noticed(case: Case) -> None:
    sums = case.theirs["variant-sums"].reshape(SAMPLES, -1, case.theirs["variant-sums"].shape[1])
    least = 1e-3 * np.abs(sums).max()
    assert np.abs(sums[:, 1:] - sums[:, :0:-1]).max() > least  # turned the other way round
    assert np.abs(sums[1:] - sums[:-1]).max(axis=(1, 2)).min() > least


def test_values_of_every_channel_agree_with_those_of_tmeasures(case: Case, measured: Result) -> None:
    assert labels(case.plan) == case.stated["layers"]
    keys = {f"{measure}/{layer}" for measure in MEASURES for layer in case.stated["layers"]}
    assert keys == set(measured.units) == set(case.theirs) - {"variant-sums"}
    for key in sorted(keys):
        assert np.isfinite(case.theirs[key]).all()
        np.testing.assert_allclose(measured.units[key], case.theirs[key], rtol=1e-4, err_msg=f"{case.name}, {key}")


def test_channels_are_dead_for_both_or_for_neither(case: Case, measured: Result) -> None:
    dead = 0
    for layer in measured.layers:
        variances = [f"{measure}/{layer.index:04d}" for measure in MEASURES[:2]]
        ours, theirs = ([values[key] == 0 for key in variances] for values in (measured.units, case.theirs))
        np.testing.assert_array_equal(ours, theirs)
        still = np.all(ours, axis=0)
        for values in (measured.units, case.theirs):
            assert (values[f"{MEASURES[2]}/{layer.index:04d}"][still] == 1).all()
        assert layer.measures[MEASURES[2]].dead == still.sum()
        dead += int(still.sum())
    assert dead == DEAD[case.name]
