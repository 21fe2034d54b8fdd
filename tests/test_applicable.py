"""Of the measures that are asked for those are taken that apply, and of the others it is told why they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnxinv.api import analyze, plan
from onnxinv.applicable import asked_measures
from onnxinv.errors import DataError, UsageError
from onnxinv.measures import DEFAULT, DEFAULT_OF_CLASSES, measures
from onnxinv.plan import Plan
from tests.engine.networks import NV, save_network
from tests.networks import save_text

CPU: dict[str, Any] = {"device": "cpu", "threads": 1}
OF_MAPS = {
    "equivariance-error",
    "normalized-distance-se",
    "normalized-variance-se",
    "sample-variance-se",
    "transformational-variance-se",
}
TURNS = "rotation:steps=4"


def taken(decided: Plan) -> list[str]:
    return [measures.name_of(type(each)) for each in decided.measures]


def reasons(decided: Plan) -> dict[str, str]:
    return {each.name: each.reason for each in decided.dropped}


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """Return a model of images with feature maps, a global pool and three classes."""
    generator = np.random.default_rng(0)
    weights = {"k": generator.standard_normal((2, 1, 3, 3)), "w": generator.standard_normal((3, 2, 1, 1))}
    return save_network(tmp_path, "c = Conv(image, k) g = GlobalMaxPool(c) y = Conv(g, w)", weights)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return save_images(tmp_path, 24, np.arange(24) % 3)


def save_images(folder: Path, count: int, labels: np.ndarray | None = None) -> Path:
    path = folder / "images.npz"
    arrays: dict[str, Any] = {"x": np.random.default_rng(1).random((count, 1, 6, 6), dtype=np.float32)}
    np.savez(path, **(arrays if labels is None else {**arrays, "y": labels}))
    return path


def everything(model: Path, data: Path, transforms: str = TURNS, **options: Any) -> Plan:
    return plan(model, data, transforms, **{"measures": ("all",), **CPU, **options})


def test_all_takes_every_measure_where_every_one_applies(classifier: Path, data: Path) -> None:
    decided = everything(classifier, data, groups=4)
    assert decided.dropped == ()
    assert sorted(taken(decided)) == measures.names()
    assert taken(decided)[: len(DEFAULT)] == list(DEFAULT)


def test_what_is_taken_has_a_result_everywhere_or_a_reason(classifier: Path, data: Path) -> None:
    found = analyze(classifier, data, TURNS, measures=("all",), groups=4, **CPU)
    assert found.measures[: len(DEFAULT) - 1] == list(DEFAULT)[:-1]
    keys = {key for name in measures.names() for key in measures.build(name).result_keys()}
    assert set(found.measures) | set(found.document.outputs) == keys
    for layer in found.layers:
        assert list(layer.measures) == found.measures
        for key, summary in layer.measures.items():
            without_maps = layer.name in ("g", "y") and key in OF_MAPS
            assert (summary.reason is not None) == without_maps
            assert (f"{key}/{layer.index:04d}" in found.units) != without_maps
            if without_maps:
                assert summary.reason == "it has no feature maps"
                assert (summary.mean, summary.finite) == (None, 0)


def test_a_named_measure_goes_before_all_others_and_is_taken_once(classifier: Path, data: Path) -> None:
    named = ("anova", f"{NV}:dispersion=var", "all", "sample-variance")
    decided = everything(classifier, data, measures=named, groups=4)
    keys = [key for each in decided.measures for key in each.result_keys()]
    assert keys[:4] == ["anova-f", "anova-variant", f"{NV}:dispersion=var", "sample-variance"]
    assert keys[4:6] == [NV, "transformational-variance"]
    assert len(set(keys)) == len(keys)
    assert set(taken(decided)) == set(measures.names())


def test_none_named_are_the_default_ones(classifier: Path, data: Path) -> None:
    decided = everything(classifier, data, measures=())
    assert taken(decided) == [*DEFAULT, *DEFAULT_OF_CLASSES]


def test_default_measures_that_do_not_apply_are_left_out_without_a_word(tmp_path: Path, data: Path) -> None:
    decided = everything(save_network(tmp_path, "y = Relu(image)"), data, measures=())
    assert taken(decided) == list(DEFAULT)
    assert decided.dropped == ()


def test_an_array_that_is_no_image_has_no_measures_of_maps(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    model = save_text(
        tmp_path / "table.onnx", "net (float[n,5] row) => (float[n,3] y) { y = MatMul(row, w) }", w=weights
    )
    rows = tmp_path / "rows.npz"
    np.savez(rows, x=np.random.default_rng(1).standard_normal((40, 5)).astype(np.float32), y=np.arange(40) % 3)
    decided = everything(model, rows, "additive-noise")
    assert set(reasons(decided)) == OF_MAPS
    assert set(reasons(decided).values()) == {"the model's input is no image"}
    found = analyze(model, rows, "additive-noise", measures=("all",), **CPU)
    assert {each.name: each.reason for each in found.meta.options.skipped_measures} == reasons(decided)
    assert not set(found.measures) & OF_MAPS
    assert set(found.document.outputs) >= {"accuracy", "top1-consistency"}


@pytest.mark.parametrize(
    ("transforms", "reason"),
    [
        pytest.param("brightness:steps=2", "'brightness", id="not geometric"),
        pytest.param("flip", "", id="geometric"),
    ],
)
def test_measures_of_maps_need_transforms_of_maps(classifier: Path, data: Path, transforms: str, reason: str) -> None:
    decided = everything(classifier, data, transforms, groups=4)
    if not reason:
        assert decided.dropped == ()
        return
    assert set(reasons(decided)) == OF_MAPS
    assert all(each.startswith(reason) for each in reasons(decided).values())


def test_no_layer_with_maps_is_a_reason(classifier: Path, data: Path) -> None:
    decided = everything(classifier, data, layers=("g", "y"), groups=4)
    assert reasons(decided) == dict.fromkeys(OF_MAPS, "no layer has feature maps")


def test_transforms_that_leave_no_pixel_are_a_reason(classifier: Path, data: Path) -> None:
    decided = everything(classifier, data, "translation:steps=1,max=0.9", groups=4)
    assert set(reasons(decided)) == OF_MAPS
    assert len(set(reasons(decided).values())) == 1
    assert not any(subject.role == "floor" for subject in decided.subjects.every)
    with pytest.raises(DataError, match="'equivariance-error' cannot be measured: ") as told:
        everything(classifier, data, "translation:steps=1,max=0.9", measures=("equivariance-error",))
    assert "smaller transforms" in told.value.hint


def test_data_without_labels_has_no_accuracy(classifier: Path, tmp_path: Path) -> None:
    decided = everything(classifier, save_images(tmp_path, 24), groups=4)
    assert reasons(decided) == {"accuracy": "the data has no labels"}


def test_a_model_without_classes_has_no_measures_of_them(tmp_path: Path, data: Path) -> None:
    decided = everything(save_network(tmp_path, "y = Relu(image)"), data, groups=4)
    assert set(reasons(decided)) == set(DEFAULT_OF_CLASSES)
    assert all("no output of the model has one number for each class" in each for each in reasons(decided).values())


def test_one_transform_makes_no_pairs(classifier: Path, data: Path) -> None:
    decided = everything(classifier, data, "identity", groups=4)
    told = reasons(decided)
    assert told["pairwise-consistency"] == "it needs 2 transforms, and the set has 1"
    needing = {name for name in measures.names() if measures.build(name).transforms_needed > 1}
    assert set(told) == needing
    with pytest.raises(DataError, match="needs 2 transforms, and the set has 1") as refused:
        everything(classifier, data, "identity", measures=("pairwise-consistency",))
    assert refused.value.hint == "Take a larger transform set."


def test_two_samples_are_enough_for_some(classifier: Path, tmp_path: Path) -> None:
    data = save_images(tmp_path, 2, np.array([0, 1]))
    decided = everything(classifier, data)
    told = reasons(decided)
    for name in measures.names():
        needed = measures.build(name).samples_needed
        if needed > 2:
            assert told.pop(name) == f"it needs {needed} samples, and the data gives 2"
    pairs = {"sample-distance", "normalized-distance"}
    assert {name for name, reason in told.items() if "the groups have at most 1" in reason} >= pairs
    found = analyze(classifier, data, TURNS, measures=("all",), **CPU)
    assert found.measures[0] == NV
    assert all(summary.se is None for layer in found.layers for summary in layer.measures.values())


def test_one_sample_is_enough_for_few(classifier: Path, tmp_path: Path) -> None:
    data = save_images(tmp_path, 1, np.array([2]))
    with pytest.raises(DataError, match="'normalized-variance' cannot be measured: it needs 2 samples"):
        everything(classifier, data, measures=())
    decided = everything(classifier, data)
    assert all(each.samples_needed == 1 for each in decided.measures)
    assert {"transformational-variance", "top1-consistency", "orbit-deviation"} <= set(taken(decided))
    found = analyze(classifier, data, TURNS, measures=("all",), **CPU)
    assert found.document.outputs["top1-consistency"].ci is None
    assert found.layers[0].measures["orbit-deviation"].mean is not None


@pytest.mark.parametrize("measure", ["linear-cka", "relative-invariance"])
def test_measures_of_random_pairs_are_not_taken_class_by_class(classifier: Path, data: Path, measure: str) -> None:
    with pytest.raises(DataError, match=f"'{measure}' cannot be measured: .* --stratify orders them by class") as told:
        everything(classifier, data, measures=(measure,), stratify=True)
    assert told.value.hint == "Measure it without --stratify."
    decided = everything(classifier, data, stratify=True)
    assert "--stratify orders them by class" in reasons(decided)[measure]
    assert measure not in taken(decided)


def test_pairs_of_samples_need_two_of_a_class_in_a_group(classifier: Path, data: Path) -> None:
    with pytest.raises(DataError, match="'sample-distance' cannot be measured: it compares 2 samples") as told:
        everything(classifier, data, measures=("sample-distance",), groups=8, stratify=True)
    assert "at most 1 of some class" in told.value.message
    assert "fewer --groups" in told.value.hint
    assert {"sample-distance", "normalized-distance"} <= set(
        reasons(everything(classifier, data, groups=8, stratify=True))
    )
    few = everything(classifier, data, groups=7, stratify=True)
    assert {"sample-distance", "normalized-distance", "transformational-distance"} <= set(taken(few))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"stratify": True}, id="by class"),
        pytest.param({"precision": 0.1}, id="with a precision"),
        pytest.param({"aggregate": "unit"}, id="unit by unit"),
        pytest.param({"aggregate": "activation-max"}, id="of maxima"),
        pytest.param({"groups": 24}, id="one sample a group"),
        pytest.param({"select": "outputs"}, id="of the outputs"),
    ],
)
def test_a_measure_that_is_dropped_is_refused_by_name_for_the_same_reason(
    classifier: Path, data: Path, options: dict[str, Any]
) -> None:
    decided = everything(classifier, data, **{"groups": 4, **options})
    assert set(taken(decided)) | set(reasons(decided)) == set(measures.names())
    for name, reason in reasons(decided).items():
        with pytest.raises(DataError) as told:
            everything(classifier, data, measures=(name,), **{"groups": 4, **options})
        assert told.value.message == f"'{name}' cannot be measured: {reason}."
        assert told.value.hint


def test_a_measure_that_does_not_exist_is_refused_beside_all() -> None:
    with pytest.raises(UsageError, match="no measure called 'normalised-variance'"):
        asked_measures(["all", "normalised-variance"])
