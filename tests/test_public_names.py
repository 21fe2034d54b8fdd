"""The package's public names are there after a plain import, and heavy libraries are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import onnxinv

HEAVY = ("matplotlib", "pandas", "onnxruntime", "onnx", "skimage", "scipy", "numpy")


def loaded_by(code: str) -> set[str]:
    ask = f"import sys; {code}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("name", onnxinv.__all__)
def test_every_public_name_is_there(name):
    assert getattr(onnxinv, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        _ = onnxinv.plots


def test_the_package_alone_loads_nothing_heavy():
    assert loaded_by("import onnxinv") == set()


def test_the_figures_load_matplotlib_only_when_they_draw():
    assert loaded_by("import onnxinv; onnxinv.plot.heatmap; onnxinv.plot.profile") <= {"numpy"}


def test_a_result_loads_pandas_only_for_its_frame():
    assert loaded_by("import onnxinv; onnxinv.Result.to_frame") <= {"numpy"}
