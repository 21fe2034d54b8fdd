"""What every registered measure is held to, whoever adds it; and how measures are named."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from onnxinv.errors import UsageError
from onnxinv.measures import DEFAULT, DEFAULT_OF_CLASSES, Measure, Units, Values, measures
from onnxinv.measures.layer import measure_layer
from onnxinv.statistics import State, Statistic
from tests.measures.grids import draw, with_special_units
from tests.measures.states import collected, state_of

every = pytest.mark.parametrize("name", measures.names())


def family_of(name: str, grid: np.ndarray, *, whole: bool = True) -> dict[str, np.ndarray]:
    return {key: each.values for key, each in computed(name, grid, whole=whole).items()}


def computed(name: str, grid: np.ndarray, *, whole: bool = True) -> Mapping[str, Values]:
    """Return what a measure says of a grid of 12 units in 4 channels; of one for the class output, 12 classes."""
    return measures.build(name).compute(known(name, grid), Units.of((4, 3), 0, "float32", per_unit=whole))


def known(name: str, grid: np.ndarray) -> State:
    """Return the statistics that a measure needs of such a grid."""
    measure = measures.build(name)
    channel = Units.of((4, 3), 0, "float32", per_unit=False).channel
    if measure.view == "classes":
        shares = np.exp(grid.astype(np.float64))
        grid = shares / shares.sum(axis=2, keepdims=True)
    return state_of(grid, measure, labels=np.arange(len(grid)) % 12, channel=channel)


def test_the_default_measures_are_registered() -> None:
    assert {*DEFAULT, *DEFAULT_OF_CLASSES} <= set(measures.names())


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
    built = measures.build(name)
    assert set(built.direction_by_key().values()) <= {"lower", "higher", "neither"}
    assert all(low < high for low, high in built.bounds_by_key().values())
    assert set(measure.part_bounds) | set(measure.part_directions) <= set(measure.parts)
    assert measure.transforms_needed >= 1
    assert len(measure.aggregation) > 10
    assert isinstance(measure.interval, bool)
    assert measure.samples_needed >= 1
    assert built.kinds()
    assert all(issubclass(kind, Statistic) for kind in built.kinds())


@every
def test_is_named_in_kebab_case(name: str) -> None:
    assert name == name.lower().replace("_", "-").replace(" ", "-")


@every
@pytest.mark.parametrize("whole", [True, False], ids=["units", "channels"])
def test_values_are_one_a_unit_or_channel_and_within_its_range(name: str, whole: bool) -> None:
    bounds = measures.build(name).bounds_by_key()
    size = {"channel": 12 if whole else 4, "layer": 1, "output": 1}[measures.get(name).scope]
    for key, values in family_of(name, with_special_units(6, 5), whole=whole).items():
        low, high = bounds[key]
        assert values.shape == (size,), key
        known = values[~np.isnan(values)]
        assert known.size
        assert np.all((known >= low) & (known <= high)), key


@every
def test_a_unit_that_is_always_zero_is_dead(name: str) -> None:
    if measures.get(name).scope == "channel":
        for key, each in computed(name, with_special_units(6, 5)).items():
            assert each.dead[1], key
            assert not each.dead[4:].any(), key
    else:
        found = computed(name, np.zeros((6, 5, 12), dtype=np.float32))
        for each in found.values():
            assert each.values.shape == each.dead.shape == (1,)


@every
@pytest.mark.parametrize("kept", [None, np.arange(6)], ids=["all units", "some units"])
def test_has_an_interval_or_says_that_it_has_none(name: str, kept: np.ndarray | None) -> None:
    measure = measures.build(name)
    grid = draw(24, 5, 12)
    states = collected([known(name, part) for part in np.split(grid, 4)], kept, full=known(name, grid))
    found = measure_layer([measure], states, Units.of((4, 3), 0, "float32", per_unit=True))
    assert list(found) == measure.result_keys()
    for key, (_, summary) in found.items():
        assert summary.mean is not None, key
        if measure.interval:
            assert summary.se is not None, key
            assert None not in summary.ci.values(), key
        else:
            assert (summary.se, summary.bias) == (None, None), key
            assert set(summary.ci.values()) == set(summary.loo.values()) == {None}, key


@every
def test_a_profile_has_one_value_for_each_transform(name: str) -> None:
    for key, each in computed(name, with_special_units(6, 5)).items():
        if each.profile is not None:
            assert each.profile.shape == (5, each.values.size), key


@every
def test_works_with_one_transform_and_the_fewest_samples(name: str) -> None:
    measure = measures.get(name)
    for grid in (draw(16, measure.transforms_needed, 12), draw(measure.samples_needed, 5, 12)):
        for key, each in computed(name, grid).items():
            silent = np.zeros(each.values.size, dtype=bool) if each.silent is None else each.silent
            assert not np.any(np.isnan(each.values) & ~silent), key


@every
def test_the_first_key_says_the_name_and_no_two_measures_share_a_key(name: str) -> None:
    keys = list(family_of(name, draw(6, 5, 12)))
    assert keys == measures.build(name).result_keys()
    assert keys[0].startswith(name.removesuffix("s"))
    others = {key for other in measures.names() if other != name for key in measures.build(other).result_keys()}
    assert not others & set(keys)


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
