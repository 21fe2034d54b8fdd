"""What experiments decide in worlds where the answer is known, and what they show for it."""

from __future__ import annotations

import io
import json
import re

import pytest
from matplotlib.figure import Figure

from tests.reproduce.cases import CASES, FAILS, HOLDS, OPEN, Case
from tests.reproduce.worlds import Imagined, imagined
from tools.reproduce import figures
from tools.reproduce.experiment import Outcome, status_of
from tools.reproduce.experiments import experiments
from tools.reproduce.experiments.c04_sensitivity import MORE_INVARIANT
from tools.reproduce.measurement import COMPARED

EXPERIMENTS = {each.key: each for each in experiments()}
FIRST = [next(case for case in CASES if case.key == key) for key in EXPERIMENTS]


def world_of(case: Case, folder) -> Imagined:
    world = imagined(case.told, folder)
    for measurement in EXPERIMENTS[case.key].needs(case.study) if case.key == "C9" else ():
        told = world.workshop.network(measurement.recipe) / "training.json"
        told.parent.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps({"accuracy_augmented": 0.875}))
    return world


def decided(case: Case, folder) -> Outcome:
    return EXPERIMENTS[case.key].decide(case.study, world_of(case, folder))


@pytest.fixture
def undrawn(monkeypatch):
    """Leave figures out, which take most of the time."""
    for kind in ("profiles", "grid", "bars"):
        monkeypatch.setattr(figures, kind, lambda *_, **__: Figure())


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_verdict_fits_the_world(case, tmp_path):
    outcome = decided(case, tmp_path)
    assert outcome.status == case.status
    assert re.search(r"\d", outcome.statistic)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_claim_can_come_out_each_way(key):
    assert {case.status for case in CASES if case.key == key} == {HOLDS, FAILS, OPEN}


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.key)
def test_all_that_is_needed_is_looked_at_and_nothing_else(case, tmp_path):
    world = world_of(case, tmp_path)
    EXPERIMENTS[case.key].decide(case.study, world)
    assert set(world.known) == set(EXPERIMENTS[case.key].needs(case.study))


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.key)
def test_tables_have_a_cell_under_each_heading(case, tmp_path):
    tables = decided(case, tmp_path).tables
    assert tables
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert all(isinstance(each, str) for row in table.rows for each in row)


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.key)
def test_figures_can_be_drawn_and_have_a_name_of_their_own(case, tmp_path):
    pictures = decided(case, tmp_path).pictures
    assert len({each.name for each in pictures}) == len(pictures) > 0
    for picture in pictures:
        drawn = io.BytesIO()
        picture.figure.savefig(drawn, format="png", dpi=40)
        assert drawn.getvalue().startswith(b"\x89PNG")
        assert picture.caption


def test_layers_without_an_effect_size_are_told(tmp_path):
    case = next(case for case in CASES if case.world == "normalized variance has no value anywhere")
    shares = {row[0]: row[3] for row in decided(case, tmp_path).tables[0].rows}
    assert shares.pop("normalized-variance") == "0 %"
    assert set(shares.values()) == {"100 %"}


def test_experiments_are_in_the_order_of_the_paper():
    assert list(EXPERIMENTS) == [*(f"C{number}" for number in range(1, 11)), "TI"]


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda each: each.key)
def test_every_protocol_says_when_the_claim_does_not_hold(experiment):
    assert re.search(r"does not|not hold", experiment.protocol)
    assert experiment.claim.endswith(".")


def test_signs_are_those_that_measures_state():
    """The firing ratio has none; the code that it comes from takes more for more invariant."""
    from onnxinv.measures import measures

    stated = {key: way for name in COMPARED for key, way in measures.get(name)().direction_by_key().items()}
    signs = {key: {"lower": -1, "higher": 1, "neither": 1}[way] for key, way in stated.items()}
    assert stated["firing-ratio"] == "neither"
    assert signs | MORE_INVARIANT == signs


@pytest.mark.parametrize(
    ("holds", "fails", "status"),
    [(True, False, HOLDS), (False, True, FAILS), (True, True, FAILS), (False, False, OPEN)],
)
def test_what_contradicts_a_claim_outweighs_what_supports_it(holds, fails, status):
    assert status_of(holds=holds, fails=fails) == status
