"""What a check is asked to do, as frozen pydantic models: the content of `onnxinv.toml` or `[tool.onnxinv]`."""

from __future__ import annotations

import difflib
import math
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from onnxinv.config import Memory, RunConfig
from onnxinv.errors import UsageError
from onnxinv.findings import Kind, Level, Of
from onnxinv.spec import Spec, did_you_mean

OUTPUT = "output"
"""What stands in place of a layer for measures of the class output."""

RUN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
"""Names of runs are names of folders too."""

_KEYS = {"operators": "ops"}
"""Keys that are not the name of the field with hyphens."""

_NEARLY = 0.75
"""How alike an unknown key and one of a limit's are before it can be no parameter of a measure."""

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


SHARE = re.compile(r"^\s*(?:[0-9]+\.?[0-9]*|\.[0-9]+)\s*%\s*$")
"""A share of the baseline, such as `5%`."""

_REGRESSION = 'a number such as 0.02, or a share of the baseline such as "5%"'


def _regression(value: object) -> object:
    """Take the text of a number for the number, as arguments are given."""
    number = value
    if isinstance(value, str):
        try:
            number = float(value.strip().removesuffix("%") if SHARE.match(value) else value)
        except ValueError:
            raise ValueError(f"it must be {_REGRESSION}") from None
    if isinstance(number, int | float) and not 0 <= number < math.inf:
        raise ValueError("it must not be negative" if number < 0 else "it must be finite")
    return value if isinstance(value, str) and SHARE.match(value) else number


Regression = Annotated[
    float | str | None,
    BeforeValidator(_regression),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": SHARE.pattern}], "description": _REGRESSION}
    ),
]

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, in every folder and with every ending."""

_REPORTS = "check.json", "report.html"
"""Files beside the folders of runs."""

_NAME = (
    "the name of a folder: up to 100 letters, digits, dots, hyphens and underscores, beginning with a letter or digit, "
    "and no dot at the end"
)


def _run_name(text: str) -> str:
    if RUN_NAME.fullmatch(text) is None:
        raise ValueError(f"it must be {_NAME}")
    if _RESERVED.fullmatch(text) or text.casefold() in _REPORTS:
        raise ValueError("it is the name of a folder, and that is taken by something else")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
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
    max_regression: Regression = None
    level: Level = "error"

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.layers == ():
            raise ValueError("its layers are an empty list: leave the key out for all layers")
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


_BYTES = {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": 'a text such as "8GiB", or bytes'}

RunName = Annotated[
    str,
    AfterValidator(_run_name),
    Field(description=_NAME, json_schema_extra={"pattern": f"^{RUN_NAME.pattern}$"}),
]


def _as_a_whole(value: object) -> object:
    if value is not None:
        raise ValueError("a check measures a run as a whole: analyze goes on with one, and measures shards")
    return value


class CheckedRun(RunConfig):
    """One run of a check: what is measured and how, as for `analyze`, and limits.

    Attributes:
        name: of the run, in reports and in the baseline; the model file's without it.
        limits: what its values must keep to.
        align: how layers are matched with those of the baseline, or a file `map.toml`.
        until_decided: whether it ends as soon as every limit is decided, and takes more samples until then.
        state, shard, dask: never; a run of a check is measured as a whole, here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of)

    data: Annotated[str, AfterValidator(_not_blank)]
    transforms: Texts
    samples: Annotated[int, Field(ge=1)] | None = None
    measures: Texts = ()
    shape: Texts = ()
    set_input: Texts = ()
    layers: Texts = ()
    operators: Texts = ()
    memory: Annotated[Memory | None, WithJsonSchema(_BYTES)] = None
    name: Annotated[
        str, AfterValidator(_run_name), Field(description=_NAME, json_schema_extra={"pattern": f"^{RUN_NAME.pattern}$"})
    ]
    limits: tuple[Limit, ...] = ()
    align: str = "auto"
    until_decided: bool = False
    state: Annotated[None, BeforeValidator(_as_a_whole)] = None
    shard: Annotated[None, BeforeValidator(_as_a_whole)] = None
    dask: Annotated[None, BeforeValidator(_as_a_whole)] = None

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
        UsageError: the text is no specification, or a key is nearly one of a limit's.
    """
    # Measures have no colons in their names, and layers may: the first one ends the name.
    name, colon, stated = (part.strip() for part in text.partition(":"))
    if "=" in name or not name:
        raise UsageError(f"The limit '{text}' names no measure.", "Begin with one: normalized-variance:max=0.5.")
    known = {key_of(field) for field in Limit.model_fields} - {"measure"}
    keys: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for item in stated.split(",") if colon else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise UsageError(
                f"'{item}' of the limit '{text}' is no key=value.",
                "Write normalized-variance:layers=fc*,max=0.5; for several globs, write --limit again.",
            )
        if key in keys or key in parameters:
            raise UsageError(f"'{key}' is given twice in the limit '{text}'.", "Keep one of the two.")
        if key not in known and difflib.get_close_matches(key.replace("_", "-"), known, cutoff=_NEARLY):
            raise UsageError(f"The limit '{text}' has the unknown key '{key}'.", did_you_mean(key, known))
        (keys if key in known else parameters)[key] = value
    return {"measure": str(Spec(name, parameters)), **keys}


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of `onnxinv.toml`, for editors."""
    schema = CheckConfig.model_json_schema()
    run = schema["$defs"]["CheckedRun"]
    for never in ("state", "shard", "dask"):
        del run["properties"][never]
    run.pop("required", None)  # what a run lacks may stand beside `runs`
    schema["properties"] = {**schema["properties"], **run["properties"]}
    schema.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "onnxinv.toml"}


def default_name(model: Path) -> str:
    """Return the name of a run that is given none."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", model.stem).strip("._-")[:100].rstrip(".") or "run"
    return f"run-{name}"[:100] if _RESERVED.fullmatch(name) or name.casefold() in _REPORTS else name
