"""Libraries that come with an extra of the package: where one is missing, the error says which extra brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onnxinv.errors import OnnxinvError


@contextmanager
def from_extra(extra: str, purpose: str) -> Iterator[None]:
    """Import within this what an extra brings.

    Args:
        extra: the extra, as pip takes it.
        purpose: what the library is needed for, as the subject of a sentence.

    Raises:
        OnnxinvError: the library, or one that it needs, is not installed; the hint says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise OnnxinvError(
            f"{purpose} needs {error.name}, which is not installed.", f"pip install 'onnxinv[{extra}]'"
        ) from error
