"""A spare session is made when it is first wanted, and again only where it lacks something."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onnxinv.model.rewrite import expose
from onnxinv.runtime import Device, Session
from onnxinv.spare import Exposing, Spare
from tests.model.onnx_text import parse

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_it_exposes_what_was_asked_for_so_far():
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { a = Neg(x) b = Exp(a) y = Abs(a) }")
    asked: list[list[str]] = []

    def make(names: Sequence[str]) -> Exposing:
        asked.append(list(names))
        exposed = expose(model, names)
        proto = exposed.proto.SerializeToString()
        return Exposing(Session(proto, Device("cpu"), threads=1, optimize=True, folder=Path()), exposed.outputs)

    spare = Spare(make)
    assert asked == []
    for tensors in (["a"], ["a"], ["x", "b"], ["b", "a"], ["x"]):
        expected = {"x": X, "a": -X, "b": np.exp(-X)}
        for name, found in zip(tensors, spare.run({"x": X}, tensors), strict=True):
            np.testing.assert_allclose(found, expected[name], rtol=1e-6)
    assert asked == [["a"], ["a", "x", "b"]]
    assert spare.made == 2
