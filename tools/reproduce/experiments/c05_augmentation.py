"""C5: does augmentation lower normalized variance?"""

from __future__ import annotations

import numpy as np
from scipy import stats

from onnxinv.result import Result
from tools.reproduce import figures
from tools.reproduce.architectures import architectures
from tools.reproduce.conditions import conditions, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Array, Found, layers_of, value_of
from tools.reproduce.replicates import Estimate
from tools.reproduce.study import Study

Pairs = dict[str, tuple[list[Measurement], list[Measurement]]]


def _pairs(study: Study) -> Pairs:
    """Return augmented and plain networks of the same seeds, by what they are called."""
    of_conditions = {
        condition.name: (measured(study, condition), measured(study, condition, augmented=False))
        for condition in conditions(study)
    }
    of_networks = {
        f"{study.digits}, rotation, {network}": (
            architectures(study, network, augmented=True),
            architectures(study, network, augmented=False),
        )
        for network in ("all-conv", "vgg", "resnet")
    }
    return of_conditions | of_networks


def needs(study: Study) -> list[Measurement]:
    """Return all pairs."""
    return [each for pair in _pairs(study).values() for group in pair for each in group]


def decide(study: Study, found: Found) -> Outcome:
    """Hold every pair against 0, with its interval over samples."""
    rows, panels, every = [], {}, []
    for name, (augmented, plain) in _pairs(study).items():
        changes = [change(found.result(a), found.result(b)) for a, b in zip(augmented, plain, strict=True)]
        every += changes
        lower = [each.value < 0 for each in changes]
        layers = found.profiles(augmented) < found.profiles(plain)
        mean = float(np.mean([each.value for each in changes]))
        rows.append((name, f"{sum(lower)} of {len(lower)}", f"{mean:.3g}", f"{100 * layers.mean():.0f} %"))
        if len(panels) < len(study.transforms):
            labels = found.labels(plain[0])
            panels[name] = {"augmented": (labels, found.profiles(augmented)), "plain": (labels, found.profiles(plain))}
    lower_all = sum(each.value < 0 for each in every)
    clearly_higher = sum(each.low > 0 for each in every)
    return Outcome(
        status_of(holds=lower_all == len(every), fails=clearly_higher > 0),
        f"{lower_all} of {len(every)} augmented networks have the lower mean over layers than the plain one of the "
        f"same seed; {clearly_higher} are clearly higher (interval over samples above 0).",
        (
            Table(
                "Augmented against plain networks of the same seed",
                ("networks", "pairs lower", "mean change of NV", "layers lower"),
                rows,
            ),
        ),
        (
            Picture("c05_profiles", "Layer profiles of augmented and plain networks", figures.profiles(panels)),
            *_heatmaps(study, found),
        ),
    )


def _heatmaps(study: Study, found: Found) -> list[Picture]:
    """Return the channels of the first pair; nothing where their values were not kept."""
    name, pair = next(iter(_pairs(study).items()))
    panels = {kind: found.result(group[0]) for kind, group in zip(("augmented", "plain"), pair, strict=True)}
    if not all(result.units for result in panels.values()):
        return []
    caption = f"Normalized variance of every channel, layer by layer, of one network each ({name})"
    return [Picture("c05_heatmaps", caption, figures.heatmaps(panels))]


def change(augmented: Result, plain: Result) -> Estimate:
    """Return the change of the mean over layers, its interval from the paired jackknife over groups of samples."""
    value, left_out = (one - other for one, other in zip(_means(augmented), _means(plain), strict=True))
    count = len(left_out)
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, count - 1) * error)
    return Estimate(float(value), float(value) - half, float(value) + half)


def _means(result: Result) -> tuple[float, Array]:
    layers = layers_of(result)
    told = [layer.measures[NORMALIZED_VARIANCE] for layer in layers]
    # A layer without intervals leaves the change without one, and nan is neither above 0 nor below.
    left_out = [np.full(1, np.nan) if each.loo["mean"] is None else np.array(each.loo["mean"]) for each in told]
    return float(np.mean([value_of(layer) for layer in layers])), np.mean(np.broadcast_arrays(*left_out), axis=0)


EXPERIMENT = Experiment(
    "C5",
    "Augmentation lowers normalized variance.",
    "Every augmented network is compared with the plain one of the same seed, architecture and data, both measured "
    "under the transforms of the augmentation, by the mean of normalized variance over layers. It holds if every "
    "pair is lower, and does not if one is higher with its whole 95 % interval over samples (paired jackknife).",
    needs,
    decide,
)
