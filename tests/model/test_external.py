import os
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model.layers import candidates
from onnxinv.model.load import load
from onnxinv.model.rewrite import expose
from tests.model.onnx_text import parse, save

WEIGHTS = np.array([1, 2, 3], np.float32)


def refer(tensor: onnx.TensorProto, location: str, **entries: object) -> None:
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))


def external(location: str, **entries: object) -> onnx.ModelProto:
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, w) }", w=WEIGHTS)
    refer(model.graph.initializer[0], location, **entries)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside.bin").write_bytes(WEIGHTS.tobytes())
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "weights.bin").write_bytes(WEIGHTS.tobytes())
    return inside


def refusal(folder: Path, model: onnx.ModelProto) -> str:
    with pytest.raises(ModelError) as caught:
        load(save(folder, model))
    assert "\n" not in caught.value.message
    return caught.value.message


def test_weights_beside_the_model_are_accepted_and_stay_outside(folder):
    proto = load(save(folder, external("weights.bin"))).proto
    assert proto.graph.initializer[0].data_location == onnx.TensorProto.EXTERNAL
    assert not proto.graph.initializer[0].raw_data


def test_weights_beside_a_model_named_without_folder_are_found(folder, monkeypatch):
    save(folder, external("weights.bin"))
    monkeypatch.chdir(folder)
    assert load(Path("model.onnx")).path == Path("model.onnx")


def test_a_name_too_long_for_a_file_is_that_of_none(folder):
    assert "which is missing" in refusal(folder, external("long" * 2500))


def test_a_missing_file_is_named_with_the_weights_in_it(folder):
    message = refusal(folder, external("gone.bin"))
    assert "'w'" in message
    assert "'gone.bin', which is missing" in message


@pytest.mark.parametrize("location", ["../outside.bin", "../model/weights.bin", "/etc/hostname", "a/../../outside.bin"])
def test_a_path_out_of_the_folder_is_refused(folder, location):
    assert "outside the model's folder" in refusal(folder, external(location))


def test_a_link_out_of_the_folder_is_refused(folder):
    (folder / "link.bin").symlink_to(folder.parent / "outside.bin")
    assert "outside the model's folder" in refusal(folder, external("link.bin"))


def test_a_linked_subfolder_is_refused(folder):
    (folder / "sub").symlink_to(folder.parent)
    assert "outside the model's folder" in refusal(folder, external("sub/outside.bin"))


def test_a_circle_of_links_is_refused(folder):
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    refusal(folder, external("a"))


def test_a_hard_link_is_refused(folder):
    os.link(folder.parent / "outside.bin", folder / "hard.bin")
    refusal(folder, external("hard.bin"))


@pytest.mark.parametrize("location", ["", ".", "*/_ORT_MEM_ADDR_/*", "weights.bin\0"])
def test_a_location_that_is_no_file_is_refused(folder, location):
    refusal(folder, external(location))


def test_the_runtimes_own_memory_marker_is_refused_even_where_a_file_has_that_name(folder):
    (folder / "*" / "_ORT_MEM_ADDR_").mkdir(parents=True)
    (folder / "*" / "_ORT_MEM_ADDR_" / "*").write_bytes(WEIGHTS.tobytes())
    assert "no valid file" in refusal(folder, external("*/_ORT_MEM_ADDR_/*", offset=4096, length=12))


@pytest.mark.parametrize(
    ("entries", "missing"),
    [
        pytest.param({"offset": 4}, "bytes 4 to 16", id="offset leaves too little"),
        pytest.param({"length": 99}, "bytes 0 to 99", id="length is more than there is"),
        pytest.param({"offset": 10**18}, "has only 12", id="offset is far out"),
    ],
)
def test_a_file_that_is_too_short_is_refused(folder, entries, missing):
    assert missing in refusal(folder, external("weights.bin", **entries))


@pytest.mark.parametrize("offset", ["-4", "abc", "1e3", str(2**70), "²", ""])
def test_an_offset_that_is_no_number_is_refused(folder, offset):
    assert "impossible place" in refusal(folder, external("weights.bin", offset=offset))


def test_weights_in_attributes_and_bodies_are_looked_at_too(folder):
    constant = parse(
        "g (float[N, 3] x) => (float[N, 3] y) { c = Constant<value = float[3] {1, 2, 3}>()  y = Add(x, c) }"
    )
    refer(constant.graph.node[0].attribute[0].t, "../outside.bin")
    assert "outside the model's folder" in refusal(folder, constant)
    branches = parse("""g (float[N, 3] x, bool b) => (float[N, 3] y) {
        y = If(b) <then_branch = t () => (float[N, 3] p) { p = Add(x, w) },
                   else_branch = e () => (float[N, 3] q) { q = Relu(x) }>
    }""")
    body = branches.graph.node[0].attribute[0].g
    body.initializer.append(onnx.numpy_helper.from_array(WEIGHTS, "w"))
    refer(body.initializer[0], "../outside.bin")
    assert "outside the model's folder" in refusal(folder, branches)


def test_weights_of_three_gigabytes_are_neither_read_nor_written_again(tmp_path):
    rows, columns = 16_384, 49_152
    model = parse("g (float[N, 16384] x) => (float[N, 49152] y) { a = MatMul(x, w)  y = Relu(a) }")
    model.graph.initializer.append(onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[rows, columns]))
    refer(model.graph.initializer[0], "weights.bin")
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(rows * columns * 4)  # a hole: it takes no space on the disk
    path = save(tmp_path, model)
    tracemalloc.start()
    try:
        loaded = load(path)
        exposed = expose(loaded.proto, [one.name for one in candidates(loaded)[0]])
        size = len(exposed.proto.SerializeToString())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size < 1000
    assert peak < 2**20
    assert exposed.proto.graph.initializer[0].data_location == onnx.TensorProto.EXTERNAL
