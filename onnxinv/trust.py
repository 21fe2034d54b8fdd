"""Whether a copy of a model computes what the model does: with exposed tensors, and optimised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.model.axes import relative_difference
from onnxinv.model.layers import Layer
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.runtime import Session
from onnxinv.sessions import Array, Batch, Sessions, fetch

_TRUSTED = 1e-4
_TRUSTED_COARSE = 2e-2
"""Largest difference to the unoptimised graph, in root mean squares of the layer; the second for fp16 and int8."""


def trusted_difference(*, coarse: bool) -> float:
    """Return the largest difference that counts as none, in root mean squares of a tensor.

    Args:
        coarse: whether the model computes in half precision or in 8-bit integers.
    """
    return _TRUSTED_COARSE if coarse else _TRUSTED


def check_rewrite(
    sessions: Sessions, exposed: Exposed, plain: Session, feed: Batch, expected: Mapping[str, Array], trusted: float
) -> None:
    """Compare the rewritten model's own outputs with the original's.

    Half-precision models differ a little: the runtime computes in float32 between tensors that are not exposed.

    Args:
        sessions: of the original.
        exposed: the rewritten model.
        plain: a session of it, not optimised.
        feed: one batch.
        expected: what the original made of it, by name of the output.
        trusted: largest difference that counts as none, in root mean squares of a tensor.

    Raises:
        OnnxinvError: an output differs, and it is not one that differs from run to run.
    """
    path = sessions.model.path
    found = fetch(plain, exposed, feed, list(expected))
    for name in expected:
        if relative_difference(found[name], expected[name]) <= trusted:
            continue
        original = sessions.session(sessions.model.proto)
        again = [original.run(feed, [name])[0] for _ in range(2)]
        if all(relative_difference(each, expected[name]) <= trusted for each in again):
            raise OnnxinvError(
                f"Exposing the layers of '{path}' changed its output '{name}'.",
                "This is a bug in onnxinv; please report it with the model.",
            )


def doubt_optimized(
    sessions: Sessions, layers: Sequence[Layer], expected: Mapping[str, Array], feed: Batch, *, coarse: bool
) -> str:
    """Return why the optimised graph cannot be trusted, empty where it can.

    Just the layers are exposed, as when they are measured: what is exposed decides what the runtime can fuse.

    Args:
        sessions: of the model.
        layers: what is measured.
        expected: raw tensors that the graph made as it is, by name.
        feed: the batch that it made them of.
        coarse: whether the model computes in half precision or in 8-bit integers.
    """
    exposed = expose(sessions.model.proto, [layer.name for layer in layers])
    try:
        session = sessions.session(exposed.proto, optimize=True)
        found = fetch(session, exposed, feed, [layer.name for layer in layers])
    except ModelError as error:
        return error.message.rstrip(".")
    for layer in layers:
        difference = relative_difference(found[layer.name], expected[layer.name])
        if difference > trusted_difference(coarse=coarse or layer.dtype == "float16"):
            return f"it changes '{layer.label}' by {difference:.1e} of its root mean square"
    return ""
