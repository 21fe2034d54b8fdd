"""Compares a copy of a model whose batch was freed with the model itself, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from onnxinv.first_batches import Batches
from onnxinv.model.axes import BatchAxis, observe, relative_difference
from onnxinv.model.rewrite import expose
from onnxinv.sessions import Array, Batch, Sessions, fetch


def compare_freed(
    original: Sessions,
    freed: Sessions,
    batches: Batches,
    alone: Sequence[Batch],
    larger: Batch,
    size: int,
    values: Mapping[str, Array],
    axes: Mapping[str, BatchAxis],
    outputs: Sequence[str],
    trusted: float,
) -> str:
    """Return what a freed copy of a model changes, or why that cannot be told; empty where it changes nothing.

    Args:
        original: the model as it is.
        freed: its copy.
        batches: what the copy was run on.
        alone: the samples of the second of these batches one by one, each as a batch that the original takes.
        larger: the same samples in turn, one more than the original takes at once: what was cut to that size shows.
        size: how many it takes at once.
        values: raw tensors that the copy made of that second batch, by name.
        axes: where the batch lies in those that are compared, as far as it is known.
        outputs: of the model, compared too; where their batch lies is found out.
        trusted: largest difference that counts as none, in root mean squares of a tensor.

    Raises:
        ModelError: one of the two cannot be run.
    """
    known = dict(axes)
    first = _outputs_of(freed, batches.one, outputs)
    for name in outputs:
        if name not in known:
            axis = observe(first[name], values[name], batches.sizes)
            if isinstance(axis, str):
                return f"its output '{name}' cannot be compared: {axis}"
            known[name] = axis
    exposed = expose(original.model.proto, list(known))
    session = original.session(exposed.proto)
    rows = [fetch(session, exposed, feed, list(known)) for feed in alone]
    for name, axis in known.items():
        difference = relative_difference(axis.to_front(values[name]), _stack([row[name] for row in rows], axis))
        if difference > trusted:
            return f"it changes '{name}' by {difference:.1e} of its root mean square"
    for name, raw in _outputs_of(freed, larger, outputs).items():
        expected = _stack([rows[place % len(rows)][name] for place in range(size + 1)], known[name])
        if relative_difference(known[name].to_front(raw), expected) > trusted:
            return f"it changes '{name}' in a batch of {size + 1}"
    return ""


def _outputs_of(sessions: Sessions, feed: Batch, names: Sequence[str]) -> dict[str, Array]:
    return dict(zip(names, sessions.session(sessions.model.proto).run(feed, names), strict=True))


def _stack(rows: Sequence[Array], axis: BatchAxis) -> Array:
    """Return the first sample of each of these raw tensors, as one array (rows, ...)."""
    try:
        return np.concatenate([axis.to_front(row)[:1] for row in rows])
    except ValueError:  # its axes lie elsewhere than in the freed model: nothing to compare
        return np.empty(0)
