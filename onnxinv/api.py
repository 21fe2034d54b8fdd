"""The Python API: what the command line does, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxinv.assemble import assemble
from onnxinv.config import run_config
from onnxinv.engine import Progress, measure
from onnxinv.model.load import load
from onnxinv.plan import Plan, make_plan
from onnxinv.rehearsal import seconds_per_inference
from onnxinv.result import Result


def plan(model: str | Path, data: str | Path, transforms: str | Sequence[str], **options: object) -> Plan:
    """Return what `analyze` with the same arguments would do, without doing it."""
    texts = (transforms,) if isinstance(transforms, str) else tuple(transforms)
    return make_plan(run_config(model=model, data=str(data), transforms=texts, **options))


def analyze(
    model: str | Path,
    data: str | Path,
    transforms: str | Sequence[str],
    *,
    progress: Progress = lambda done: None,
    **options: object,
) -> Result:
    """Measure the invariance of every layer of a model.

    Models run in this process: a crash inside onnxruntime, which some models bring about, ends it. The command line
    runs them in a process of their own.

    Args:
        model: path of an ONNX file.
        data: a path or specification, as `--data` of the command line: `digits.npz`, `random:n=64`.
        transforms: one specification or several, which make the Cartesian product: `rotation:steps=16,degrees=360`.
        progress: called after each block with the number of inferences that it took.
        **options: the other fields of `onnxinv.config.RunConfig`: measures, aggregate, samples, seed, groups, layers,
            stratify, precision, class_output, class_kind, operators, select, channel_axis, preprocess, mean, std,
            scale, resize, layout, device, threads, batch, memory.

    Returns:
        The result; `result.save(folder)` writes it.

    Raises:
        OnnxinvError: something that was named cannot be used; the message says what, why and what to try.
    """
    return run(plan(model, data, transforms, **options), progress)


def inspect(
    model: str | Path, data: str | Path | None = None, transforms: str | Sequence[str] | None = None, **options: object
) -> Plan:
    """Look at a model without measuring it: the plan says what its layers are, what is skipped, and the memory needed.

    The model runs in this process, as for `analyze`.

    Args:
        model: path of an ONNX file.
        data: as for `analyze`; random numbers where it is not given.
        transforms: as for `analyze`; 16 rotations of images, else the identity, where it is not given.
        **options: as for `analyze`.
    """
    if not transforms:
        image = any(len(info.shape) == 4 for info in load(Path(model)).inputs)
        transforms = "rotation:steps=16" if image else "identity"
    return plan(model, data or "random:n=4", transforms, **options)


def run(decided: Plan, progress: Progress = lambda done: None) -> Result:
    """Carry out a plan."""
    return assemble(decided, measure(decided, progress))


def foretell(decided: Plan) -> float:
    """Return the seconds that an inference of a plan takes on this machine, with its statistics; see `rehearsal`."""
    return seconds_per_inference(decided)
