"""The preprocessing that a Hugging Face `preprocessor_config.json` describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from onnxinv.data.files import require_file
from onnxinv.errors import DataError
from onnxinv.files import read_file
from onnxinv.json_text import parse_json

ValueT = TypeVar("ValueT")

_RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}

_MOST_BYTES = 1 << 20
"""No configuration is longer."""

_CROP_SHARE = 224 / 256
_LARGE = 384
"""From this size on, ConvNeXT's processor resizes to a square instead of cropping one."""

_LONGEST = 1_000_000
"""Pixels along a side: longer ones are told from what is meant before anything is computed with them."""


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LONGEST:
        raise ValueError(f"lengths must be whole numbers from 1 to {_LONGEST:,}")
    return value


def _size(value: object) -> object:
    """Accept a number, {height, width} or {shortest_edge}; the last becomes (edge,)."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value if value is None else _whole(value)
    if isinstance(value, dict) and value.keys() == {"height", "width"}:
        return _whole(value["height"]), _whole(value["width"])
    if isinstance(value, dict) and value.keys() == {"shortest_edge"}:
        return (_whole(value["shortest_edge"]),)
    raise ValueError("expected a number, {height, width} or {shortest_edge}")


Size = Annotated[Any, BeforeValidator(_size)]


class _Config(BaseModel):
    """The keys that are understood; files carry many others."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    image_processor_type: str | None = None
    feature_extractor_type: str | None = None
    do_resize: bool | None = None
    size: Size = None
    resample: int | None = None
    crop_pct: Annotated[float, Field(ge=0.01)] | None = None
    do_center_crop: bool | None = None
    crop_size: Size = None
    do_rescale: bool | None = None
    rescale_factor: float | None = None
    do_normalize: bool | None = None
    image_mean: float | list[float] | None = None
    image_std: float | list[float] | None = None


def read_preprocessor_config(path: Path) -> dict[str, Any]:
    """Read the file.

    A switch (`do_resize`, ...) that is absent is on where its value is there. A bare number as size is the shortest
    edge where a crop follows and a square where none does, as in the processors that wrote such files. With
    `crop_pct` (or ConvNeXT's processor) the shortest edge becomes `int(edge / crop_pct)` and a square of `edge` is
    cropped; from 384 on, and without a crop of its own, the image is resized to that square.

    Returns:
        The fields of `Preprocess` that the file sets.

    Raises:
        DataError: the file is missing or no JSON object, or a value is of a wrong type; names the file and the key.
    """
    require_file(path)
    try:
        content = parse_json(read_file(path, _MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"'{path}' cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"'{path}' is not a preprocessor configuration: it holds no JSON object.")
    try:
        config = _Config.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _wrong(path, str(first["loc"][0]), first["msg"].removeprefix("Value error, ")) from error
    fields = {**_geometry(config, path), **_values(config, path)}
    if config.resample is not None:
        if config.resample not in _RESAMPLE:
            raise _wrong(path, "resample", f"{config.resample} is none of 0 (nearest), 2 (bilinear), 3 (bicubic)")
        fields["resample"] = _RESAMPLE[config.resample]
    return fields


def _geometry(config: _Config, path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    crop = _needed(config.do_center_crop, config.crop_size, path, "do_center_crop", "crop_size")
    if crop is not None:
        fields["crop"] = crop if isinstance(crop, tuple) and len(crop) == 2 else (_edge(crop), _edge(crop))
    size = _needed(config.do_resize, config.size, path, "do_resize", "size")
    kind = f"{config.image_processor_type} {config.feature_extractor_type}"
    share = config.crop_pct or (_CROP_SHARE if "ConvNext" in kind else None)
    if size is None:
        return fields
    if isinstance(size, tuple) and len(size) == 2:
        fields["resize"] = size
    elif share is not None and (crop is not None or _edge(size) < _LARGE):
        fields["resize"] = int(_edge(size) / share)
        fields.setdefault("crop", (_edge(size), _edge(size)))
    elif share is not None or (isinstance(size, int) and crop is None):
        fields["resize"] = (_edge(size), _edge(size))
    else:
        fields["resize"] = _edge(size)
    return fields


def _values(config: _Config, path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if config.do_rescale is False:
        fields["rescale"] = 1.0
    elif config.rescale_factor is not None:
        fields["rescale"] = config.rescale_factor
    for key, field in (("image_mean", "mean"), ("image_std", "std")):
        values = _needed(config.do_normalize, getattr(config, key), path, "do_normalize", key)
        if values is not None:
            fields[field] = values
    return fields


def _edge(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _needed(switch: bool | None, value: ValueT | None, path: Path, switch_key: str, value_key: str) -> ValueT | None:
    """Return the value where its step is on, None where it is off."""
    if switch and value is None:
        raise DataError(f"'{path}' sets '{switch_key}' but lacks '{value_key}'.", f"Add '{value_key}' to the file.")
    return None if switch is False else value


def _wrong(path: Path, key: str, reason: str) -> DataError:
    return DataError(f"'{path}' cannot be used: '{key}': {reason.rstrip('.')}.")
