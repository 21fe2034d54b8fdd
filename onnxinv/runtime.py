"""Sessions and devices; the only module that imports onnxruntime."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.errors import DeviceError, ModelError, UsageError
from onnxinv.runtime_failures import failure, hint_for, reason_of

if TYPE_CHECKING:
    import onnxruntime

Tensor = npt.NDArray[Any]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_NO_IR_VERSION = 2**30
"""A number that no version of ONNX's intermediate representation will have."""


@dataclass(frozen=True)
class Device:
    """Where sessions run.

    Attributes:
        kind: `cpu` or `cuda`.
        index: which GPU.
        notice: what the user should know about the choice, or empty.
    """

    kind: str
    index: int = 0
    notice: str = ""

    @property
    def providers(self) -> list[str | tuple[str, dict[str, str]]]:
        """Providers and options for a session; TF32 is off so that numbers equal the CPU's."""
        if self.kind == "cpu":
            return [_CPU]
        return [(_CUDA, {"device_id": str(self.index), "use_tf32": "0"}), _CPU]


def choose_device(text: str) -> Device:
    """Return the device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: the text is none of these.
        DeviceError: CUDA is asked for and cannot be had.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::([0-9]{1,9}))?", text)
    if match is None:
        raise UsageError(f"There is no device '{text}'.", "Choose auto, cpu, cuda or cuda:N.")
    if text == "cpu":
        return Device("cpu")
    index = int(match[1] or 0)
    obstacle = _cuda_obstacle(index)
    if obstacle is None:
        return Device("cuda", index)
    if text == "auto":
        return Device("cpu", notice=f"Running on the CPU: {obstacle}.")
    raise DeviceError(f"The device '{text}' cannot be used: {obstacle}.", "Choose --device cpu or auto.")


def _cuda_obstacle(index: int) -> str | None:
    """Return why CUDA cannot be used, or None where it can.

    The provider is listed wherever the GPU build of onnxruntime is installed, and trying it without a driver prints
    errors from C++: the driver is asked first. A driver is not enough either (CUDA or cuDNN may be missing): a tiny
    session is tried last.
    """
    count = _gpus()
    if not count:
        return "no usable NVIDIA driver is installed"
    if index >= count:
        return f"there is no GPU {index}, only {'GPU 0' if count == 1 else f'GPUs 0 to {count - 1}'}"
    library = _library()
    if _CUDA not in library.get_available_providers():
        return "this onnxruntime is built without CUDA (install onnxruntime-gpu)"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        library.preload_dlls()
    if not _cuda_starts(index):
        return "onnxruntime cannot start CUDA (pip install onnxruntime-gpu[cuda,cudnn])"
    return None


def _gpus() -> int:
    """Return how many GPUs the NVIDIA driver sees, 0 where there is no usable driver."""
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        usable = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    except (OSError, AttributeError):  # AttributeError: a library of that name that is no driver
        return 0
    return count.value if usable else 0


def _cuda_starts(index: int) -> bool:
    """Whether a session really ends up on the GPU; the runtime falls back to the CPU without an exception."""
    graph = onnx.parser.parse_graph("trial (float[1] x) => (float[1] y) { y = Add(x, x) }")
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    try:
        session = Session(model.SerializeToString(), Device("cuda", index), threads=1, optimize=False, folder=Path())
        one = np.ones(1, np.float32)
        return bool(session.run({"x": one}, ["y"])[0][0] == 2)
    except (ModelError, DeviceError):
        return False


@dataclass(frozen=True)
class Kept:
    """An array that stays on the device of a session between two runs.

    Attributes:
        value: the runtime's hold on it.
    """

    value: onnxruntime.OrtValue

    def read(self) -> Tensor:
        """Return a copy in main memory."""
        return np.array(self.value.numpy())


class Session:
    """A model ready to run.

    Args:
        model: the serialised model.
        device: where it runs.
        threads: threads of the CPU provider, 0 for one a core.
        optimize: whether the runtime may optimise the graph.
        folder: where external weights lie.

    Raises:
        ModelError: the runtime refuses the model.
        DeviceError: the runtime fell back from the device that was chosen.
    """

    def __init__(self, model: bytes, device: Device, *, threads: int, optimize: bool, folder: Path) -> None:
        ort = _library()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        # Threads wait actively within a run, where that is fastest, and leave the cores to others between runs.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        # What is made of a tensor runs soon after it: by default it waits for the last node, and all tensors with it.
        options.execution_order = ort.ExecutionOrder.PRIORITY_BASED
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimize else level.ORT_DISABLE_ALL
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
        try:
            # Without fallback: it would print, and run elsewhere than asked for.
            self._session = ort.InferenceSession(model, options, providers=device.providers, enable_fallback=0)
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise ModelError(f"onnxruntime cannot run the model: {reason_of(error)}.", hint_for(error)) from error
        if device.kind == "cuda" and _CUDA not in self._session.get_providers():
            raise DeviceError(
                "The CUDA provider could not be started, although there is a driver.",
                "Install CUDA and cuDNN (pip install onnxruntime-gpu[cuda,cudnn]) or choose --device cpu.",
            )
        self._device = device

    @property
    def providers(self) -> list[str]:
        """The providers that the session really uses."""
        return list(self._session.get_providers())

    def output_types(self) -> dict[str, str]:
        """Return the runtime's type of every output, for example `tensor(float)`."""
        return {output.name: output.type for output in self._session.get_outputs()}

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Run the model once.

        Args:
            feeds: arrays by input name, with batch axis.
            outputs: which outputs to fetch, in order.

        Raises:
            ModelError: the runtime cannot compute this batch.
        """
        if not outputs:
            return []  # asked for nothing, the runtime hands out everything
        try:
            if self._device.kind == "cpu":
                return list(self._session.run(list(outputs), dict(feeds)))
            return self.run_bound(feeds, outputs)
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise failure("failed while it ran the model", error) from error

    def run_into(self, feeds: Mapping[str, Tensor], outputs: Sequence[str], arrays: Sequence[Tensor]) -> None:
        """Run the model once on the CPU and leave its outputs in arrays that are there already.

        So nothing is copied, and no memory is asked for that must be brought in page by page.

        Args:
            feeds: arrays by input name, with batch axis.
            outputs: which outputs.
            arrays: contiguous, of shape and type of each output; overwritten.

        Raises:
            ModelError: the runtime cannot compute this batch, or an output is of another shape.
        """
        try:
            binding = self._session.io_binding()
            kept = {name: np.ascontiguousarray(array) for name, array in feeds.items()}
            for name, array in kept.items():
                binding.bind_cpu_input(name, array)
            for name, array in zip(outputs, arrays, strict=True):
                binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
            self._session.run_with_iobinding(binding)
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise failure("failed while it ran the model", error) from error

    def keep(self, array: Tensor) -> Kept:
        """Return a copy of an array on the session's device, to be fed to `run_keeping`.

        Raises:
            ModelError: the device has no room for it.
        """
        try:
            place = self._device.kind, self._device.index
            return Kept(_library().OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), *place))
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise failure("failed to take an array", error) from error

    def run_keeping(
        self, feeds: Mapping[str, Tensor | Kept], arrays: Mapping[str, Tensor], keep: Sequence[str]
    ) -> dict[str, Kept]:
        """Run the model once; some outputs land in arrays that are there already, others stay on the device.

        Args:
            feeds: arrays by input name, with batch axis, or what an earlier run kept.
            arrays: by output name, contiguous arrays of its shape and type in main memory; overwritten.
            keep: outputs that stay on the device.

        Returns:
            What was kept, by output name.

        Raises:
            ModelError: the runtime cannot compute this batch, or an output is of another shape.
        """
        try:
            binding = self._session.io_binding()
            given = {name: _contiguous(value) for name, value in feeds.items()}
            for name, value in given.items():
                if isinstance(value, Kept):
                    binding.bind_ortvalue_input(name, value.value)
                else:
                    binding.bind_cpu_input(name, value)
            for name in keep:
                binding.bind_output(name, self._device.kind, self._device.index)
            for name, array in arrays.items():
                binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
            self._session.run_with_iobinding(binding)
            return {name: Kept(value) for name, value in zip(keep, binding.get_outputs(), strict=False)}
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise failure("failed while it ran the model", error) from error

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU."""
        return self._device.kind == "cpu"

    def run_bound(self, feeds: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Run the model with inputs and outputs bound to its device; same result as `run`."""
        ort = _library()
        binding = self._session.io_binding()
        for name, array in feeds.items():
            value = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self._device.kind, self._device.index)
            binding.bind_ortvalue_input(name, value)
        for name in outputs:
            binding.bind_output(name, self._device.kind, self._device.index)
        self._session.run_with_iobinding(binding)
        return list(binding.copy_outputs_to_cpu())


def _contiguous(value: Tensor | Kept) -> Tensor | Kept:
    # A scalar stays one: ascontiguousarray makes a row of it.
    return value if isinstance(value, Kept) else np.asarray(value, order="C")


@functools.cache
def newest_ir_version() -> int | None:
    """Return the newest IR version that onnxruntime reads; None where it does not say.

    It says so only when it refuses a model, which is done here on purpose.
    """
    graph = onnx.parser.parse_graph("trial (float[1] x) => (float[1] y) { y = Neg(x) }")
    opset = onnx.helper.make_opsetid("", 13)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_NO_IR_VERSION)
    try:
        Session(model.SerializeToString(), Device("cpu"), threads=1, optimize=False, folder=Path())
    except ModelError as error:
        said = re.search(r"max supported IR version: (\d+)", error.message)
        return int(said[1]) if said else None
    return None


def version() -> str:
    """Return onnxruntime's version."""
    return str(_library().__version__)


def _library() -> onnxruntime:
    # From 1.29 on it tells its makers of the models that are loaded, and leaves a number of this machine in its user's
    # folders; only this, before it is imported, keeps it from both. Who wants to be counted can set it to 0.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # importing it takes a third of a second, and --help does not need it

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime
