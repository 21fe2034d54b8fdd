"""TI: does a layer that is invariant by construction come out invariant?"""

from __future__ import annotations

import numpy as np

from tools.reproduce import figures
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Found, layers_of, value_of
from tools.reproduce.recipe import CHECKPOINTS
from tools.reproduce.study import Study

QUARTER_TURNS = "rotation:steps=4"


def needs(study: Study) -> list[Measurement]:
    """Return a network with TI-pooling under quarter turns, before and after training."""
    recipe = study.recipe(study.digits, "rotation", study.first_seed, network="ti-pooling")
    return [
        Measurement(recipe, QUARTER_TURNS, study.samples, percent=percent)
        for percent in (CHECKPOINTS[0], CHECKPOINTS[-1])
    ]


def decide(study: Study, found: Found) -> Outcome:
    """Look for exact zeros from the pooled layer on, and for none before."""
    rows, exact, other, none_before, lines = [], True, False, True, {}
    leasts, means, largest = [], [], []
    for measurement in needs(study):
        layers = layers_of(found.result(measurement))
        pooled = max(place for place, layer in enumerate(layers) if layer.op == "Max")
        # The maxima of two copies each are on the way to the pooled layer.
        before = [layer for layer in layers[:pooled] if layer.op != "Max"]
        told = [layer.measures[NORMALIZED_VARIANCE] for layer in layers[pooled:]]
        # Infinite and undefined channels are not in the maximum.
        exact &= all(each.max == 0 and each.inf == 0 and each.nan == 0 for each in told)
        other |= any((each.max or 0) > 0 or each.inf > 0 for each in told)
        least = np.min([value_of(layer) for layer in before])
        none_before &= bool(least > 0)
        when = f"{measurement.percent} %"
        leasts.append(least)
        means.append(value_of(layers[pooled]))
        largest.append(np.max([np.inf if each.inf else np.nan if each.max is None else each.max for each in told]))
        rows.append((when, f"{least:.3f}", f"{means[-1]:.3g}", f"{largest[-1]:.3g}"))
        lines[when] = (found.labels(measurement), found.profiles([measurement]))
    return Outcome(
        status_of(holds=exact and none_before, fails=other),
        f"Normalized variance under quarter turns is {np.max(means):.3g} in the pooled layer and at most "
        f"{np.max(largest):.3g} in any channel from it on, before and after training; the least mean of a layer "
        f"before it is {np.min(leasts):.3f}.",
        (
            Table(
                "Normalized variance of a network with TI-pooling",
                ("training", "least before the pooled layer", "pooled layer", "largest channel from it on"),
                rows,
            ),
        ),
        (Picture("c11_profiles", "Layer profile under quarter turns", figures.profiles({"": lines})),),
    )


EXPERIMENT = Experiment(
    "TI",
    "A layer that is invariant by construction comes out invariant.",
    "TI-pooling takes the maximum over copies of the image turned by quarters. Measured under quarter turns, "
    "normalized variance must be exactly 0 in every channel of the pooled layer and behind it, before and after "
    "training, and above 0 before it; it does not hold if a channel has another value.",
    needs,
    decide,
)
