"""What a run is asked to do, as frozen pydantic models; names stay strings until the plan resolves them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from onnxinv.errors import UsageError
from onnxinv.spec import did_you_mean, explain_validation

Aggregate = Literal["channel", "unit", "activation-mean", "activation-max"]
Select = Literal["default", "all", "outputs"]
Reduce = Literal["auto", "host", "pushdown"]

_LEAST_MEMORY = 1 << 20
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _parse_memory(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError("write a number of bytes such as 8GiB or 500MB")
    size = int(float(match[1]) * _UNITS[match[2].upper()])
    if size < _LEAST_MEMORY:
        raise ValueError("the least is 1MiB")
    return size


Memory = Annotated[int, BeforeValidator(_parse_memory), Field(ge=_LEAST_MEMORY)]
"""Bytes; text such as `8GiB` is understood."""


def _check_shard(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}/[1-9][0-9]{0,8}", text):
        raise ValueError("write I/N, such as 2/8 for the second of eight shards")
    return text


_MOST_LOCAL = 1024
"""Processes of this machine that can be asked for: beyond, it is a slip."""


def _check_cluster(text: str) -> str:
    kind, _, count = text.partition(":")
    if kind == "local" and not (count.isascii() and count.isdecimal() and 1 <= int(count) <= _MOST_LOCAL):
        raise ValueError("write local:N, with a number of processes such as 2, or tcp://host:port")
    return text


class RunConfig(BaseModel):
    """One run: a model, data, transforms, and how to measure.

    Attributes:
        model: the ONNX file.
        data: specification of the samples, as `--data`.
        transforms: specifications; several make the Cartesian product.
        measures: specifications; empty for the default ones.
        aggregate: how units become channels.
        samples: how many samples to take; None for all.
        skip_bad_samples: whether samples that cannot be used are left out, and listed; else the first is an error.
        seed: of the choice and the order of the samples, and of what is drawn besides.
        groups: how many groups the samples are cut into.
        sample_units: how many positions of each channel are measured, drawn at random; None for all. Four are the least
            that show how much they differ.
        keep_units: how many units of each layer, the most and the least invariant ones, have their activations kept on
            a few samples, with maps of their channels; 0 for none.
        stratify: whether measures are taken on each class of samples, then averaged over classes.
        precision: absolute half-width of the 95 % interval at which the run may stop; None for all samples.
        class_output: name of the output that holds the classes; None to find it.
        class_kind: whether that output holds logits or probabilities; None to find out.
        shape: lengths of free dimensions of inputs, each `NAME:1,3,224,224`; a word in place of a length, as in
            `NAME:5,batch,3`, marks the axis that counts the samples.
        set_input: inputs that are held constant, each `NAME=VALUE`.
        layers, operators, select: which tensors are layers.
        channel_axis: channel axis by glob, as an index of the shape without batch axis.
        preprocess: a Hugging Face `preprocessor_config.json`; the five keys after it override it.
        device, threads, batch, memory: how to run; threads 0 is one a core, batch and memory None are chosen; a
            batch of just the size that a model is fixed at keeps it so.
        reduce: `host` sums in float64, the reference; `pushdown` in float32 inside the graph wherever a layer allows
            it, and else outside; `auto` is the faster of the ways that agree with `host` to 1e-5: float32 outside the
            graph on the CPU, by compiled code where there is much to do and numba is installed; `pushdown` on CUDA,
            where activations then need not leave the device.
        state: folder where each group's statistics are kept once they are closed; groups that are there already, of
            the same measurement, are not measured again.
        dask: scheduler of a cluster that measures the groups, `tcp://host:port`, or `local:N` processes.
        shard: `I/N`, to measure every N-th group from the I-th on; shards are merged afterwards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    data: str
    transforms: tuple[str, ...]
    measures: tuple[str, ...] = ()
    aggregate: Aggregate = "channel"
    samples: int | None = None
    skip_bad_samples: bool = False
    seed: Annotated[int, Field(ge=0)] = 0
    groups: Annotated[int, Field(ge=2)] = 10
    sample_units: Annotated[int, Field(ge=4)] | None = None
    keep_units: Annotated[int, Field(ge=0, le=64)] = 0
    stratify: bool = False
    precision: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    class_output: str | None = None
    class_kind: Literal["logits", "probabilities"] | None = None
    shape: tuple[str, ...] = ()
    set_input: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    select: Select = "default"
    channel_axis: dict[str, int] = Field(default_factory=dict)
    preprocess: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    scale: float | None = None
    resize: int | tuple[int, int] | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    device: str = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=1)] | None = None
    memory: Memory | None = None
    reduce: Reduce = "auto"
    state: Path | None = None
    dask: Annotated[str, AfterValidator(_check_cluster)] | None = None
    shard: Annotated[str, AfterValidator(_check_shard)] | None = None

    @model_validator(mode="after")
    def _one_of_the_shards(self) -> Self:
        number, count = self.part
        if number > count:
            raise ValueError(f"shard {number} of {count} is none: they are numbered from 1")
        if self.shard is not None and self.may_stop_early:
            raise ValueError("a shard cannot know when all of them together are precise enough")
        if self.dask is not None and self.may_stop_early:
            raise ValueError("a cluster measures all groups, whatever the precision")
        return self

    @property
    def part(self) -> tuple[int, int]:
        """Which shard is measured, from 1 on, and of how many."""
        number, _, count = (self.shard or "1/1").partition("/")
        return int(number), int(count)

    @property
    def keeps_states(self) -> bool:
        """Whether what is closed is written to files, group by group."""
        return not (self.state is None and self.shard is None and self.dask is None)

    @property
    def may_stop_early(self) -> bool:
        """Whether the run may end before all samples are measured."""
        return self.precision is not None

    @property
    def extends(self) -> bool:
        """Whether more samples than asked for may be taken, in further groups of the same size."""
        return False


def run_config(**options: object) -> RunConfig:
    """Make a run's configuration.

    Raises:
        UsageError: an option is unknown or has a value that is refused.
    """
    for key in options:
        if key not in RunConfig.model_fields:
            raise UsageError(f"There is no option '{key}'.", did_you_mean(key, RunConfig.model_fields))
    try:
        return RunConfig.model_validate(options)
    except ValidationError as error:
        raise UsageError(*explain_validation("The run", error)) from error
