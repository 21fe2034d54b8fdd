"""Runs the untransformed samples where a statistic must know them before the variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from onnxinv.desks import Desks
from onnxinv.plan import Plan
from onnxinv.statistics import State, Statistic
from onnxinv.subjects import Subject


def first_pass(plan: Plan, subjects: Sequence[Subject], desks: Desks) -> list[Mapping[type[Statistic], Statistic]]:
    """Return what must be known beforehand of all samples, subject by subject.

    Args:
        plan: whose samples are run.
        subjects: what is measured together.
        desks: where.
    """
    wanting = [each for each in subjects if each.untransformed]
    known: dict[Subject, State] = {}
    if wanting:
        # At one desk: what is known of some samples takes as much memory as what is known of all.
        samples = np.concatenate([part for group in plan.groups for part in group])
        (states,) = desks.map(lambda desk, some: desk.measure_untransformed(some, wanting), [samples])
        known = dict(zip(wanting, states, strict=True))
    return [{kind: known[each][kind] for kind in each.untransformed} for each in subjects]
