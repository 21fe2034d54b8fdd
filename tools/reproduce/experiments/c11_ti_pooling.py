"""TI: does a layer that is invariant by construction come out invariant?"""

from __future__ import annotations

from tools.reproduce import figures
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Found, layers_of
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
    rows, exact, none_before, lines = [], True, True, {}
    for measurement in needs(study):
        layers = layers_of(found.result(measurement))
        pooled = max(place for place, layer in enumerate(layers) if layer.op == "Max")
        # The maxima of two copies each are on the way to the pooled layer.
        before = [layer for layer in layers[:pooled] if layer.op != "Max"]
        told = [layer.measures[NORMALIZED_VARIANCE] for layer in layers[pooled:]]
        exact &= all(each.max == 0 and each.finite + each.inf == each.finite for each in told)
        none_before &= all((layer.measures[NORMALIZED_VARIANCE].mean or 0) > 0 for layer in before)
        least = min(layer.measures[NORMALIZED_VARIANCE].mean or 0 for layer in before)
        when = f"{measurement.percent} %"
        rows.append((when, f"{least:.3f}", f"{told[0].mean:.3g}", f"{max(each.max or 0 for each in told):.3g}"))
        lines[when] = (found.labels(measurement), found.profiles([measurement]))
    return Outcome(
        status_of(holds=exact and none_before, fails=not exact),
        f"Normalized variance under quarter turns is exactly {rows[-1][2]} in the pooled layer and at most "
        f"{max(row[3] for row in rows)} in any channel from it on, before and after training; the least mean of a "
        f"layer before it is {min(row[1] for row in rows)}.",
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
    "training, and above 0 before it.",
    needs,
    decide,
)
