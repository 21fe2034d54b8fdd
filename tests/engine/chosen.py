"""A network whose activations are chosen: every layer hands out numbers that lie in the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv import api
from onnxinv.plan import Plan
from tests.engine.exact import Layout, blocks_of
from tests.engine.networks import save_transforms
from tests.networks import save_text

Array = npt.NDArray[np.floating[Any]]

RESOLUTIONS = {"float16": 2.0**-10, "float32": 4 * 2.0**-23, "float64": 4 * 2.0**-52}
"""Deviations up to so many root mean squares of a unit are rounding (MEASURES, zero and the quotient rule)."""

UNITS = 2
"""Units that are drawn at a time."""

TYPES = {"float16": "float16", "float32": "float", "float64": "double"}


@dataclass(frozen=True)
class Draw:
    """Makes activations of a shape: samples, transforms, units.

    Attributes:
        samples: n.
        transforms: m.
        random: where normal numbers come from.
    """

    samples: int
    transforms: int
    random: np.random.Generator

    def by_sample(self) -> Array:
        """Return what samples have of their own."""
        return self.random.standard_normal((self.samples, 1, UNITS))

    def by_transform(self) -> Array:
        """Return what transforms have of their own."""
        return self.random.standard_normal((1, self.transforms, UNITS))

    def noise(self) -> Array:
        """Return what every activation has of its own."""
        return self.random.standard_normal((self.samples, self.transforms, UNITS))

    def plain(self) -> Array:
        """Return some of each."""
        return self.by_sample() + 0.5 * self.by_transform() + 0.7 * self.noise()

    def signs(self, axis: int) -> Array:
        """Return 1, -1, 1, ... along the samples (0) or the transforms (1)."""
        count = (self.samples, self.transforms)[axis]
        return np.where(np.arange(count) % 2, -1.0, 1.0).reshape((count, 1, 1) if axis == 0 else (1, count, 1))

    def with_some(self, where: tuple[int | slice, ...], *, times: float = 1, plus: float = 0) -> Array:
        """Return plain activations of which some are larger."""
        grid = self.plain()
        grid[where] = grid[where] * times + plus
        return grid

    def still(self, mean: float) -> Array:
        """Return a dead unit, one that no transform changes, one that no sample changes, and a plain one."""
        one = self.plain()[:, :, :1]
        grid = np.concatenate([np.full_like(one, 3), one[:, :1].repeat(self.transforms, 1),
                               one[:1].repeat(self.samples, 0), one], axis=2)  # fmt: skip
        return grid + mean


def chosen_plan(folder: Path, grids: Mapping[str, Array], *, times: float | None = None, **options: Any) -> Plan:
    """Plan a run over layers that are just what is given.

    A sample holds all variants of itself; transform j turns the j-th to the front, and the network takes the first.

    Args:
        folder: where the files go.
        grids: (samples, transforms, units) activations by layer, all of one type, samples and transforms.
        times: what the network multiplies them by before it hands them out, in their own type; None for nothing.
        options: of the run.
    """
    arrays = list(grids.values())
    dtype = arrays[0].dtype.name
    _, transforms, _ = arrays[0].shape
    total = sum(array.shape[2] for array in arrays)
    ends = np.cumsum([array.shape[2] for array in arrays])
    nodes = ["made = Identity(taken)" if times is None else "made = Mul(taken, times)"]
    weights = {"front": np.array(0)} | ({} if times is None else {"times": np.array(times, dtype)})
    for (name, array), end in zip(grids.items(), ends, strict=True):
        nodes.append(f"{name} = Gather<axis = 1>(made, {name}_at)")
        weights[f"{name}_at"] = np.arange(end - array.shape[2], end)
    outputs = ", ".join(f"{TYPES[dtype]}[n, {name}_units] {name}" for name in grids)
    text = f"""
        net ({TYPES[dtype]}[n, {transforms}, {total}] x) => ({outputs}) {{
            taken = Gather<axis = 1>(x, front)
            {" ".join(nodes)}
        }}
    """
    model = save_text(folder / "net.onnx", text, **weights)
    np.savez(folder / "x.npz", x=np.concatenate(arrays, axis=2))
    body = f"return [lambda rows, j=j: np.roll(rows, -j, axis=0) for j in range({transforms})]"
    turned = save_transforms(folder, body)
    defaults = {"layers": tuple(grids), "threads": 1, "device": "cpu", "aggregate": "unit"}
    return api.plan(model, folder / "x.npz", turned, **{**defaults, **options})


def layout_of(decided: Plan, resolution: float) -> Layout:
    """Return what exact values depend on beside the activations."""
    return Layout(resolution, blocks_of(np.concatenate(parts) for parts in decided.groups))
