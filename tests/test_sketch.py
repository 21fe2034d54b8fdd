"""What is left of a subject comes back from arrays, and every measure from the text that makes it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from pydantic import ValidationError

from onnxinv.api import plan
from onnxinv.measures import Measure, measures
from onnxinv.sketch import Sketch, read_sketch, sketch_arrays, specification
from tests.engine.states import ALL, Setting


def values_of(annotation: Any) -> list[Any]:
    """Return values that a parameter may take."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if annotation is bool:
        return [False, True]
    if annotation in (int, float):
        return [annotation(each) for each in (1, 2, 3, 0.5, 0.1, 1e-5, 1e-9)]
    return [each for part in get_args(annotation) for each in values_of(part)]


def variants() -> list[Measure]:
    """Return every measure with every value of each of its parameters."""
    found = []
    for name in measures.names():
        kind = measures.get(name)
        found.append(kind())
        for key, field in kind.model_fields.items():
            for value in values_of(field.annotation):
                try:
                    found.append(kind(**{key: value}))
                except ValidationError:
                    continue
    return found


def test_every_measure_comes_back_from_its_specification() -> None:
    every = variants()
    assert len(every) > 2 * len(measures.names())
    for measure in every:
        assert measures.build(specification(measure)) == measure


@pytest.mark.parametrize(
    "options", [{}, {"aggregate": "unit"}, {"aggregate": "activation-mean"}, {"sample_units": 5}], ids=str
)
def test_a_sketch_comes_back_and_arranges_values_as_the_subject_does(tmp_path: Path, options: dict[str, Any]) -> None:
    setting = Setting.save(tmp_path)
    decided = plan(
        setting.model,
        setting.data,
        "rotation:steps=4",
        device="cpu",
        threads=1,
        channel_axis={"r": 1},
        **ALL,
        **options,
    )
    roles, straight = set(), set()
    for subject in decided.subjects.of(decided.layers, with_output=True):
        sketch = Sketch.of(subject)
        kept = np.arange(3)
        (found, told), (_, nothing) = (read_sketch(sketch_arrays(sketch, each)) for each in (kept, None))
        assert nothing is None
        np.testing.assert_array_equal(told, kept)
        assert (found.role, found.layer, found.map_size, found.measures, found.plain) == (
            sketch.role, sketch.layer, sketch.map_size, sketch.measures, sketch.plain,
        )  # fmt: skip
        np.testing.assert_array_equal(found.units.channel, subject.units.channel)
        assert (found.units.count, found.units.resolution, found.units.whole, found.units.drawn) == (
            subject.units.count, subject.units.resolution, subject.units.whole, subject.units.drawn,
        )  # fmt: skip
        values = np.random.default_rng(0).random(subject.units.count)
        np.testing.assert_array_equal(found.arrange(values), subject.view.arrange(values))
        roles.add(sketch.role)
        straight.add(bool((np.diff(found.places.reshape(-1)) == 1).all()))
    assert {"layer", "output"} <= roles
    if options == {"aggregate": "unit"}:
        assert False in straight
