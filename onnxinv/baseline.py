"""What was measured when a model was accepted: the file that regressions are held against."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat, ValidationError

from onnxinv.differences import Known, located
from onnxinv.errors import OutputError, UsageError
from onnxinv.files import read_file
from onnxinv.findings import Of
from onnxinv.json_text import json_lines, parse_json
from onnxinv.measures.measure import Bounds
from onnxinv.provenance import Count, Json, Part
from onnxinv.result import LayerResult, Result
from onnxinv.spec import explain_validation
from onnxinv.version import __version__

BASELINE_FORMAT = 1
"""Format of the file. 1: the first."""

_DIGITS = 8
"""Significant digits of the numbers: more are rounding, which differs from machine to machine."""

_LEVELS = 4
"""Levels of the file that have a line for each entry: so a layer is a line."""

UPDATE = "Accept what is measured now with check --update-baseline."
WRITE_ANEW = "Restore the file, or write all of it anew with check --update-baseline."


class Recorded(Part):
    """A value with what its uncertainty rests on; see `onnxinv.differences.Known`."""

    value: FiniteFloat | None
    se: Annotated[FiniteFloat, Field(ge=0)] | None
    bias: FiniteFloat | None
    loo: list[FiniteFloat]

    @classmethod
    def of(cls, known: Known) -> Recorded:
        """Return what is kept of a value."""
        value, se, bias = map(_rounded, (known.value, known.se, known.bias))
        return cls(value=value, se=se, bias=bias, loo=[float(f"{each:.{_DIGITS}g}") for each in known.replicates])

    def known(self, *, share: bool) -> Known:
        """Return it as what differences are taken of.

        Args:
            share: whether it may be a share of samples.
        """
        return Known(self.value, self.se, self.bias, tuple(self.loo), share=share)


class RecordedLayer(Part):
    """A layer: what it takes to find it again in another model, and values by measure and location over channels."""

    name: str
    label: str
    op: str
    shape: tuple[Count, ...]
    units: Count
    channels: Count
    values: dict[str, dict[Of, Recorded]]


class RecordedData(Part):
    """Which samples were measured, and in which groups."""

    source: str
    samples: int
    seed: int
    digest: str
    groups: int

    def is_of(self, result: Result) -> bool:
        """Whether every group held the same samples, so that differences can be taken group by group."""
        meta = result.meta
        same = (self.digest, self.seed, self.samples, self.groups)
        return same == (meta.data.digest, meta.data.seed, meta.data.samples, meta.options.groups)


class RecordedModel(Part):
    """Which model was measured."""

    path: str
    sha256: str


class RecordedTransforms(Part):
    """Which transforms; `digest` identifies them with all their parameters."""

    spec: list[str]
    digest: str


class RecordedLook(Part):
    """What the first groups of samples alone say: a check that stops early holds the same samples against it.

    Attributes:
        data: which samples.
        layers: values of each layer that has some, by its tensor name.
        outputs: measures of the class output.
    """

    data: RecordedData
    layers: dict[str, dict[str, dict[Of, Recorded]]]
    outputs: dict[str, Recorded]


class RecordedRun(Part):
    """One run of the check.

    Attributes:
        model: which model.
        data: which samples.
        transforms: which transforms.
        aggregate: how units became channels.
        stratify: whether measures were taken class by class.
        sample_units: how many positions of each channel were measured; None for all.
        created: when.
        layers: all that were measured.
        outputs: measures of the class output.
        looks: the same after some of the groups.
    """

    model: RecordedModel
    data: RecordedData
    transforms: RecordedTransforms
    aggregate: str
    stratify: bool
    created: str
    layers: list[RecordedLayer]
    outputs: dict[str, Recorded]
    looks: list[RecordedLook]
    sample_units: int | None = None


class Baseline(Part):
    """The content of the file."""

    format: int
    onnxinv: str
    runs: dict[str, RecordedRun]


@dataclass(frozen=True)
class Wanted:
    """What a baseline keeps of a result.

    Attributes:
        layers: locations over channels by key of a measure of layers.
        outputs: keys of measures of the class output.
        bounds: range of every measure of layers, by key.
    """

    layers: Mapping[str, Sequence[Of]]
    outputs: Sequence[str]
    bounds: Mapping[str, Bounds]

    def of_layer(self, layer: LayerResult) -> dict[str, dict[Of, Recorded]]:
        """Return the values of a layer."""
        return {
            key: {of: Recorded.of(located(layer.measures[key], of, self.bounds[key])) for of in locations}
            for key, locations in self.layers.items()
            if key in layer.measures
        }

    def of_output(self, result: Result) -> dict[str, Recorded]:
        """Return the values of the class output."""
        found = result.document.outputs
        return {key: Recorded.of(located(found[key])) for key in self.outputs if key in found}


def record(result: Result, looks: Sequence[Result], wanted: Wanted) -> RecordedRun:
    """Return what a baseline keeps of a result.

    Args:
        result: what was measured.
        looks: what was known after some of the groups.
        wanted: what is kept.
    """
    meta = result.meta
    return RecordedRun(
        model=RecordedModel(path=meta.model.path, sha256=meta.model.sha256),
        data=_data(result),
        transforms=RecordedTransforms(spec=meta.transforms.spec, digest=transform_digest(meta.transforms.items)),
        aggregate=meta.options.aggregate,
        stratify=meta.options.stratify,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        layers=[_layer(layer, wanted) for layer in result.layers],
        outputs=wanted.of_output(result),
        looks=[
            RecordedLook(
                data=_data(look),
                layers={layer.name: values for layer in look.layers if (values := wanted.of_layer(layer))},
                outputs=wanted.of_output(look),
            )
            for look in looks
        ],
        sample_units=meta.options.sample_units,
    )


def transform_digest(items: Sequence[Json]) -> str:
    """Return what identifies a transform set.

    Args:
        items: name and parameters of every transform.
    """
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UsageError: there is none.
        OutputError: it is damaged, or of a newer format than this version reads.
    """
    try:
        content = parse_json(read_file(path))
    except FileNotFoundError:
        raise UsageError(f"There is no baseline '{path}'.", "Write it with check --update-baseline.") from None
    except OSError as error:
        raise OutputError(f"The baseline '{path}' cannot be read: {error.strerror}.", "Name another file.") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"'{path}' is not a baseline: {error}.", WRITE_ANEW) from error
    newest = content.get("format") if isinstance(content, dict) else None
    if type(newest) is not int:
        raise OutputError(f"'{path}' is not a baseline: it tells no format.", WRITE_ANEW)
    if newest != BASELINE_FORMAT:
        raise OutputError(
            f"The baseline '{path}' has format {newest}, and this version reads format {BASELINE_FORMAT}.",
            "Upgrade onnxinv." if newest > BASELINE_FORMAT else WRITE_ANEW,
        )
    try:
        return Baseline.model_validate(content)
    except ValidationError as error:
        raise OutputError(explain_validation(f"The baseline '{path}'", error)[0], WRITE_ANEW) from error


def baseline_json(runs: Mapping[str, RecordedRun]) -> str:
    """Return the text of the file: a layer a line, so that a change of it is a line of a diff."""
    return json_lines(Baseline(format=BASELINE_FORMAT, onnxinv=__version__, runs=dict(runs)), _LEVELS)


def _data(result: Result) -> RecordedData:
    data = result.meta.data
    groups = result.meta.options.groups
    return RecordedData(source=data.source, samples=data.samples, seed=data.seed, digest=data.digest, groups=groups)


def _layer(layer: LayerResult, wanted: Wanted) -> RecordedLayer:
    return RecordedLayer(
        name=layer.name,
        label=layer.label,
        op=layer.op,
        shape=tuple(layer.shape),
        units=layer.units,
        channels=layer.channels,
        values=wanted.of_layer(layer),
    )


def _rounded(number: float | None) -> float | None:
    """Return a number as it is kept; infinite ones are none in JSON."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.{_DIGITS}g}")
