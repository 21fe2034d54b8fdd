"""Embedding tables tell which whole numbers an input may hold."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.model.vocabulary import vocabulary_sizes
from tests.model.onnx_text import parse

HEAD = "g (int64[N, 5] ids, int64[N, 5] types) => (float[N, 5, 4] y)"
WORDS, TYPES = np.zeros((30, 4), np.float32), np.zeros((2, 4), np.float32)


@pytest.mark.parametrize(
    ("body", "sizes"),
    [
        pytest.param(
            "a = Gather(words, ids)  b = Gather(kinds, types)  y = Add(a, b)", {"ids": 30, "types": 2}, id="two tables"
        ),
        pytest.param("a = Gather(words, ids)  b = Gather(kinds, ids)  y = Add(a, b)", {"ids": 2}, id="the shorter one"),
        pytest.param("a = Cast<to = 6>(ids)  y = Gather(words, a)", {"ids": 30}, id="behind a cast"),
        pytest.param("y = Gather<axis = -1>(words, ids)", {"ids": 4}, id="along the last axis"),
        pytest.param("a = Add(ids, types)  y = Gather(words, a)", {}, id="computed"),
        pytest.param("y = Gather(ids, types)", {}, id="no table"),
    ],
)
def test_the_length_of_the_table_is_found(body, sizes):
    assert vocabulary_sizes(parse(f"{HEAD} {{ {body} }}", words=WORDS, kinds=TYPES)) == sizes
