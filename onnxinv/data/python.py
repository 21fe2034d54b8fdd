"""Samples from a function of the user's own, written `file.py:function`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from onnxinv.data import register
from onnxinv.data.files import require_file
from onnxinv.data.named_arrays import samples_of
from onnxinv.data.source import Array, SampleLayout, Samples, Source
from onnxinv.errors import DataError
from onnxinv.provenance import TensorInfo
from onnxinv.spec import did_you_mean
from onnxinv.user_code import callables_of, importing_from, run_file


@register("python")
class PythonSource(Source):
    """What a function in a Python file returns: `f() -> array | dict[str, array] | (array or dict, labels)`.

    The first axis of every array counts the samples. In a dictionary the keys are input names and `y` or `labels` are
    labels, as in a `.npz` file. The file is executed: name only files that you trust.
    """

    accepted: ClassVar[str] = "file.py:function"

    path: Path = Field(description="the Python file")
    function: str = Field("", description="the function to call, without arguments")
    layout: SampleLayout | None = Field(None, description="layout of one image: HW, HWC or CHW")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is called `*.py`."""
        return path.is_file() and path.name.lower().endswith(".py")

    def open(self, inputs: Sequence[TensorInfo]) -> Samples:
        """Import the file and call the function; see `Source.open`."""
        path = require_file(self.path)
        if not self.function:
            raise DataError(f"No function of '{path}' is named.", f"Write {path}:FUNCTION.")
        source = f"{path}:{self.function}"
        try:
            with importing_from(path.parent):
                arrays = _named(_find(path, self.function)(), source)
        except DataError:
            raise
        except (Exception, SystemExit) as error:  # the user's code may raise anything, and exit
            problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise DataError(f"The function '{self.function}' in '{path}' failed with {problem}.") from error
        return samples_of(list(arrays), arrays.__getitem__, inputs, source=source, layout=self.layout)


def _find(path: Path, function: str) -> Callable[[], Any]:
    module = run_file(path)
    found = getattr(module, function, None)
    if not callable(found):
        raise DataError(f"There is no function '{function}' in '{path}'.", did_you_mean(function, callables_of(module)))
    return found  # type: ignore[no-any-return]  # callable() says no more than that


def _named(returned: object, source: str) -> dict[str, Array]:
    """Return the arrays by name, `x` and `y` where they came without."""
    data, labels = returned, None
    if isinstance(returned, tuple):
        if len(returned) != 2:
            raise DataError(f"'{source}' returned {len(returned)} things.", "Return an array, a dict or (X, y).")
        data, labels = returned
    arrays = {str(key): np.asarray(value) for key, value in data.items()} if isinstance(data, dict) else {}
    if not isinstance(data, dict):
        if data is None:
            raise DataError(f"'{source}' returned nothing.", "Return an array, a dict or (X, y).")
        arrays["x"] = np.asarray(data)
    if labels is not None:
        if "y" in arrays:
            raise DataError(f"'{source}' returned 'y' twice: in the dict and beside it.", "Keep one of the two.")
        arrays["y"] = np.asarray(labels)
    return arrays
