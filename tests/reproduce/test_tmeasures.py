"""Values of every channel are what tmeasures, the library of the paper's authors, makes of the same variants.

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
from tools.reproduce.peer_cases import CASES, FAMILIES, SAMPLES, TRANSFORM, network_digest, plan_for, variant_sums

GOLDEN = Path(__file__).with_name("golden")
PROVENANCE: dict[str, Any] = json.loads((GOLDEN / "tmeasures.json").read_text())

DEAD = {"plain": 0, "rotated": 0, "residual": 2}
"""Channels that never vary: the last sum of the residual network is negative in one, its ReLU and pooling are 0."""


@dataclass(frozen=True)
class Case:
    name: str
    plan: Plan
    theirs: Mapping[str, np.ndarray]

    @property
    def stated(self) -> Mapping[str, Any]:
        return PROVENANCE["networks"][self.name]


@dataclass(frozen=True)
class Measured:
    family: str
    result: Result
    theirs: Mapping[str, np.ndarray]


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    golden = np.load(GOLDEN / "tmeasures.npz")
    plan = plan_for(request.param, tmp_path_factory.mktemp(request.param))
    return Case(request.param, plan, below(f"{request.param}/", golden))


@pytest.fixture(scope="module", params=["host", "auto"])
def measured(request: pytest.FixtureRequest, case: Case, tmp_path_factory: pytest.TempPathFactory) -> list[Measured]:
    folder = tmp_path_factory.mktemp(case.name)
    families = CASES[case.name].families if request.param == "host" else ("variances",)  # one will do for float32 sums
    return [
        Measured(family, api.run(plan_for(case.name, folder, family, request.param)), below(f"{family}/", case.theirs))
        for family in families
    ]


def below(prefix: str, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): values[key] for key in values if key.startswith(prefix)}


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


def test_values_of_every_channel_agree_with_those_of_tmeasures(case: Case, measured: list[Measured]) -> None:
    assert labels(case.plan) == case.stated["layers"]
    for each in measured:
        keys = {f"{measure}/{layer}" for measure in FAMILIES[each.family].measures for layer in case.stated["layers"]}
        assert keys == set(each.theirs) == {key for key in each.result.units if not key.endswith("/classes")}
        for key in sorted(keys):
            ours, theirs, message = each.result.units[key], each.theirs[key], f"{case.name}, {each.family}, {key}"
            assert np.isfinite(theirs).all(), message
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, err_msg=message)


def test_channels_are_dead_for_both_or_for_neither(case: Case, measured: list[Measured]) -> None:
    variances, dead = measured[0], 0
    assert variances.family == "variances"
    for layer in variances.result.layers:
        keys = [f"{measure}/{layer.index:04d}" for measure in MEASURES]
        ours, theirs = ([values[key] for key in keys] for values in (variances.result.units, variances.theirs))
        still = (theirs[0] == 0) & (theirs[1] == 0)
        for values in (ours, theirs):
            np.testing.assert_array_equal(values[0] == 0, still)
            np.testing.assert_array_equal(values[1] == 0, still)
            assert (values[2][still] == 1).all()
        assert layer.measures["normalized-variance"].dead == still.sum()
        dead += int(still.sum())
    assert dead == DEAD[case.name]
