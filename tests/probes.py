"""Probes of small models on given samples."""

from collections.abc import Mapping, Sequence

import numpy as np

from onnxinv.data import PRIMARY, Samples
from onnxinv.data.preprocess import Preprocess
from onnxinv.feeds import Feeds
from onnxinv.model.layers import candidates, choose
from onnxinv.model.load import Model
from onnxinv.probe import Probe, run_probe
from onnxinv.runtime import Device
from onnxinv.transforms import expand
from onnxinv.transforms.python import UserStep
from onnxinv.transforms.transform import Transform

TRANSFORMS = (*expand(["identity"]), Transform("reversed", {}, (UserStep(np.flip, "reversed"),)))
RNG = np.random.default_rng(0)


def feeds_for(model: Model, samples: np.ndarray) -> Feeds:
    source = Samples("the test", len(samples), lambda index: {PRIMARY: samples[index]})
    return Feeds(model.inputs, source, TRANSFORMS, Preprocess())


def run(
    model: Model,
    samples: np.ndarray,
    *,
    select: str = "default",
    patterns: Sequence[str] = (),
    overrides: Mapping[str, int] | None = None,
    threads: int = 1,
    keep_batch: int | None = None,
) -> Probe:
    outputs = [info.name for info in model.outputs]
    found = candidates(model)[0]
    chosen = choose(found, outputs, select, patterns, [])
    beside = [one for one in found if one.name in outputs]
    order, feeds = list(range(len(samples))), feeds_for(model, samples)
    device, axes = Device("cpu"), overrides or {}
    return run_probe(model, chosen, feeds, order, device, threads, axes, beside, keep_batch=keep_batch)


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def layer(found: Probe, name: str):
    return next(one for one in found.layers if one.name == name)


def reasons(found: Probe) -> dict[str, str]:
    return {one.name: one.reason for one in found.skipped}
