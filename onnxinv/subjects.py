"""What is measured: layers in the views that the measures ask for, the class output, and the floors of resampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from onnxinv.config import Aggregate
from onnxinv.measures import Measure, Units
from onnxinv.model.class_output import ClassOutput
from onnxinv.model.layers import Layer
from onnxinv.statistics import Extent, Statistic
from onnxinv.statistics.single_moments import SINGLE
from onnxinv.transforms import Transform
from onnxinv.transforms.alignment import Alignment, align_maps
from onnxinv.views import AlignedView, ClassesView, PlainView, ResidualView, View
from onnxinv.views.aligned import MapSize

Role = Literal["layer", "floor", "output"]

NO_MAPS = "it has no feature maps"
"""Why a layer lacks the measures of maps that are compared pixel by pixel, where it has none."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A layer in one view, with the measures that look at it so.

    Attributes:
        layer: the tensor that is looked at.
        role: `layer`; `floor` for the input resampled to the size of other layers; `output` for the class output.
        view: how it is looked at.
        measures: what is computed of it.
        size: the map size that a floor is about.
    """

    layer: Layer
    role: Role
    view: View
    measures: tuple[Measure, ...]
    size: MapSize | None = None

    @cached_property
    def kinds(self) -> tuple[type[Statistic], ...]:
        """What is accumulated, each once."""
        return tuple(dict.fromkeys(kind for measure in self.measures for kind in measure.kinds()))

    @cached_property
    def untransformed(self) -> tuple[type[Statistic], ...]:
        """What is accumulated over the untransformed samples beforehand."""
        return tuple(dict.fromkeys(first for kind in self.kinds for first in kind.untransformed))

    @property
    def window(self) -> int:
        """How many samples are wanted at once, see `Statistic.window`."""
        return max(kind.window for kind in self.kinds)

    @property
    def reference(self) -> bool:
        """Whether the untransformed samples are wanted."""
        return isinstance(self.view, ResidualView) or any(kind.reference for kind in self.kinds)

    @property
    def map_size(self) -> MapSize | None:
        """The size of the maps that are compared pixel by pixel; None where the view does not do that."""
        if not isinstance(self.view, AlignedView | ResidualView):
            return None
        return self.size or MapSize.of(self.layer)

    @property
    def units(self) -> Units:
        """How its units fall into values."""
        return self.view.units

    @property
    def is_single(self) -> bool:
        """Whether the activations are looked at as they are, in float32 or coarser, by statistics that can sum so."""
        as_they_are = isinstance(self.view, PlainView) and self.view.hands_on
        fits = self.layer.dtype in ("float32", "float16", "bfloat16")
        return as_they_are and fits and set(self.kinds) >= SINGLE and not self.is_exact

    @property
    def is_exact(self) -> bool:
        """Whether a measure needs its sums in float64."""
        return any(measure.exact for measure in self.measures)

    @property
    def is_joinable(self) -> bool:
        """Whether sums of it may be taken over several groups together, beside those of some units in each."""
        return self.is_single and set(self.kinds) == SINGLE

    def of_some(self, units: npt.NDArray[np.intp]) -> Subject:
        """Return some units of one that is joinable."""
        assert isinstance(self.view, PlainView), "what is joinable is seen as it is"
        return replace(self, view=self.view.of_some(units))

    def extent(
        self,
        transforms: int,
        samples: int,
        untransformed: Mapping[type[Statistic], Statistic] | None = None,
        *,
        single: bool = False,
    ) -> Extent:
        """Return the extent of its grid.

        Args:
            transforms: m.
            samples: n of the whole run.
            untransformed: closed statistics of the untransformed samples.
            single: whether sums may be taken in float32.
        """
        channel, resolution = self.view.channel, self.units.resolution
        return Extent(
            transforms,
            channel.size,
            channel,
            samples,
            resolution,
            untransformed or {},
            single=single and self.is_single,
        )


@dataclass(frozen=True)
class Subjects:
    """All subjects of a run.

    Attributes:
        every: layers in topological order, each in all its views; then floors, then the class output.
        lacking: why a layer cannot have a measure, by layer index and measure.
    """

    every: tuple[Subject, ...]
    lacking: Mapping[tuple[int, Measure], str]

    def of(self, layers: Sequence[Layer], *, with_output: bool) -> tuple[Subject, ...]:
        """Return the subjects of some layers, with the floors that belong to them.

        Args:
            layers: measured together.
            with_output: whether the class output is measured with them.
        """
        chosen = [each for index in sorted(layer.index for layer in layers) for each in self._of_layers.get(index, ())]
        sizes = {each.map_size for each in chosen if each.map_size}
        floors = [each for each in self._others if each.role == "floor" and each.map_size in sizes]
        outputs = [each for each in self._others if each.role == "output" and with_output]
        return (*chosen, *floors, *outputs)

    # Asked for layer by layer, of which there may be thousands.
    @cached_property
    def _of_layers(self) -> Mapping[int, Sequence[Subject]]:
        found: dict[int, list[Subject]] = {}
        for each in self.every:
            if each.role == "layer":
                found.setdefault(each.layer.index, []).append(each)
        return found

    @cached_property
    def _others(self) -> Sequence[Subject]:
        return [each for each in self.every if each.role != "layer"]


def choose_subjects(
    layers: Sequence[Layer],
    measures: Sequence[Measure],
    transforms: Sequence[Transform],
    aggregate: Aggregate,
    image: Layer | None,
    output: tuple[Layer, ClassOutput] | None,
) -> Subjects:
    """Bring layers and measures together.

    Args:
        layers: what is measured.
        measures: what is computed.
        transforms: the transform set.
        aggregate: how units become values.
        image: the input image as a layer; None where the input is no image.
        output: the tensor of the class output, and what it is.
    """
    found: list[Subject] = []
    lacking: dict[tuple[int, Measure], str] = {}
    aligner = _Aligner(transforms)
    by_view = {view: tuple(each for each in measures if each.view == view) for view in ("plain", "aligned", "residual")}
    makers = {"aligned": AlignedView, "residual": ResidualView}
    for layer in layers:
        if by_view["plain"]:
            found.append(Subject(layer, "layer", PlainView(layer, aggregate), by_view["plain"]))
        for view, make in makers.items():
            if not by_view[view]:
                continue
            alignment = aligner.align(MapSize.of(layer), layer.channels) if layer.maps else NO_MAPS
            if isinstance(alignment, str):
                lacking.update({(layer.index, measure): alignment for measure in by_view[view]})
            else:
                found.append(Subject(layer, "layer", make(layer, alignment, aggregate), by_view[view]))
    if image is not None and image.maps:
        for size in {each.map_size: None for each in found if each.map_size}:
            alignment = aligner.align(size, image.channels)
            if not isinstance(alignment, str):
                found += [
                    Subject(image, "floor", make(image, alignment, "channel", size), by_view[view], size)
                    for view, make in makers.items()
                    if by_view[view]
                ]
    wanted = tuple(each for each in measures if each.view == "classes")
    if output is not None and wanted:
        found.append(Subject(output[0], "output", ClassesView(output[1]), wanted))
    return Subjects(tuple(found), lacking)


class _Aligner:
    """Aligns maps of every size, and tries the transforms on every number of channels, once.

    Args:
        transforms: the transform set.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self._transforms = transforms
        self._found: dict[MapSize, Alignment | str] = {}
        self._problems: dict[tuple[MapSize, int], str] = {}

    def align(self, size: MapSize, channels: int) -> Alignment | str:
        """Return the alignment of samples of that many maps, or why there is none."""
        if size not in self._found:
            self._found[size] = align_maps(self._transforms, size.height, size.width)
        found = self._found[size]
        if isinstance(found, str):
            return found
        if (size, channels) not in self._problems:
            self._problems[size, channels] = found.problem(channels)
        return self._problems[size, channels] or found
