"""Sessions and devices; the only module that imports onnxruntime."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from onnxinv.errors import DeviceError, ModelError, UsageError

if TYPE_CHECKING:
    import onnxruntime

Tensor = npt.NDArray[Any]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


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
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", text)
    if match is None:
        raise UsageError(f"There is no device '{text}'.", "Choose auto, cpu, cuda or cuda:N.")
    if text == "cpu":
        return Device("cpu")
    index = int(match[1] or 0)
    obstacle = _cuda_obstacle(index)
    if obstacle is None:
        _library().preload_dlls()
        return Device("cuda", index)
    if text == "auto":
        return Device("cpu", notice=f"Running on the CPU: {obstacle}.")
    raise DeviceError(f"The device '{text}' cannot be used: {obstacle}.", "Choose --device cpu or auto.")


def _cuda_obstacle(index: int) -> str | None:
    """Return why CUDA cannot be used, or None where it can.

    The provider is listed wherever the GPU build of onnxruntime is installed, and trying it without a driver prints
    errors from C++: the driver is asked first.
    """
    no_driver = "no usable NVIDIA driver is installed"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return no_driver
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return no_driver
    if index >= count.value:
        return f"there are {count.value} GPUs, numbered from 0"
    if _CUDA not in _library().get_available_providers():
        return "this onnxruntime is built without CUDA (install onnxruntime-gpu)"
    return None


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
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimize else level.ORT_DISABLE_ALL
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
        try:
            self._session = ort.InferenceSession(model, options, providers=device.providers)
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise ModelError(f"onnxruntime cannot run the model: {_reason(error)}.", _hint(error)) from error
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
        try:
            if self._device.kind == "cpu":
                return list(self._session.run(list(outputs), dict(feeds)))
            return self.run_bound(feeds, outputs)
        except Exception as error:  # the runtime raises its own classes and plain RuntimeError
            raise ModelError(f"onnxruntime failed while it ran the model: {_reason(error)}.", _hint(error)) from error

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


def version() -> str:
    """Return onnxruntime's version."""
    return str(_library().__version__)


def _library() -> onnxruntime:
    import onnxruntime  # noqa: PLC0415  # importing it takes a third of a second, and --help does not need it

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


def _reason(error: Exception) -> str:
    """Return the first line of what the runtime says, without its error codes and source positions."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/\S+?\.(?:cc|h):\d+ \S+(?: \[with .*?\])? ", "", text)
    return text.strip().rstrip(".")[:400]


def _hint(error: Exception) -> str:
    text = str(error)
    if "is not a registered function/op" in text or "Fatal error" in text:
        return "The model needs operators that this onnxruntime does not have."
    if "allocat" in text.lower() or "bad_alloc" in text:
        return "Lower --batch."
    return ""
