"""What a check is asked to do, as frozen pydantic models: the content of `onnxinv.toml` or `[tool.onnxinv]`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from onnxinv.config import RunConfig
from onnxinv.findings import Kind, Level, Of
from onnxinv.spec import Spec, parse

OUTPUT = "output"
"""What stands in place of a layer for measures of the class output."""

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names of runs are names of folders too."""

_KEYS = {"operators": "ops"}
"""Keys that are not the name of the field with hyphens."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


def key_of(field: str) -> str:
    """Return how a field is written in the file."""
    return _KEYS.get(field, field.replace("_", "-"))


def _listed(value: object) -> object:
    """Take a text for a list of one."""
    return (value,) if isinstance(value, str) else value


_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), WithJsonSchema(_TEXT_OR_TEXTS)]
"""A text, or a list of them."""


def _share(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\s*%", value.strip()) is None:
        try:
            value = float(value)
        except ValueError:
            raise ValueError('write "5%" of the baseline, or a number such as 0.02') from None
    if isinstance(value, (int, float)) and not value >= 0:
        raise ValueError("it must not be negative")
    return value


def _run_name(text: str) -> str:
    if RUN_NAME.fullmatch(text) is None:
        raise ValueError("a name has up to 100 letters, digits, dots, hyphens and underscores, and no dot in front")
    return text


class Limit(BaseModel):
    """What the values of some layers must keep to.

    Attributes:
        layers: globs on tensor name, node name, label or scope; `output` for measures of the class output. Without it
            all layers, or the class output where the measure is about that. A glob with a wildcard leaves the model's
            inputs out: their values do not depend on the model.
        measure: specification; one that is no default of the run is taken too.
        of: which value over the channels.
        max: largest value allowed.
        min: smallest value allowed.
        max_regression: how much less invariant than the baseline: `"5%"` of its value, or a number.
        level: `error` makes the check fail, `warn` is told, `off` is not looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of)

    layers: Texts | None = None
    measure: str = "normalized-variance"
    of: Of = "mean"
    max: Finite | None = None
    min: Finite | None = None
    max_regression: Annotated[Finite | str | None, BeforeValidator(_share)] = None
    level: Level = "error"

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.max is None and self.min is None and self.max_regression is None:
            raise ValueError("it has no bound: write max, min or max-regression")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ValueError(f"nothing is at most {self.max:g} and at least {self.min:g}")
        return self

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The bounds that it has."""
        bounds: dict[Kind, object] = {"max": self.max, "min": self.min, "max-regression": self.max_regression}
        return tuple(kind for kind, bound in bounds.items() if bound is not None)

    def allowance(self, baseline: float) -> float:
        """Return by how much a value may be less invariant than the baseline's."""
        if isinstance(self.max_regression, str):
            return abs(baseline) * float(self.max_regression.strip().removesuffix("%")) / 100
        return self.max_regression or 0.0


class CheckedRun(RunConfig):
    """One run of a check: what is measured and how, as for `analyze`, and limits.

    Attributes:
        name: of the run, in reports and in the baseline; the model file's without it.
        limits: what its values must keep to.
        align: how layers are matched with those of the baseline, or a file `map.toml`.
        until_decided: whether it ends as soon as every limit is decided, and takes more samples until then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of)

    transforms: Texts
    measures: Texts = ()
    shape: Texts = ()
    set_input: Texts = ()
    layers: Texts = ()
    operators: Texts = ()
    name: Annotated[str, AfterValidator(_run_name), Field(json_schema_extra={"pattern": f"^{RUN_NAME.pattern}$"})]
    limits: tuple[Limit, ...] = ()
    align: str = "auto"
    until_decided: bool = False

    @property
    def may_stop_early(self) -> bool:
        """Whether the run may end before all samples are measured."""
        return self.precision is not None or self.until_decided

    @property
    def extends(self) -> bool:
        """Whether more samples than asked for may be taken, in further groups of the same size."""
        return self.until_decided


class CheckConfig(BaseModel):
    """A whole check; keys of runs may stand beside `runs` and are the defaults of all.

    Attributes:
        baseline: the file that regressions are held against.
        runs: what is measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of)

    baseline: Path | None = None
    runs: Annotated[tuple[CheckedRun, ...], Field(min_length=1)]


def limit_of(text: str) -> dict[str, str]:
    """Return the keys of a limit that is written as `normalized-variance:layers=fc*,max=0.35`.

    Keys that are none of a limit's are parameters of the measure.

    Raises:
        UsageError: the text is no specification.
    """
    spec = parse(text)
    keys = {key_of(field) for field in Limit.model_fields} - {"measure"}
    parameters = {key: value for key, value in spec.parameters.items() if key not in keys}
    stated = {key: value for key, value in spec.parameters.items() if key in keys}
    return {"measure": str(Spec(spec.name, parameters)), **stated}


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of `onnxinv.toml`, for editors."""
    schema = CheckConfig.model_json_schema()
    run = schema["$defs"]["CheckedRun"]
    run.pop("required", None)  # what a run lacks may stand beside `runs`
    schema["properties"] = {**schema["properties"], **run["properties"]}
    schema.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "onnxinv.toml"}


def default_name(model: Path) -> str:
    """Return the name of a run that is given none."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model.stem).strip("._-")[:100] or "run"
