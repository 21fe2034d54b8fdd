"""Simulates how often the jackknife interval of a layer holds the value of all the digits it was drawn from."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv import api
from onnxinv.demo import digits, model
from onnxinv.measures import Values
from onnxinv.measures.jackknife import LEAST_GROUPS
from onnxinv.measures.summary import LOCATIONS, summarize
from onnxinv.model.rewrite import expose
from onnxinv.runtime import Session, choose_device

Floats = npt.NDArray[np.floating[Any]]

TRANSFORM = "rotation:steps=16,degrees=360"
DIGITS = 1000
RUN_SAMPLES = 20
DRAWS_AT_ONCE = 20
BOUNDS = {
    "normalized-variance": (0.0, math.inf),
    "variance-share-sample": (0.0, 1.0),
    "variance-share-transform": (0.0, 1.0),
    "variance-share-interaction": (0.0, 1.0),
}


@dataclass(frozen=True)
class Population:
    """What all digits do in one layer, at some positions of each channel.

    Attributes:
        label: what the layer is called.
        channels: how many values the layer has.
        centred: (digits, transforms + 1, units) activations less the column means, units channel by channel; the last
            column is the mean of a row.
        column_means: (transforms, units) what was taken off.
        row_deviations: (digits, channels) spatial mean of the standard deviations over transforms.
    """

    label: str
    channels: int
    centred: npt.NDArray[np.float32]
    column_means: npt.NDArray[np.float64]
    row_deviations: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coverage:
    """How the intervals of one layer fared.

    Attributes:
        label: what the layer is called.
        value: the value of all digits.
        mean: mean of the draws' values.
        half_width: mean half-width of the intervals.
        below: share of the intervals that lie below the value.
        above: share that lie above it.
    """

    label: str
    value: float
    mean: float
    half_width: float
    below: float
    above: float

    @property
    def held(self) -> float:
        """Share of the intervals that hold the value."""
        return 1 - self.below - self.above


def main() -> None:
    """Print a Markdown table of coverage by layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=200, help="digits in a draw, with replacement")
    parser.add_argument("--model", choices=("rotated", "plain"), default="rotated")
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--units", type=int, default=1024, help="at most so many units a layer are looked at")
    parser.add_argument("--measure", choices=tuple(BOUNDS), default="normalized-variance")
    parser.add_argument("--of", choices=tuple(LOCATIONS), default="mean", help="which value of a layer, over channels")
    options = parser.parse_args()
    if not LEAST_GROUPS <= options.groups <= options.samples // 2:
        parser.error(f"there are at least {LEAST_GROUPS} groups, and two digits or more in each")
    counts = draws(options.draws, options.samples, options.groups, options.seed)
    print(f"{options.draws} draws of {options.samples} of {DIGITS} digits with replacement in {options.groups} groups")
    print(f"{options.measure} ({options.of} over channels), {options.model} model, {TRANSFORM},")
    print(f"at most {options.units} units a layer, for the value of all digits too\n")
    print("| layer | all digits | mean of draws | held | half-width | interval below | interval above |")
    print("|---|---|---|---|---|---|---|")
    found = []
    for population in populations(options.model, options.units, options.seed):
        of_all, of_draws = (
            channel_values(population, each)[options.measure] for each in (np.ones((1, 1, DIGITS), np.float32), counts)
        )
        value = LOCATIONS[options.of](of_all[0, 0])
        found.append(coverage(population.label, value, of_draws, BOUNDS[options.measure], options.of))
        print(row(found[-1]), flush=True)
    shares = [one.held for one in found]
    print(f"\nOn average {np.mean(shares):.1%} of the intervals hold the value; the least is {min(shares):.1%}.")


def draws(count: int, samples: int, groups: int, seed: int) -> npt.NDArray[np.float32]:
    """Return (draws, groups, digits) how often each group of each draw has each digit."""
    counts = np.zeros((count, groups, DIGITS), np.float32)
    generator = np.random.default_rng(seed)
    for drawn in counts:
        # Digits that are drawn independently are in random order already.
        for group, chosen in zip(drawn, np.array_split(generator.integers(0, DIGITS, samples), groups), strict=True):
            np.add.at(group, chosen, 1)
    return counts


def populations(name: str, units: int, seed: int) -> Iterator[Population]:
    """Run the model on every digit under every transform, and yield its layers."""
    plan = api.plan(model(name), digits(), TRANSFORM, samples=DIGITS)
    exposed = expose(plan.model.proto, [layer.name for layer in plan.layers])
    serialised = exposed.proto.SerializeToString()
    session = Session(serialised, choose_device("cpu"), threads=1, optimize=True, folder=plan.model.path.parent)
    generator = np.random.default_rng(seed)
    chosen = []
    for layer in plan.layers:
        if layer.channel_axis != 0:
            raise RuntimeError("The shipped models have their channels first.")
        space = int(np.prod(layer.shape[1:], dtype=int))
        most = max(1, units // layer.shape[0])
        chosen.append(np.stack([generator.permutation(space)[:most] for _ in range(layer.shape[0])]))
    parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in chosen]
    for start in range(0, DIGITS, RUN_SAMPLES):
        samples = range(start, min(start + RUN_SAMPLES, DIGITS))
        outputs = session.run(
            plan.feeds.batch(samples, slice(None)), [exposed.outputs[each.name] for each in plan.layers]
        )
        for part, output, positions in zip(parts, outputs, chosen, strict=True):
            grid = output.reshape(len(samples), -1, len(positions), output[0, 0].size)
            part.append(np.take_along_axis(grid, positions[None, None], axis=-1).reshape(*grid.shape[:2], -1))
    for layer, part, positions in zip(plan.layers, parts, chosen, strict=True):
        yield population(layer.label, len(positions), np.concatenate(part))
        part.clear()


def population(label: str, channels: int, activations: npt.NDArray[np.float32]) -> Population:
    """Return a layer from its (digits, transforms, units) activations."""
    column_means = activations.mean(axis=0, dtype=np.float64)
    # A shift that is the same for every digit, so that sums of squares can be added and subtracted without loss.
    centred = np.concatenate(
        [activations - column_means, (activations - column_means).mean(axis=1, keepdims=True)], axis=1
    )
    deviations = activations.std(axis=1, ddof=1, dtype=np.float64).reshape(len(activations), channels, -1)
    return Population(label, channels, centred.astype(np.float32), column_means, deviations.mean(axis=-1))


def channel_values(population: Population, counts: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the values of a layer's channels in every draw.

    Returns:
        By measure (draws, 1 + groups, channels): of all digits of the draw, then of those outside each group.
    """
    flat = population.centred.reshape(DIGITS, -1)
    squares = np.square(flat)
    pieces = []
    for start in range(0, len(counts), DRAWS_AT_ONCE):
        some = counts[start : start + DRAWS_AT_ONCE]
        by_digit = some.reshape(-1, DIGITS)
        shape = (*some.shape[:2], *population.centred.shape[1:])
        sums, sums_of_squares = ((by_digit @ each).astype(np.float64).reshape(shape) for each in (flat, squares))
        row_deviations = (by_digit @ population.row_deviations).reshape(*some.shape[:2], -1)
        parts = (some.sum(axis=2), sums, sums_of_squares, row_deviations)
        pieces.append(_values(population, *(_leave_out(part) for part in parts)))
    return {measure: np.concatenate([piece[measure] for piece in pieces]) for measure in BOUNDS}


def _leave_out(parts: Floats) -> npt.NDArray[np.float64]:
    """Return the sums over all groups, then over all groups but each, of a (draws, groups, ...) array."""
    total = parts.sum(axis=1, keepdims=True, dtype=np.float64)
    return np.concatenate([total, total - parts], axis=1) if parts.shape[1] > 1 else total


def _values(
    population: Population, count: Floats, sums: Floats, sums_of_squares: Floats, row_deviations: Floats
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the channels' values by measure, from sums over digits whose first two axes are those of the values."""
    samples = count[..., None, None]
    transforms = len(population.column_means)
    deviations = np.maximum(sums_of_squares - np.square(sums) / samples, 0)
    columns = deviations[:, :, :transforms]
    means = population.column_means + sums[:, :, :transforms] / samples
    by_channel = (*count.shape, population.channels, -1)
    sample_variance = np.sqrt(columns / (samples - 1)).mean(axis=2).reshape(by_channel).mean(axis=-1)
    of_sample = transforms * deviations[:, :, transforms].reshape(by_channel).sum(axis=-1)
    of_transform = (count[..., None] * transforms * means.var(axis=2)).reshape(by_channel).sum(axis=-1)
    interaction = columns.sum(axis=2).reshape(by_channel).sum(axis=-1) - of_sample
    total = of_sample + of_transform + interaction
    found = (
        row_deviations / count[..., None] / sample_variance,
        *(part / total for part in (of_sample, of_transform, interaction)),
    )
    if not all(np.isfinite(values).all() for values in found):
        raise RuntimeError(f"A channel of {population.label} does not vary, which the shipped models do not do.")
    return dict(zip(BOUNDS, found, strict=True))


def coverage(
    label: str, value: float, draws: npt.NDArray[np.float64], bounds: tuple[float, float], location: str
) -> Coverage:
    """Compare the interval of each draw with the value of all digits.

    Args:
        label: of the layer.
        value: of all digits.
        draws: (draws, 1 + groups, channels) values.
        bounds: the measure's range.
        location: which value of a layer.
    """
    means, intervals = [], []
    for whole, *replicates in draws:
        found = summarize(Values(whole, np.zeros(whole.size, np.bool_)), replicates, whole, bounds, interval=True)
        means.append(LOCATIONS[location](whole))
        intervals.append(found.ci[location])
    low, high = np.array(intervals, dtype=np.float64).T
    return Coverage(
        label,
        value,
        float(np.mean(means)),
        float((high - low).mean() / 2),
        below=float((high < value).mean()),
        above=float((low > value).mean()),
    )


def row(found: Coverage) -> str:
    """Return a layer's line of the table."""
    numbers = f"{found.value:.4f} | {found.mean:.4f} | {found.held:.1%} | {found.half_width:.4f}"
    return f"| {found.label} | {numbers} | {found.below:.1%} | {found.above:.1%} |"


if __name__ == "__main__":
    main()
