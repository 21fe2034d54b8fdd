"""C10: what do kernel size, activation, batch norm and pooling do to the layer profile?"""

from __future__ import annotations

from tools.reproduce import figures
from tools.reproduce.architectures import architectures
from tools.reproduce.conditions import Condition, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture
from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.separation import RULE, separation_from
from tools.reproduce.study import Study

VARIANTS = ("kernel=5", "activation=relu", "norm=batch", "pooling=average", "pooling=stride")
OTHERS = ("all-conv", "vgg", "resnet")


def _base(study: Study) -> list[Measurement]:
    return measured(study, Condition(study.digits, "rotation"))


def _variants(study: Study) -> dict[str, list[Measurement]]:
    return {
        variant: [
            study.measured(study.recipe(study.digits, "rotation", seed, variant), "rotation")
            for seed in study.variant_seeds
        ]
        for variant in VARIANTS
    }


def needs(study: Study) -> list[Measurement]:
    """Return SimpleConv, its variants, and other architectures."""
    groups = [_base(study), *_variants(study).values()]
    return [each for group in groups for each in group] + [
        each for network in OTHERS for each in architectures(study, network, augmented=True)
    ]


def decide(study: Study, found: Found) -> Outcome:
    """Compare each variant with the network that it varies, on the layers that all have."""
    variants = _variants(study)
    layers, (base, *varied) = found.common([_base(study), *variants.values()])
    status, sentence, table = separation_from(base, dict(zip(variants, varied, strict=True)))
    sides = {
        "simple-conv": (layers, base),
        **{name: (layers, each) for name, each in zip(variants, varied, strict=True)},
    }
    others = {network: architectures(study, network, augmented=True) for network in OTHERS}
    networks = {
        "simple-conv": (found.labels(_base(study)[0]), found.profiles(_base(study))),
        **{name: (found.labels(group[0]), found.profiles(group)) for name, group in others.items()},
    }
    return Outcome(
        status,
        sentence,
        (table,),
        (
            Picture(
                "c10_variants",
                "Layer profiles of SimpleConv and its variants, on the layers all have",
                figures.profiles({"": sides}),
            ),
            Picture("c10_networks", "Layer profiles of architectures, over depth", figures.profiles({"": networks})),
        ),
    )


EXPERIMENT = Experiment(
    "C10",
    "Kernel size, activation, batch norm and pooling change the layer profile.",
    f"Variants of SimpleConv that differ in one thing are trained and measured under rotation beside it. {RULE}",
    needs,
    decide,
)
