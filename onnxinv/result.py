"""What a measurement found: per-layer values with provenance, written to and read from a result folder."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from onnxinv.errors import OutputError
from onnxinv.files import read_file, write_folder
from onnxinv.json_text import json_text, parse_json
from onnxinv.pictures import Pictures, read_pictures
from onnxinv.provenance import Count, Json, Meta, Part
from onnxinv.spec import explain_validation
from onnxinv.units_file import load_units

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
"""Format of `result.json`. 1: the first."""

PICTURES = "pictures.npz"
"""The file of what was kept to be looked at."""

_MOST_AXES = 64
"""That an array can have."""

STATE = "state"
"""Folder of the statistics, where they are kept."""

OPTIONAL = ("report.html", "units.npz", PICTURES)
"""Files of a result folder that not every result has: those of an earlier one go with it."""

Interval = tuple[float, float]


class MeasureSummary(Part):
    """One measure of one layer: the distribution of its values over channels (or units), with uncertainty.

    Attributes:
        mean: over finite values; dead ones count as the measure says. `mean_alive` leaves the dead ones out.
        finite: how many values the mean averages; `inf` and `nan` are counted beside it, `dead` overlaps.
        se: jackknife standard error of the mean, `bias` its estimated bias; None under three groups.
        ci: 95 % intervals by statistic; `loo` the leave-one-group-out values behind them.
        profile: one value for each transform, for measures that have such a curve.
        classes: one value for each class of samples, where the measure was taken class by class.
        floor: what interpolation alone makes of the measure at this layer's size, for measures that resample maps.
        silent: how many values are undefined because the unit never fires.
        reason: why the layer does not have the measure.
        position_se: by statistic, the part of the standard error that comes from measuring some positions of each
            channel, not all.
    """

    mean: float | None
    mean_alive: float | None
    std: float | None
    median: float | None
    p05: float | None
    p95: float | None
    min: float | None
    max: float | None
    finite: int
    inf: int
    nan: int
    dead: int
    se: float | None
    bias: float | None
    ci: dict[str, Interval | None]
    loo: dict[str, list[float] | None]
    profile: list[float | None] | None = None
    classes: dict[str, float | None] | None = None
    floor: float | None = None
    silent: int | None = None
    reason: str | None = None
    position_se: dict[str, float] | None = None

    def model_post_init(self, context: object) -> None:
        """Refuse what says nothing of an interval, not even that there is none: every report shows it."""
        if "mean" not in self.ci:
            raise ValueError("it lacks the interval of the mean")

    @model_serializer(mode="wrap")
    def _without_what_does_not_apply(self, dump: SerializerFunctionWrapHandler) -> Json:
        written: Json = dump(self)
        optional = ("profile", "classes", "floor", "silent", "reason", "position_se")
        return {key: value for key, value in written.items() if value is not None or key not in optional}


class LayerResult(Part):
    """One measured layer; `shape` leaves the batch axis out and `channel_axis` indexes it.

    Attributes:
        node: name of the node that makes the tensor; empty for an input, and where the node has none.
        after: indices of the layers that it is computed from with no layer in between; empty in older results.
    """

    index: int
    name: str
    label: str
    op: str
    shape: list[int]
    channel_axis: int
    units: Count
    channels: Count
    measures: dict[str, MeasureSummary]
    node: str = ""
    after: list[int] = Field(default=[])

    def model_post_init(self, context: object) -> None:
        """Refuse what drawings of the graph would run in circles on, and a shape that contradicts what it comes to."""
        if len(self.shape) > _MOST_AXES or math.prod(self.shape) != self.units or min(self.shape, default=1) < 1:
            raise ValueError("its shape is not that of its units")
        if not 0 <= self.channel_axis < len(self.shape) or self.shape[self.channel_axis] != self.channels:
            raise ValueError("its shape is not that of its channels")
        if not all(0 <= index < self.index for index in self.after):
            raise ValueError("a layer is computed from layers before it")


class Skipped(Part):
    """A tensor that could not be measured, and why."""

    name: str
    op: str
    reason: str


class OutputValue(Part):
    """One measure of the model's class output.

    Attributes:
        value: over all samples and transforms.
        se: jackknife standard error, `bias` its estimated bias; None under three groups.
        ci: 95 % interval; `loo` the leave-one-group-out values behind it.
        profile: one value for each transform, for measures that have such a curve.
    """

    value: float | None
    se: float | None
    bias: float | None
    ci: Interval | None
    loo: list[float] | None
    profile: list[float | None] | None


class GlobalValue(Part):
    """One measure over the whole model; the interval belongs to the mean of the layers."""

    mean_of_layers: float | None
    mean_of_units: float | None
    se: float | None
    ci: Interval | None


class Document(Part):
    """The content of `result.json`."""

    meta: Meta
    layers: list[LayerResult]
    skipped: list[Skipped]
    outputs: dict[str, OutputValue]
    summary: dict[str, GlobalValue]


@dataclass(frozen=True)
class Result:
    """A finished measurement.

    Attributes:
        document: everything that stands in `result.json`.
        units: arrays by `"<measure>/<layer index as four digits>"`: one value a channel, or the unit shape for
            `aggregate="unit"`; with `/classes` behind it, those of every class, classes first. Empty without the file.
        stored: the pictures, or the file in which they may be.
    """

    document: Document
    units: Mapping[str, npt.NDArray[np.float64]]
    stored: Pictures | Path | None = None

    @property
    def meta(self) -> Meta:
        """Provenance."""
        return self.document.meta

    @property
    def layers(self) -> list[LayerResult]:
        """The measured layers in topological order."""
        return self.document.layers

    @property
    def measures(self) -> list[str]:
        """The keys of the measures that were taken, in order."""
        return list(self.document.summary)

    @property
    def lacks_values(self) -> bool:
        """Whether the result came without `units.npz`, so that summaries are all there is."""
        return not self.units and any(each.reason is None for layer in self.layers for each in layer.measures.values())

    def values(self, measure: str, layer: LayerResult) -> npt.NDArray[np.float64]:
        """Return the channel (or unit) values behind one measure of one layer.

        Raises:
            OutputError: the result came without `units.npz`.
        """
        if self.lacks_values:
            raise OutputError("The values of channels are not at hand: the result came without units.npz.")
        return self.units[units_key(measure, layer.index)]

    @cached_property
    def pictures(self) -> Pictures | None:
        """What was kept to be looked at, read when it is first wanted; None where there is nothing, or no file.

        Raises:
            OutputError: the file is damaged.
        """
        told = self.meta.pictures
        if told is None or not isinstance(self.stored, Path):
            return self.stored if isinstance(self.stored, Pictures) else None
        shapes = {layer.index: (layer.shape, layer.channel_axis) for layer in self.layers}
        return read_pictures(self.stored, told, len(self.meta.transforms.items), shapes)

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write `result.json`, `units.npz` and, where there are pictures, `pictures.npz`: all or none.

        Raises:
            OutputError: the folder cannot be written, or holds a result and `overwrite` is not set.
        """
        write_folder(folder, self.files(), marker="result.json", overwrite=overwrite, outdated=OPTIONAL)

    def to_frame(self) -> DataFrame:
        """Return a pandas data frame with one row for each layer and measure, the columns of the format `csv`.

        Texts are `string`, counts `Int64`, real numbers `float64`; what a row lacks is `NA` or `nan`. Measures of the
        class output follow the layers, with their value as `mean`.

        Raises:
            OnnxinvError: pandas is not installed; `pip install 'onnxinv[frame]'` brings it.
        """
        from onnxinv.frame import frame_of

        return frame_of(self)

    def files(self) -> dict[str, bytes]:
        """Return the content of the result folder by file name, `result.json` last."""
        if self.lacks_values:
            return {"result.json": to_json(self).encode()}
        arrays = io.BytesIO()
        np.savez_compressed(arrays, **dict(self.units))  # type: ignore[arg-type]  # takes keywords for options
        pictures = {} if self.pictures is None else {PICTURES: self.pictures.to_bytes()}
        return {"units.npz": arrays.getvalue(), **pictures, "result.json": to_json(self).encode()}

    @classmethod
    def load(cls, folder: Path) -> Result:
        """Read a result folder; `units.npz` may be missing, as where someone sent `result.json` alone.

        Raises:
            OutputError: there is no result, it is damaged, or its format is newer than this version reads.
        """
        path = Path(folder) / "result.json"
        try:
            content = parse_json(read_file(path))
        except (FileNotFoundError, NotADirectoryError):
            raise OutputError(f"There is no result in '{folder}'.", "Name a folder that analyze -o wrote.") from None
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"'{path}' is not a result: {reason}.", "Measure the model again.") from error
        try:
            newest = content["meta"]["format"]
        except (KeyError, TypeError):
            raise OutputError(f"'{path}' is not a result: it tells no format.", "Measure the model again.") from None
        if newest != FORMAT:
            raise OutputError(
                f"'{path}' has format {newest!r}, and this version reads format {FORMAT}.", "Upgrade onnxinv."
            )
        try:
            document = Document.model_validate(content)
        except ValidationError as error:
            raise OutputError(*explain_validation(f"'{path}'", error)) from error
        told = document.summary or document.outputs
        if not told or any(list(layer.measures) != list(document.summary) for layer in document.layers):
            raise OutputError(f"'{path}' is damaged: layers lack measures.", "Measure the model again.")
        arrays = path.with_name("units.npz")
        sizes = {
            units_key(key, layer.index): max(layer.units, layer.channels)
            for layer in document.layers
            for key, summary in layer.measures.items()
            if summary.reason is None
        }
        several = {
            classes_key(key, layer.index): len(document.meta.data.classes) * max(layer.units, layer.channels)
            for layer in document.layers
            for key in layer.measures
        }
        units = load_units(arrays, sizes | several) if arrays.exists() else {}
        if arrays.exists() and (lacking := sizes.keys() - units):
            raise OutputError(f"'{arrays}' is damaged: it lacks '{min(lacking)}'.", "Measure the model again.")
        return cls(document, units, path.with_name(PICTURES))


def units_key(measure: str, index: int) -> str:
    """Return the key of a layer's values in `units.npz`."""
    return f"{measure}/{index:04d}"


def classes_key(measure: str, index: int) -> str:
    """Return the key of a layer's values class by class in `units.npz`."""
    return f"{units_key(measure, index)}/classes"


def to_json(result: Result) -> str:
    """Return the text of `result.json`: indented, finite numbers or null."""
    return json_text(result.document)
