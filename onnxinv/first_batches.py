"""The few samples that the probe runs, in batches that the model takes as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from onnxinv.data.constants import how_to_set
from onnxinv.errors import ModelError
from onnxinv.feeds import Feeds
from onnxinv.model.load import Model
from onnxinv.sessions import NUMERIC, Array, Batch, Sessions

_MOST_BYTES = 8 << 30
"""Of a batch of a fixed size."""

_OF_A_ROW = 64
"""Bytes that it takes to say what a row of a batch is."""


@dataclass(frozen=True)
class Batches:
    """Two batches that share a sample among other companions; see `observe`.

    Attributes:
        one: the first.
        other: the second.
        sizes: how many variants each holds.
        fixed: the batch size, where the model takes no other.
        notice: what the user should know about it.
    """

    one: Batch
    other: Batch
    sizes: tuple[int, int]
    fixed: int | None = None
    notice: str = ""


def first_batches(model: Model, feeds: Feeds, samples: Sequence[int]) -> Batches:
    """Return the batches of the probe.

    Args:
        model: the model as it is.
        feeds: makes batches.
        samples: the samples of the run; the first two and the last are used.

    Raises:
        ModelError: its inputs have different fixed batch sizes, or one that no memory holds.
    """
    lengths = [info.shape[feeds.batch_axes[info.name]] for info in feeds.inputs if info.shape]
    sizes = {length for length in lengths if isinstance(length, int)}
    if len(sizes) > 1:
        listed = " and ".join(map(str, sorted(sizes)))
        options = " or ".join(how_to_set(info.name) for info in feeds.inputs if info.name != feeds.primary.name)
        raise ModelError(
            f"The inputs of '{model.path}' have different fixed batch sizes: {listed}.",
            f"Hold one that is no sample constant, with {options}.",
        )
    fixed = next(iter(sizes), None)
    first, second, turned = three_variants(feeds, samples)
    if fixed is None:
        one, other = [first, second], [first, turned, second]
        return Batches(feeds.variants(one), feeds.variants(other), (2, 3))
    if fixed * (feeds.variant_bytes + _OF_A_ROW) > _MOST_BYTES:
        raise ModelError(
            f"The batch size of '{model.path}' is fixed at {fixed:,}: one batch of its input would take "
            f"{fixed * feeds.variant_bytes >> 20:,} MiB.",
            "Export it with a free or a smaller batch.",
        )
    notice = f"The model's batch size is fixed at {fixed}"
    one, other = [first, *[second] * (fixed - 1)], [*[turned] * (fixed - 1), first]
    return Batches(feeds.variants(one), feeds.variants(other), (fixed, fixed), fixed, notice)


def three_variants(feeds: Feeds, samples: Sequence[int]) -> list[tuple[int, int]]:
    """Return sample and transform of three variants: the first two samples as they are, the last one transformed."""
    places = range(len(feeds.transforms))
    last = max((place for place in places if not feeds.transforms[place].is_identity), default=0)
    return [(samples[0], 0), (samples[1 % len(samples)], 0), (samples[-1], last)]


def run_original(
    sessions: Sessions, batches: Batches, feeds: Feeds | None, samples: Sequence[int]
) -> tuple[Batches, dict[str, Array]]:
    """Run the model as it is on the second batch; one that says its batch size is free may turn out to take only one.

    Returns:
        The batches that the model takes, and its tensor outputs by name.

    Raises:
        ModelError: the model cannot be run, or none of its outputs is finite.
    """
    model = sessions.model
    session = sessions.session(model.proto)
    types = session.output_types()
    names = [name for name in dict.fromkeys(info.name for info in model.outputs) if types[name] in NUMERIC]
    try:
        found = session.run(batches.other, names)
    except ModelError as error:
        if batches.fixed is not None or feeds is None:
            raise
        first = feeds.batch([samples[0]], slice(0, 1))
        try:
            found = session.run(first, names)
        except ModelError:
            raise error from None
        notice = "The model runs only one input at a time, although it says that its batch size is free"
        batches = replace(batches, one=first, other=first, sizes=(1, 1), fixed=1, notice=notice)
    expected = dict(zip(names, found, strict=True))
    floats = [array for array in expected.values() if array.dtype.kind == "f" and array.size]
    if floats and not any(np.isfinite(array).any() for array in floats):
        raise ModelError(
            f"The outputs of '{model.path}' are not finite on the first samples.",
            "Check the preprocessing of the data.",
        )
    return batches, expected
