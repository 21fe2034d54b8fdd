import ctypes
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from onnxinv import runtime, runtime_failures
from onnxinv.errors import DeviceError, ModelError, UsageError
from onnxinv.runtime import Device, Session, choose_device
from tests.model.onnx_text import RELU, parse
from tests.networks import DIGITS, SHIPPED

CPU = Device("cpu")
X = np.array([[-1, 0, 2], [3, -4, 5]], np.float32)
W = np.array([1, 2, 3], np.float32)


def session(model: onnx.ModelProto, *, threads: int = 1, optimize: bool = True, folder: Path = Path()) -> Session:
    return Session(model.SerializeToString(), CPU, threads=threads, optimize=optimize, folder=folder)


class Driver:
    """Stands in for the NVIDIA driver library."""

    def __init__(self, gpus: int, init: int = 0) -> None:
        self._gpus, self._init = gpus, init

    def cuInit(self, flags: int) -> int:  # noqa: N802  # the driver's name
        return self._init

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802  # the driver's name
        count._obj.value = self._gpus
        return 0


def install(monkeypatch: pytest.MonkeyPatch, driver: object) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)


def remove(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)


def test_the_cpu_can_always_be_chosen():
    assert choose_device("cpu") == CPU
    assert CPU.providers == ["CPUExecutionProvider"]


def test_without_a_driver_auto_is_the_cpu_and_says_so(monkeypatch):
    remove(monkeypatch)
    device = choose_device("auto")
    assert (device.kind, device.notice) == ("cpu", "Running on the CPU: no usable NVIDIA driver is installed.")


@pytest.mark.parametrize("text", ["cuda", "cuda:0", "cuda:7"])
def test_without_a_driver_cuda_is_an_error(monkeypatch, text):
    remove(monkeypatch)
    with pytest.raises(DeviceError, match=f"'{text}' cannot be used: no usable NVIDIA driver is installed") as caught:
        choose_device(text)
    assert "--device cpu" in caught.value.hint


@pytest.mark.parametrize(
    "driver", [Driver(0), Driver(1, init=999), object()], ids=["no GPU", "broken driver", "no driver at all"]
)
def test_a_driver_that_is_of_no_use_counts_as_none(monkeypatch, driver):
    install(monkeypatch, driver)
    assert choose_device("auto").kind == "cpu"
    with pytest.raises(DeviceError, match="no usable NVIDIA driver"):
        choose_device("cuda")


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", "", "cuda:1 ", "auto\n", "cuda:\u0662"])
def test_a_device_that_does_not_exist_is_an_error(text):
    with pytest.raises(UsageError, match="Choose auto, cpu, cuda or cuda:N"):
        choose_device(text)


def test_a_gpu_that_is_not_there_is_an_error_that_counts_the_others(monkeypatch):
    install(monkeypatch, Driver(1))
    with pytest.raises(DeviceError, match="there is no GPU 7, only GPU 0"):
        choose_device("cuda:7")
    install(monkeypatch, Driver(4))
    with pytest.raises(DeviceError, match="there is no GPU 4, only GPUs 0 to 3"):
        choose_device("cuda:4")


def test_an_onnxruntime_without_cuda_is_an_error(monkeypatch):
    install(monkeypatch, Driver(1))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match="built without CUDA"):
        choose_device("cuda")
    assert "built without CUDA" in choose_device("auto").notice


@pytest.fixture
def startable(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Driver(2))
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("Failed to load libcublas.so"))  # noqa: T201  # as the library does


def test_where_cuda_starts_it_is_chosen_and_its_libraries_are_loaded_quietly(monkeypatch, startable, capfd):
    monkeypatch.setattr(runtime, "_cuda_starts", lambda index: True)
    assert choose_device("auto") == Device("cuda", 0)
    assert choose_device("cuda:1") == Device("cuda", 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("startable")
def test_where_a_session_does_not_start_on_cuda_auto_is_the_cpu_and_cuda_an_error(monkeypatch, capfd):
    class FallenBack:
        def __init__(self, *given: object, **options: object) -> None:
            assert options["enable_fallback"] == 0, "onnxruntime would print, and run elsewhere than asked for"

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "InferenceSession", FallenBack)
    assert choose_device("auto").kind == "cpu"
    assert "cannot start CUDA" in choose_device("auto").notice
    with pytest.raises(DeviceError, match="cannot start CUDA"):
        choose_device("cuda")
    with pytest.raises(DeviceError, match="could not be started"):
        Session(parse(RELU).SerializeToString(), Device("cuda"), threads=1, optimize=True, folder=Path())
    assert capfd.readouterr() == ("", "")


def test_tf32_is_off_on_cuda():
    (provider, options), second = Device("cuda", 3).providers
    assert (provider, second) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options == {"device_id": "3", "use_tf32": "0"}


def test_a_session_runs_a_model():
    made = session(parse(RELU))
    assert made.providers == ["CPUExecutionProvider"]
    assert made.output_types() == {"y": "tensor(float)"}
    np.testing.assert_array_equal(made.run({"x": X}, ["y"])[0], np.maximum(X, 0))


def test_outputs_come_in_the_order_asked_for():
    made = session(parse("g (float[N, 3] x) => (float[N, 3] a, float[N, 3] b) { a = Relu(x)  b = Neg(x) }"))
    b, a = made.run({"x": X}, ["b", "a"])
    np.testing.assert_array_equal(b, -X)
    np.testing.assert_array_equal(a, np.maximum(X, 0))


def test_bound_inputs_and_outputs_give_the_same_numbers_bit_for_bit():
    made = session(onnx.load(SHIPPED[0]))
    images = np.load(DIGITS)["x"][:16].reshape(16, 1, 28, 28).astype(np.float32)
    for batch in (images, images[::2], images[:0]):  # one of them strided, one of them empty
        bound, plain = (run({"image": batch}, ["logits"])[0] for run in (made.run_bound, made.run))
        assert bound.dtype == plain.dtype
        np.testing.assert_array_equal(bound, plain)


SUMS = """g (float[N, 3] x, float[N, 3] so_far, bool first) => (float[N, 3] sum, float[N, 3] twice) {
    added = Add(x, so_far)  sum = Where(first, x, added)  twice = Add(sum, sum)
}"""


def test_what_a_run_keeps_can_be_fed_to_the_next():
    made = session(parse(SUMS))
    twice = np.empty_like(X)
    kept = made.keep(np.full_like(X, np.nan))
    for first, expected in ((True, X), (False, 2 * X), (False, 3 * X)):
        fed = {"x": X, "so_far": kept, "first": np.array(first)}
        kept = made.run_keeping(fed, {"twice": twice}, ["sum"])["sum"]
        np.testing.assert_array_equal(kept.read(), expected)
        np.testing.assert_array_equal(twice, 2 * expected)


def test_what_was_kept_is_not_overwritten_by_later_runs():
    made = session(parse(SUMS))
    fed = {"so_far": made.keep(np.zeros_like(X)), "first": np.array(True)}
    kept = made.run_keeping({"x": X, **fed}, {}, ["sum"])["sum"]
    again = made.run_keeping({"x": -X, **fed, "so_far": kept}, {}, ["sum"])["sum"]
    np.testing.assert_array_equal(kept.read(), X)
    np.testing.assert_array_equal(again.read(), -X)


def test_strided_arrays_can_be_fed_to_a_run_that_keeps():
    made = session(parse(SUMS))
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    fed = {"x": wide, "so_far": made.keep(wide), "first": np.array(False)}
    np.testing.assert_array_equal(made.run_keeping(fed, {}, ["sum"])["sum"].read(), 2 * X)


def test_a_run_that_keeps_refuses_arrays_of_another_shape():
    made = session(parse(SUMS))
    fed = {"x": X, "so_far": made.keep(X), "first": np.array(False)}
    with pytest.raises(ModelError, match="failed while it ran"):
        made.run_keeping(fed, {"twice": np.empty((1, 3), np.float32)}, ["sum"])


def test_a_cuda_session_runs_bound(monkeypatch):
    made = session(parse(RELU))
    called = []
    monkeypatch.setattr(made, "_device", Device("cuda"))
    monkeypatch.setattr(made, "run_bound", lambda feeds, outputs: called.append(outputs) or [X])
    assert made.run({"x": X}, ["y"])[0] is X
    assert called == [["y"]]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_honoured(threads):
    made = session(parse(RELU), threads=threads)
    assert made._session.get_session_options().intra_op_num_threads == threads


def test_optimisation_can_be_switched_off():
    level = onnxruntime.GraphOptimizationLevel
    for optimize, wanted in ((True, level.ORT_ENABLE_ALL), (False, level.ORT_DISABLE_ALL)):
        options = session(parse(RELU), optimize=optimize)._session.get_session_options()
        assert options.graph_optimization_level == wanted


def test_a_model_with_external_weights_runs_from_bytes(tmp_path):
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, w) }", w=W)
    onnx.save_model(
        model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    stored = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    found = session(stored, folder=tmp_path).run({"x": X}, ["y"])[0]
    np.testing.assert_array_equal(found, X + W)


def foreign(domain: str, operator: str) -> onnx.ModelProto:
    model = parse(RELU)
    model.graph.node[0].op_type, model.graph.node[0].domain = operator, domain
    if domain:
        model.opset_import.add(domain=domain, version=1)
    return model


def typed(element: int) -> onnx.ModelProto:
    model = parse(RELU)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = element
    return model


def external(location: str) -> onnx.ModelProto:
    model = parse("g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, w) }", w=np.ones(3, np.float32))
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    return model


def aged(text: str = RELU, **versions: int) -> onnx.ModelProto:
    model = parse(text)
    model.ir_version = versions.get("ir", model.ir_version)
    model.opset_import[0].version = versions.get("opset", 17)
    return model


@pytest.mark.parametrize(
    ("model", "said", "hint"),
    [
        pytest.param(
            foreign("com.example", "Foo"),
            "lacks the operator Foo of the domain com.example",
            "another library",
            id="foreign domain",
        ),
        pytest.param(
            foreign("", "Foo"), "lacks the operator Foo in opset 17", "another library", id="foreign operator"
        ),
        pytest.param(
            typed(onnx.TensorProto.BFLOAT16), "no implementation of Relu", "float32", id="type without a kernel"
        ),
        pytest.param(typed(77), "77", "", id="type that is none"),
        pytest.param(
            parse("g (float[N, 3] x) => (int64[N, 3] y) { y = Relu(x) }"),
            "it says that 'y' is tensor(int64), and what makes it gives tensor(float)",
            "contradicts itself",
            id="type that contradicts the operator",
        ),
        pytest.param(
            parse("g (float[N, 3] x) => (float[N, 3] y) { y = MatMul(x, w) }", w=np.ones((4, 3), np.float32)),
            "a MatMul contradicts its inputs: Incompatible dimensions",
            "contradicts itself",
            id="shapes that contradict each other",
        ),
        pytest.param(
            aged(opset=6, text="g (float[N, 3] x) => (float[N, 3] y) { y = Add(x, x) }"),
            "no implementation of Add (version 6)",
            "for an opset before 7",
            id="opset of the past",
        ),
        pytest.param(aged(opset=999), "its opset 999 is too new", "Upgrade onnxruntime", id="opset of the future"),
        pytest.param(aged(ir=99), "99", "Upgrade onnxruntime", id="IR version of the future"),
        pytest.param(external("gone.bin"), "gone.bin", "", id="missing weights"),
        pytest.param(external("/etc/hostname"), "bsolute path", "", id="weights elsewhere"),
    ],
)
def test_a_model_that_the_runtime_refuses_is_one_clean_sentence(model, said, hint, capfd):
    with pytest.raises(ModelError) as caught:
        session(model)
    message = caught.value.message
    assert message.startswith("onnxruntime cannot run the model: ")
    assert said in message
    assert hint in caught.value.hint
    assert_clean(message)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_model_is_refused_quietly(capfd):
    with pytest.raises(ModelError):
        Session(b"nonsense", CPU, threads=1, optimize=True, folder=Path())
    assert capfd.readouterr() == ("", "")


RESHAPE = parse("g (float[N, 3] x) => (float[5, 3] y) { y = Reshape(x, s) }", s=np.array([5, 3]))


@pytest.mark.parametrize(
    ("model", "feeds", "said"),
    [
        pytest.param(parse(RELU), {"x": np.ones((2, 4), np.float32)}, "Got: 4 Expected: 3", id="wrong length"),
        pytest.param(parse(RELU), {"x": np.ones(3, np.float32)}, "Invalid rank", id="wrong rank"),
        pytest.param(parse(RELU), {"x": np.ones((2, 3))}, "tensor(double)", id="wrong type"),
        pytest.param(parse(RELU), {}, "'x'", id="nothing"),
        pytest.param(parse(RELU), {"x": X, "z": X}, "z", id="too much"),
        pytest.param(RESHAPE, {"x": X}, "requested shape:{5,3}", id="fails inside"),
    ],
)
def test_a_batch_that_the_model_does_not_take_is_one_clean_sentence(model, feeds, said, capfd):
    with pytest.raises(ModelError) as caught:
        session(model).run(feeds, ["y"])
    assert said in caught.value.message
    assert caught.value.message.startswith("onnxruntime failed while it ran the model: ")
    assert_clean(caught.value.message)
    assert capfd.readouterr() == ("", "")


def assert_clean(message: str) -> None:
    for noise in ("\n", ".cc", ".h:", "ONNXRuntimeError", "onnxruntime::", "const ", "std::", "Status Message", "FAIL"):
        assert noise not in message
    assert message.endswith(".")
    assert not message.endswith("..")
    assert len(message) < 400


def test_what_the_runtime_says_is_cut_where_it_is_long():
    reason = runtime_failures.reason_of(RuntimeError("word " * 1000))
    assert len(reason) < 310
    assert reason.endswith("...")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", "RuntimeError"),
        ("[ONNXRuntimeError] : 1 : FAIL : plain words.", "plain words"),
        ("/a/b/c.cc:12 void f(int, g<T>(&)(x)) const [with T = y] the shape is wrong", "the shape is wrong"),
        ("/a/b/c.cc:12 Function The (bracketed) words stay", "The (bracketed) words stay"),
        ("first /a/x.h:1 f() half, then /b/y.cu:2 g() other", "first half, then other"),
        ("/a/b/c.cc:12 f(never closed", "RuntimeError"),
    ],
)
def test_source_positions_and_signatures_are_removed(text, clean):
    assert runtime_failures.reason_of(RuntimeError(text)) == clean


def test_running_out_of_memory_is_answered_with_a_smaller_batch():
    assert (
        runtime_failures.hint_for(RuntimeError("Failed to allocate memory for a buffer of size 9")) == "Lower --batch."
    )


def test_onnxruntime_is_imported_only_when_it_is_used():
    import subprocess

    code = "import sys, onnxinv.runtime; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_version_is_onnxruntimes():
    assert runtime.version() == onnxruntime.__version__


def test_asked_for_no_output_it_hands_out_none(tmp_path):
    session = Session(SHIPPED[0].read_bytes(), Device("cpu"), threads=1, optimize=True, folder=tmp_path)
    assert session.run({"image": np.zeros((1, 1, 28, 28), np.float32)}, []) == []
