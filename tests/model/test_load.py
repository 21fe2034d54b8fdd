import contextlib
import io
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnxinv.errors import ModelError
from onnxinv.model.load import load
from onnxinv.model.rewrite import inline_functions
from onnxinv.provenance import TensorInfo
from tests.model.onnx_text import RELU, loaded, parse, save
from tests.networks import SHIPPED


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    message = caught.value.message
    assert str(path) in message
    assert "\n" not in message
    assert ".cc" not in message
    assert "Error" not in message, "the name of an exception says nothing to a user"
    return message


def refusal_of_bytes(folder: Path, content: bytes) -> str:
    path = folder / "broken.onnx"
    path.write_bytes(content)
    return refusal(path)


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = parse(RELU)
    change(model)
    return model.SerializeToString()


def test_a_shipped_model_is_described():
    model = load(SHIPPED[0])
    assert model.inputs == [TensorInfo(name="image", dtype="float32", shape=["batch", 1, 28, 28])]
    assert model.outputs == [TensorInfo(name="logits", dtype="float32", shape=["batch", 10])]
    assert (model.meta.opset, model.meta.path, len(model.meta.sha256)) == (17, str(SHIPPED[0]), 64)
    assert model.meta.producer.startswith("pytorch")


def test_a_missing_file_is_answered_with_the_closest_names_beside_it(tmp_path):
    for name in ("resnet18.onnx", "resnet50.onnx", "zebra.onnx"):
        (tmp_path / name).touch()
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "resnet1.onnx")
    assert caught.value.message == f"There is no model '{tmp_path / 'resnet1.onnx'}'."
    assert "resnet18.onnx" in caught.value.hint
    assert "zebra" not in caught.value.hint


def test_a_missing_file_in_an_empty_or_missing_folder_is_just_missing(tmp_path):
    assert refusal(tmp_path / "a.onnx").startswith("There is no model")
    assert refusal(tmp_path / "nowhere" / "a.onnx").startswith("There is no model")


def test_a_folder_is_answered_with_the_models_in_it(tmp_path):
    (tmp_path / "inner.onnx").touch()
    with pytest.raises(ModelError, match=r"is a folder.*inner\.onnx"):
        load(tmp_path)


def test_an_impossible_path_is_refused():
    with pytest.raises(ModelError):
        load(Path("a\0b.onnx"))


def test_an_empty_file_is_called_empty(tmp_path):
    assert "is empty" in refusal_of_bytes(tmp_path, b"")


def test_a_file_above_two_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as stream:
        stream.truncate(2**31 + 1)
    assert "larger than 2 GiB" in refusal(path)


def torch_checkpoint() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"conv1.weight": 1}))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(random.Random(0).randbytes(1000), id="random bytes"),
        pytest.param(b"name,value\nconv1,3\n", id="text"),
        pytest.param(b'{"ir_version": 8}', id="json"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", id="a git LFS pointer"
        ),
        pytest.param(torch_checkpoint(), id="a PyTorch checkpoint"),
        pytest.param(pickle.dumps({"a": 1}), id="a pickle"),
        pytest.param(onnx.numpy_helper.from_array(np.zeros(3)).SerializeToString(), id="an ONNX tensor, no model"),
        pytest.param(onnx.ModelProto(ir_version=8).SerializeToString(), id="a model without graph"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content):
    assert "is not an ONNX model" in refusal_of_bytes(tmp_path, content)


@pytest.mark.parametrize("fraction", [0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999, 0.999999])
def test_a_truncated_model_is_refused(tmp_path, fraction):
    content = SHIPPED[0].read_bytes()
    assert "cut short" in refusal_of_bytes(tmp_path, content[: int(len(content) * fraction)])


def test_a_small_model_cut_anywhere_gives_a_model_or_a_model_error(tmp_path):
    model = parse("g (float[N, 3] x) => (float[N, 3] y) <float[3] w = {1, 2, 3}> { h = Add(x, w)  y = Relu(h) }")
    content = model.SerializeToString()
    for length in range(len(content)):
        refusal_of_bytes(tmp_path, content[:length])


def test_damaged_bytes_give_a_model_or_a_model_error(tmp_path):
    content = parse(RELU).SerializeToString()
    path = tmp_path / "broken.onnx"
    for position in range(len(content)):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            path.write_bytes(content[:position] + bytes([value]) + content[position + 1 :])
            with contextlib.suppress(ModelError):  # and no other exception
                load(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(changed(lambda m: m.graph.ClearField("node")), "has no nodes", id="no nodes"),
        pytest.param(changed(lambda m: m.graph.ClearField("output")), "has no outputs", id="no outputs"),
        pytest.param(changed(lambda m: m.graph.ClearField("input")), "has no inputs", id="no inputs"),
        pytest.param(
            changed(lambda m: setattr(m.graph.node[0], "op_type", "Rleu")), "Rleu", id="an operator that is none"
        ),
        pytest.param(changed(lambda m: m.graph.node[0].input.append("x")), "breaks", id="too many inputs"),
        pytest.param(changed(lambda m: m.graph.node.append(m.graph.node[0])), "'y'", id="a tensor made twice"),
        pytest.param(changed(lambda m: setattr(m, "ir_version", 99)), "99", id="an IR version of the future"),
        pytest.param(
            changed(lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 77)),
            "gives 'x' the element type 77, which is unknown",
            id="an element type that is none",
        ),
        pytest.param(
            changed(lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", 0)),
            "gives 'y' the element type 0, which is unknown",
            id="no element type",
        ),
        pytest.param(
            parse(RELU).SerializeToString().replace(b"\x01x", b"\x01\xff"), "not UTF-8", id="a tensor name of bytes"
        ),
        pytest.param(
            parse(RELU).SerializeToString().replace(b"Relu", b"\xfe\xffxx"), "not UTF-8", id="an operator of bytes"
        ),
    ],
)
def test_a_model_that_breaks_the_specification_is_refused(tmp_path, content, reason):
    assert reason in refusal_of_bytes(tmp_path, content)


def test_a_model_whose_inputs_all_have_values_takes_no_input(tmp_path):
    model = parse("g (float[3] w) => (float[3] y) { y = Relu(w) }", w=np.ones(3, np.float32))
    assert "takes no input" in refusal(save(tmp_path, model))


def test_documentation_that_is_not_utf8_harms_nobody(tmp_path):
    content = changed(lambda m: setattr(m, "doc_string", "latin: @"))
    (tmp_path / "model.onnx").write_bytes(content.replace(b"latin: @", b"latin: \xe9"))
    assert load(tmp_path / "model.onnx").inputs[0].name == "x"


def test_an_input_with_a_default_value_need_not_be_fed(tmp_path):
    model = parse("g (float[N, 3] x, float[3] w) => (float[N, 3] y) { y = Add(x, w) }", w=np.ones(3, np.float32))
    assert [info.name for info in loaded(tmp_path, model).inputs] == ["x"]


def test_dimensions_are_numbers_names_or_unknown(tmp_path):
    model = parse("g (float[N, 3, ?] x, string[2] s) => (float[N, 3, ?] y) { y = Relu(x) }")
    inputs = loaded(tmp_path, model).inputs
    assert inputs[0].shape == ["N", 3, None]
    assert (inputs[1].dtype, inputs[1].shape) == ("string", [2])


def test_local_functions_are_inlined_so_that_what_is_in_them_can_be_measured(tmp_path):
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[N, 3] x) => (float[N, 3] y) { h = local.block(x)  y = local.block(h) }
        <domain: "local", opset_import: ["" : 17]> block (a) => (c) { b = Relu(a)  c = Sigmoid(b) }
    """)
    proto = loaded(tmp_path, model).proto
    assert [node.op_type for node in proto.graph.node] == ["Relu", "Sigmoid", "Relu", "Sigmoid"]
    assert len({name for node in proto.graph.node for name in node.output}) == 4


def calls(*callees: str) -> str:
    """Return a function that calls others one after the other."""
    names = ["a", *(f"t{place}" for place in range(1, len(callees))), "b"]
    return "  ".join(f"{names[place + 1]} = local.{callee}({names[place]})" for place, callee in enumerate(callees))


def with_functions(bodies: dict[str, str], called: str) -> onnx.ModelProto:
    head = '<ir_version: 8, opset_import: ["" : 17, "local" : 1]> g (float[N, 3] x) => (float[N, 3] y) '
    functions = (
        f'<domain: "local", opset_import: ["" : 17, "local" : 1]> {name} (a) => (b) {{ {body} }}'
        for name, body in bodies.items()
    )
    return onnx.parser.parse_model("\n".join([head + f"{{ y = local.{called}(x) }}", *functions]))


def test_functions_of_one_name_are_told_apart_by_their_overload(tmp_path):
    """As a block in a block of the same class is exported."""
    model = with_functions({"block": "b = Relu(a)", "outer": calls("block", "block")}, "block")
    inner, outer = model.functions
    inner.overload, outer.name, model.ir_version = "1", "block", 10
    for node in outer.node:
        node.overload = "1"
    assert [node.op_type for node in loaded(tmp_path, model).proto.graph.node] == ["Relu", "Relu"]


@pytest.mark.parametrize("depth", [20, 60])
def test_functions_that_stand_for_billions_of_nodes_are_refused_before_they_are_inlined(tmp_path, depth):
    bodies = {"f0": "b = Relu(a)"} | {f"f{number}": calls(*[f"f{number - 1}"] * 2) for number in range(1, depth)}
    message = refusal(save(tmp_path, with_functions(bodies, f"f{depth - 1}")))
    assert "stand for more than 100,000 nodes" in message


def test_functions_that_stand_for_a_number_of_thousands_of_digits_are_refused():
    bodies = {"f0": "b = Relu(a)"} | {f"f{number}": calls(*[f"f{number - 1}"] * 2) for number in range(1, 15_000)}
    with pytest.raises(ModelError, match="stand for more than 100,000 nodes"):
        inline_functions(with_functions(bodies, "f14999"), Path("net.onnx"))


@pytest.mark.parametrize(
    ("bodies", "circle"),
    [
        pytest.param({"f": calls("f")}, "f -> f", id="itself"),
        pytest.param({"f": calls("g"), "g": calls("h"), "h": calls("g")}, "g", id="each other"),
        pytest.param(
            {"f": "b = If(a) <then_branch = t () => (p) { p = local.f(a) }, else_branch = e () => (q) { q = Elu(a) }>"},
            "f -> f",
            id="itself from within a branch",
        ),
    ],
)
def test_functions_that_call_each_other_in_a_circle_are_refused(tmp_path, bodies, circle):
    model = with_functions(bodies, "f")
    refusal(save(tmp_path, model))  # perhaps by the checker: that of later versions of onnx looks for circles
    with pytest.raises(ModelError, match=rf"cannot be inlined: they call each other in a circle: .*{circle}"):
        inline_functions(model, Path("net.onnx"))


def test_a_device_that_never_ends_is_read_no_further_than_a_model_can_go(monkeypatch):
    monkeypatch.setattr("onnxinv.model.load._LARGEST", 1000)
    assert "larger than 2 GiB" in refusal(Path("/dev/zero"))
