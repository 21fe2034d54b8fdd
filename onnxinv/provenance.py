"""Where a result comes from: model, data, transforms, options, what it ran on and how long; part of `result.json`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from onnxinv.pictures import PicturesMeta

Json = dict[str, Any]

Count = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""How many units a layer has, or how long an axis of it is: what numpy can compute with."""


class Part(BaseModel):
    """A piece of the result document; frozen, and closed to unknown keys."""

    # Numbers that JSON lacks stay what they are until they are written, and are refused there.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class TensorInfo(Part):
    """An input or output of a model.

    Attributes:
        name: the tensor's name.
        dtype: its numpy dtype name, for example `float32`.
        shape: its dimensions with the batch axis; a free dimension is its name, or None where it has none.
    """

    name: str
    dtype: str
    shape: list[int | str | None]


class ModelMeta(Part):
    """Which model was measured."""

    path: str
    sha256: str
    opset: int
    producer: str
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]


class ClassOutputMeta(Part):
    """Which output holds the classes, whether it was detected or named, and how its numbers are read."""

    name: str
    kind: str
    classes: int
    chosen: str


class SkippedSample(Part):
    """A sample that could not be used, by its index in the source, and why."""

    index: int
    reason: str


class DataMeta(Part):
    """Which samples were measured; `digest` identifies their content and order-free choice.

    Attributes:
        classes: names of the classes that samples were taken by, in the order of the arrays of single classes.
        skipped: samples that were asked for and could not be used.
    """

    source: str
    samples: int
    seed: int
    digest: str
    labels: bool
    preprocessing: list[str]
    classes: list[str] = []
    skipped: list[SkippedSample] = []


class TransformsMeta(Part):
    """Which transforms were applied, in order."""

    spec: list[str]
    count: int
    items: list[Json]


class SkippedMeasure(Part):
    """A measure that did not apply, where all were asked for, and why."""

    name: str
    reason: str


class OptionsMeta(Part):
    """What was asked for.

    Attributes:
        sample_units: how many positions of each channel were measured; None for all.
        interval_units: whether intervals rest on all units (None) or on that many of each layer.
        stratify: whether measures were taken on each class of samples, then averaged over classes.
        precision: half-width of the interval at which the run was allowed to stop.
        skipped_measures: measures that did not apply, where all were asked for.
        shard: which part of the groups was measured, `I/N`; None for all of them.
    """

    aggregate: str
    measures: list[str]
    groups: int
    sample_units: int | None
    interval_units: int | None
    stratify: bool = False
    precision: float | None = None
    skipped_measures: list[SkippedMeasure] = []
    shard: str | None = None


class RuntimeMeta(Part):
    """What the model ran on."""

    onnxruntime: str
    providers: list[str]
    optimization: str
    reduce: str
    schedule: str
    batch: int
    threads: int


class TimingMeta(Part):
    """How long the measurement took, from ready session to finished values.

    Attributes:
        shares: share of the busy time by what it was spent on: `inference`, `transforms` (of the inputs) and every
            measure; what measures have in common is divided between them.
    """

    seconds: float
    inferences: int
    inferences_per_second: float
    shares: dict[str, float] = {}


class Meta(Part):
    """Provenance of a result."""

    format: int
    onnxinv: str
    created: str
    model: ModelMeta
    data: DataMeta
    transforms: TransformsMeta
    options: OptionsMeta
    runtime: RuntimeMeta
    timing: TimingMeta
    warnings: list[str]
    class_output: ClassOutputMeta | None = None
    pictures: PicturesMeta | None = None
