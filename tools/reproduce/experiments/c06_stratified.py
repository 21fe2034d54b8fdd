"""C6: is the stratified normalized variance at least the plain one?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from tools.reproduce import figures
from tools.reproduce.conditions import conditions, measured
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table, status_of
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.profiles import Found, layers_of, value_of
from tools.reproduce.study import Study


def _plain(study: Study) -> dict[str, list[Measurement]]:
    """Return networks with and without augmentation, of as many seeds as variants have."""
    return {
        f"{condition.name}, {'augmented' if augmented else 'plain'}": measured(study, condition, augmented=augmented)[
            : study.variants // 2
        ]
        for condition in conditions(study)
        for augmented in (True, False)
    }


def _stratified(plain: Measurement) -> Measurement:
    return replace(plain, measures=(NORMALIZED_VARIANCE,), stratify=True)


def needs(study: Study) -> list[Measurement]:
    """Return each measurement as it is, and class by class."""
    every = [each for group in _plain(study).values() for each in group]
    return every + [_stratified(each) for each in every]


def decide(study: Study, found: Found) -> Outcome:
    """Hold every layer of every network against 0, with its interval."""
    rows, above, total, clearly = [], 0, 0, 0
    panels = {}
    for name, group in _plain(study).items():
        differences, lower = [], 0
        for plain in group:
            pairs = zip(layers_of(found.result(_stratified(plain))), layers_of(found.result(plain)), strict=True)
            for one, other in pairs:
                difference = value_of(one) - value_of(other)
                differences.append(difference)
                # The groups of samples are drawn in another order, so the intervals are not paired.
                told = [each.measures[NORMALIZED_VARIANCE] for each in (one, other)]
                error = np.hypot(*(np.nan if each.se is None else each.se for each in told))
                reach = stats.t.ppf(0.975, len(told[0].loo["mean"] or ()) - 1) * error
                lower += difference + reach < 0
        above += int((np.array(differences) >= 0).sum())
        total += len(differences)
        clearly += lower
        rows.append(
            (
                name,
                str(len(differences)),
                f"{100 * np.mean(np.array(differences) >= 0):.0f} %",
                f"{np.min(differences):.3g}",
                str(lower),
            )
        )
        if "augmented" in name and len(panels) < len(study.transforms):
            labels = found.labels(group[0])
            panels[name] = {
                "stratified": (labels, found.profiles([_stratified(each) for each in group])),
                "plain": (labels, found.profiles(group)),
            }
    return Outcome(
        status_of(holds=above == total, fails=clearly > 0),
        f"In {above} of {total} layers of networks the stratified value is at least the plain one; in {clearly} it is "
        "clearly lower (interval of the difference below 0).",
        (
            Table(
                "Stratified less plain normalized variance",
                ("networks", "layers", "at least plain", "least difference", "clearly lower"),
                rows,
            ),
        ),
        (Picture("c06_profiles", "Stratified and plain normalized variance", figures.profiles(panels)),),
    )


EXPERIMENT = Experiment(
    "C6",
    "Stratified normalized variance is at least the plain one.",
    "The same networks are measured as they are and class by class. It holds if every layer of every network is at "
    "least as high class by class, and does not if one is lower with the whole 95 % interval of the difference "
    "(jackknife over samples). It is no theorem: classes of very unequal spread can break it.",
    needs,
    decide,
)
