"""What is looked at how: views by layer and measure, reasons, floors by map size, and the class output."""

from __future__ import annotations

import pytest

from onnxinv.config import Aggregate
from onnxinv.measures import Measure, measures
from onnxinv.model.class_output import ClassOutput
from onnxinv.statistics import ColumnMoments, Extent, RowMoments
from onnxinv.statistics.residuals import Residuals
from onnxinv.subjects import NO_MAPS, Subject, Subjects, choose_subjects
from onnxinv.transforms import Image, Transform, expand
from onnxinv.transforms.python import UserStep
from onnxinv.views import AlignedView, ClassesView, PlainView, ResidualView
from onnxinv.views.aligned import MapSize
from tests.views.layers import layer_of

NV, SE, ERROR, TOP1 = (
    measures.build(name)
    for name in ("normalized-variance", "normalized-variance-se", "equivariance-error", "top1-consistency")
)
IMAGE = layer_of((1, 8, 8), maps=True, name="image")
LARGE = layer_of((3, 8, 8), maps=True, index=1, name="large")
SMALL = layer_of((4, 4, 5), 2, maps=True, index=2, name="small")
SIMILAR = layer_of((2, 4, 4), maps=True, index=3, name="similar")
DENSE = layer_of((10,), index=4, name="dense")
LAYERS = (IMAGE, LARGE, SMALL, SIMILAR, DENSE)
TURNS = expand(["rotation:steps=8"])
CLASSES = ClassOutput("dense", "logits", 10, "detected")


def chosen(
    *asked: Measure,
    transforms: tuple[Transform, ...] = TURNS,
    aggregate: Aggregate = "channel",
    with_image: bool = True,
) -> Subjects:
    image = layer_of((1, 8, 8), maps=True, name="image") if with_image else None
    return choose_subjects(LAYERS, asked, transforms, aggregate, image, (DENSE, CLASSES))


def told(subjects: tuple[Subject, ...]) -> list[tuple[str, str, str]]:
    return [(each.role, each.layer.name, type(each.view).__name__) for each in subjects]


def test_each_layer_is_looked_at_in_every_view_that_is_asked_for() -> None:
    found = chosen(NV, SE, ERROR, TOP1)
    views = ["PlainView", "AlignedView", "ResidualView"]
    assert told(found.every) == [
        *(("layer", name, view) for name in ("image", "large", "small", "similar") for view in views),
        ("layer", "dense", "PlainView"),
        *(("floor", "image", view) for _ in range(2) for view in views[1:]),
        ("output", "dense", "ClassesView"),
    ]
    assert [each.measures for each in found.every[:3]] == [(NV,), (SE,), (ERROR,)]
    assert found.lacking == {(4, SE): NO_MAPS, (4, ERROR): NO_MAPS}


def test_a_view_that_no_measure_wants_is_not_taken() -> None:
    assert {type(each.view) for each in chosen(NV).every} == {PlainView}
    assert {type(each.view) for each in chosen(SE).every} == {AlignedView}
    assert {type(each.view) for each in chosen(ERROR).every} == {ResidualView}
    assert {type(each.view) for each in chosen(TOP1).every} == {ClassesView}
    assert chosen(NV).lacking == {}


def test_measures_of_one_view_share_a_subject() -> None:
    tv = measures.build("transformational-variance-se")
    (first, *_) = chosen(SE, tv).every
    assert first.measures == (SE, tv)
    assert first.kinds == (RowMoments, ColumnMoments)
    assert first.window == 0
    assert not first.reference
    (first, *_) = chosen(ERROR).every
    assert first.kinds == (Residuals,)
    assert first.window == 1
    assert first.reference


def test_what_is_taken_away_from_is_the_untransformed_sample_whatever_is_accumulated() -> None:
    (found, *_) = chosen(ERROR).every
    assert Subject(found.layer, "layer", found.view, (NV,)).reference
    assert not Subject(found.layer, "layer", PlainView(found.layer, "channel"), (NV,)).reference


def test_there_is_one_floor_for_each_map_size() -> None:
    floors = [each for each in chosen(SE).every if each.role == "floor"]
    assert [each.map_size for each in floors] == [MapSize(8, 8), MapSize(4, 4)]
    assert [each.extent(8, 9).units for each in floors] == [64 - 24, 16 - 4]
    assert all(each.units.count == 1 for each in floors)


def test_there_is_no_floor_where_the_input_is_no_image() -> None:
    assert not [each for each in chosen(SE, with_image=False).every if each.role == "floor"]


def test_only_maps_have_a_size() -> None:
    sizes = {(each.layer.name, type(each.view)): each.map_size for each in chosen(NV, SE).every if each.role == "layer"}
    assert sizes["small", AlignedView] == MapSize(4, 4)
    assert sizes["small", PlainView] is sizes["dense", PlainView] is None


def test_the_extent_has_the_units_of_the_view() -> None:
    subjects = {type(each.view): each for each in chosen(NV, SE, aggregate="unit").every if each.layer.name == "small"}
    plain, aligned = (subjects[view].extent(8, 9) for view in (PlainView, AlignedView))
    assert (plain.units, aligned.units) == (80, (16 - 4) * 5)
    assert (plain.transforms, plain.samples) == (aligned.transforms, aligned.samples) == (8, 9)
    for extent in (plain, aligned):
        assert isinstance(extent, Extent)
        assert extent.channel.tolist() == list(range(5)) * (extent.units // 5)
    assert subjects[AlignedView].units.count == 60


def test_layers_measured_together_have_their_floors_with_them() -> None:
    found = chosen(NV, SE, TOP1)
    assert told(found.of([LARGE], with_output=True)) == [
        ("layer", "large", "PlainView"),
        ("layer", "large", "AlignedView"),
        ("floor", "image", "AlignedView"),
        ("output", "dense", "ClassesView"),
    ]
    (*_, floor) = found.of([SIMILAR], with_output=False)
    assert (floor.role, floor.map_size) == ("floor", MapSize(4, 4))
    assert told(found.of([DENSE], with_output=False)) == [("layer", "dense", "PlainView")]
    assert [each.map_size for each in found.of(LAYERS, with_output=False) if each.role == "floor"] == [
        MapSize(8, 8),
        MapSize(4, 4),
    ]


def test_maps_of_which_no_pixel_is_left_have_a_reason_and_no_floor() -> None:
    found = chosen(SE, transforms=expand(["translation:steps=1,max=0.3"]))
    assert [each.layer.name for each in found.every] == ["image", "large", "image"]
    assert [each.map_size for each in found.every if each.role == "floor"] == [MapSize(8, 8)]
    assert {index: reason[:25] for (index, _), reason in found.lacking.items()} == {
        2: "no pixel of 4 x 4 maps st",
        3: "no pixel of 4 x 4 maps st",
        4: NO_MAPS,
    }


def test_every_layer_may_lack_a_measure() -> None:
    found = chosen(SE, transforms=expand(["brightness"]))
    assert found.every == ()
    assert {index for index, _ in found.lacking} == {0, 1, 2, 3, 4}


def test_callables_are_tried_once_for_each_size_and_number_of_channels() -> None:
    seen: list[tuple[int, ...]] = []

    def color(image: Image) -> Image:
        seen.append(image.shape)
        if image.shape[2] == 5:
            raise ValueError("five colors")
        return image

    transform = Transform("color", {}, (UserStep(color, "callable 0", color),))
    found = chosen(SE, ERROR, transforms=(transform,))
    shapes = [(8, 8, 1), (8, 8, 3), (4, 4, 5), (4, 4, 2), (4, 4, 1)]
    assert list(dict.fromkeys(seen)) == shapes
    # There and back, but not back where it does not go there.
    assert [seen.count(shape) for shape in shapes] == [2, 2, 1, 2, 2]
    assert found.lacking[2, SE] == found.lacking[2, ERROR]
    assert found.lacking[2, SE] == "on 4 x 4 maps of 5 channels, callable 0 raises ValueError: five colors"
    assert [each.layer.name for each in found.every if each.role == "layer"] == [
        name for name in ("image", "large", "similar") for _ in range(2)
    ]


def test_an_image_that_callables_cannot_take_at_another_size_gives_no_floor_there() -> None:
    def only_large_or_colored(image: Image) -> Image:
        assert image.shape[0] == 8 or image.shape[2] > 1
        return image

    transform = Transform("t", {}, (UserStep(only_large_or_colored, "callable 0", only_large_or_colored),))
    found = chosen(SE, transforms=(transform,))
    assert [each.map_size for each in found.every if each.role == "floor"] == [MapSize(8, 8)]
    assert found.of([SMALL], with_output=False)[0].map_size == MapSize(4, 4)


@pytest.mark.parametrize("aggregate", ["activation-mean", "activation-max"])
def test_reduced_activations_are_one_a_channel(aggregate: Aggregate) -> None:
    found = chosen(NV, aggregate=aggregate)
    assert [each.extent(8, 9).units for each in found.every] == [1, 3, 5, 2, 10]


def test_the_subjects_of_a_layer_are_found_without_going_through_those_of_all_others() -> None:
    walks: list[int] = []

    class Walked(tuple[Subject, ...]):
        __slots__ = ()

        def __iter__(self):
            walks.append(1)
            return super().__iter__()

    found = chosen(NV, SE, TOP1)
    watched = Subjects(Walked(found.every), found.lacking)
    alone = [told(watched.of([layer], with_output=False)) for layer in LAYERS]
    assert [each[0][1] for each in alone] == [layer.name for layer in LAYERS]
    assert told(watched.of(LAYERS, with_output=True)) == told(found.every)
    assert len(walks) <= 2
