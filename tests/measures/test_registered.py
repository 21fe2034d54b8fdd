"""What every registered measure is held to, whoever adds it; and how measures are named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.measures import DEFAULT, Measure, Units, measures
from onnxinv.statistics import Statistic
from tests.measures.grids import draw, with_special_units
from tests.measures.states import state_of

every = pytest.mark.parametrize("name", measures.names())


def family_of(name: str, grid: np.ndarray, *, whole: bool = True) -> dict[str, np.ndarray]:
    units = Units.of((4, 3), 0, "float32", per_unit=whole)
    return {key: each.values for key, each in measures.build(name).compute(state_of(grid), units).items()}


def test_the_default_measures_are_registered() -> None:
    assert set(DEFAULT) <= set(measures.names())


@every
def test_documents_its_range_and_its_source(name: str) -> None:
    document = measures.get(name).__doc__ or ""
    assert document.splitlines()[0].endswith(".")
    assert "Range" in document
    assert "Source:" in document


@every
def test_describes_every_parameter(name: str) -> None:
    for key, field in measures.get(name).model_fields.items():
        assert field.description, key
        assert key in measures.describe(name)
        assert not field.is_required(), key


@every
def test_states_what_it_needs_and_what_it_means(name: str) -> None:
    measure = measures.get(name)
    assert issubclass(measure, Measure)
    assert measure.direction in ("lower", "higher", "neither")
    assert measure.bounds[0] < measure.bounds[1]
    assert len(measure.aggregation) > 10
    assert isinstance(measure.interval, bool)
    assert measure.samples_needed >= 1
    assert measure.statistics
    assert all(issubclass(kind, Statistic) for kind in measure.statistics)


@every
def test_is_named_in_kebab_case(name: str) -> None:
    assert name == name.lower().replace("_", "-").replace(" ", "-")


@every
@pytest.mark.parametrize("whole", [True, False], ids=["units", "channels"])
def test_values_are_one_a_unit_or_channel_and_within_its_range(name: str, whole: bool) -> None:
    low, high = measures.get(name).bounds
    for key, values in family_of(name, with_special_units(6, 5), whole=whole).items():
        assert values.shape == ((12,) if whole else (4,)), key
        known = values[~np.isnan(values)]
        assert known.size
        assert np.all((known >= low) & (known <= high)), key


@every
def test_a_constant_unit_is_dead(name: str) -> None:
    grid = with_special_units(6, 5)
    for each in measures.build(name).compute(state_of(grid), Units.of((12,), 0, "float32", per_unit=True)).values():
        assert each.dead.tolist() == [True, True] + [False] * 10


@every
def test_works_with_one_transform_and_the_fewest_samples(name: str) -> None:
    for grid in (draw(6, 1, 12), draw(measures.get(name).samples_needed, 5, 12)):
        for key, values in family_of(name, grid).items():
            assert np.isfinite(values).all(), key


@every
def test_keys_begin_with_the_name_or_its_singular(name: str) -> None:
    assert all(key.startswith(name.removesuffix("s")) for key in family_of(name, draw(6, 5, 12)))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("normalized-variance", "normalized-variance"),
        ("normalized-variance:dispersion=std,unbiased=false", "normalized-variance"),
        ("normalized-variance:dispersion=var", "normalized-variance:dispersion=var"),
        ("normalized-variance:unbiased=true", "normalized-variance:unbiased=true"),
        ("normalized-variance:unbiased=1", "normalized-variance:unbiased=true"),
        ("sample-variance:dispersion=var", "sample-variance:dispersion=var"),
        ("transformational-variance:unbiased=yes", "transformational-variance:unbiased=true"),
    ],
)
def test_the_key_holds_the_parameters_that_are_not_at_their_default(text: str, key: str) -> None:
    assert list(family_of(text, draw(6, 5, 12))) == [key]


def test_the_key_lists_parameters_by_name_whatever_their_order() -> None:
    measure = measures.build("normalized-variance").model_copy(update={"unbiased": True, "dispersion": "var"})
    assert measure.key("name") == "name:dispersion=var,unbiased=true"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("normalised-variance", "no measure called 'normalised-variance'", "Did you mean 'normalized-variance'"),
        ("normalized-variance:dispertion=var", "no parameter 'dispertion'", "Did you mean 'dispersion'"),
        ("variance-shares:dispersion=var", "no parameter 'dispersion'", "takes no parameters"),
        ("normalized-variance:dispersion=mad", "dispersion: .*given: 'mad'", ""),
        ("normalized-variance:unbiased=maybe", "unbiased: .*given: 'maybe'", ""),
    ],
)
def test_what_cannot_be_built_is_explained(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        measures.build(text)
    assert hint in str(caught.value.hint)


def test_infinite_is_within_the_range_of_normalized_variance() -> None:
    assert measures.get("normalized-variance").bounds == (0, math.inf)
