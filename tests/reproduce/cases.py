"""For every claim, worlds in which it is true, false and open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.reproduce.worlds import BASE, GROUPS, STUDY, Row, Told, draws, known, network, profiled
from tools.reproduce.experiments.c04_sensitivity import EARLIER, MORE_INVARIANT
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.recipe import CHECKPOINTS
from tools.reproduce.study import Study

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be decided"


@dataclass(frozen=True)
class Case:
    """A world, and what an experiment must say of it."""

    key: str
    world: str
    told: Told
    status: str
    study: Study = STUDY

    def __str__(self) -> str:
        return f"{self.key} {self.status} where {self.world}"


def profile_case(
    key: str, world: str, profile: Callable[[Measurement], Row], status: str, study: Study = STUDY
) -> Case:
    return Case(key, world, profiled(profile), status, study)


def noisy(measurement: Measurement, width: float = 0.01) -> np.ndarray:
    return BASE + width * draws(measurement).normal(size=len(BASE))


def is_scale(measurement: Measurement) -> bool:
    return measurement.transforms.startswith("scale")


def with_gap(row: np.ndarray) -> list[float | None]:
    return [None, *row[1:]]


def swapped(order: str) -> np.ndarray:
    return BASE[[int(each) for each in order]]


def one_seed(odd: np.ndarray) -> Callable[[Measurement], Row]:
    return lambda measurement: odd if measurement.recipe.seed == 2 else BASE


def flat_but_one(measurement: Measurement) -> np.ndarray:
    return np.array([1000, *(1 + 0.1 * draws(measurement).random(5))])


def neighbours(measurement: Measurement) -> np.ndarray:
    """Return a profile of which one seed swaps two pairs of layers that are hardly apart."""
    return np.array([0.9, 0.89, 0.6, 0.59, 0.3, 0.2])[[1, 0, 3, 2, 4, 5] if measurement.recipe.seed == 2 else slice(6)]


def rising(step: float) -> Callable[[Measurement], Row]:
    return lambda measurement: BASE + step * measurement.recipe.seed


C1 = [
    ("seeds hardly differ", noisy, HOLDS),
    ("one seed has two neighbours swapped", one_seed(swapped("102345")), HOLDS),
    ("the correlation is above 0.9 but its interval is not", neighbours, OPEN),
    ("the correlation is below 0.9 but its interval is not", one_seed(swapped("543210")), OPEN),
    ("every seed has its own order", lambda m: draws(m).permutation(BASE), FAILS),
    ("seeds have their own order but are close to each other", flat_but_one, FAILS),
    ("the ratio of deviations is below a third but its interval is not", rising(0.04), OPEN),
    ("the ratio of deviations is above a third but its interval is not", rising(0.1), OPEN),
    ("seeds have one order but are far from each other", rising(0.3), FAILS),
    ("one condition is unstable", lambda m: noisy(m, 1 if is_scale(m) else 0.01), FAILS),
    (
        "the interval of one condition reaches below 0.9, but not that over all",
        lambda m: (one_seed(swapped("103245")) if is_scale(m) else noisy)(m),
        HOLDS,
    ),
    (
        "all together are above 0.9, but with an interval that reaches below",
        lambda m: (one_seed(swapped("543210")) if is_scale(m) else noisy)(m),
        OPEN,
    ),
    ("a layer has no value", lambda m: with_gap(noisy(m)), OPEN),
]


def shifted(place: Callable[[Measurement], float], width: float = 0.01) -> Callable[[Measurement], Row]:
    return lambda measurement: noisy(measurement, width) + place(measurement)


def dataset_of(measurement: Measurement) -> int:
    return STUDY.datasets.index(measurement.recipe.dataset)


def transforms_of(measurement: Measurement) -> int:
    return list(STUDY.transforms.values()).index(measurement.transforms)


def variant_of(measurement: Measurement) -> int:
    return sum(map(ord, "".join(measurement.recipe.variant)))


def separation_cases(key: str, place: Callable[[Measurement], float]) -> list[Case]:
    rows = [
        ("every two are apart", shifted(place), HOLDS, STUDY),
        ("all are alike", shifted(lambda m: 0), FAILS, STUDY),
        ("only one is apart", shifted(lambda m: place(m) == place_of_last[key]), FAILS, STUDY),
        ("all are apart but networks are few", shifted(place), OPEN, replace(STUDY, replicates=3, variants=2)),
        ("a layer has no value", lambda m: with_gap(noisy(m) + place(m)), OPEN, STUDY),
    ]
    return [profile_case(key, world, profile, status, study) for world, profile, status, study in rows]


place_of_last = {"C2": 2, "C3": 2, "C10": sum(map(ord, "pooling=stride"))}


def effects(*, opposed: bool = False, **sizes: float) -> Told:
    """Return a world in which augmentation moves measures by so many steps in the direction of invariance.

    Seeds that are high among plain networks are high among augmented ones, too. Opposed, they are low there by
    normalized variance, so that its effect depends on which seeds there are.
    """

    def told(measurement: Measurement) -> object:
        rows = {}
        for key, sign in MORE_INVARIANT.items():
            size = sizes.get(key.replace("-", "_"), 0.0) * sign if measurement.recipe.augment else 0.0
            # Seeds lie evenly around the mean, so that effects are what they are set to.
            spread = np.linspace(-1, 1, STUDY.replicates)[measurement.recipe.seed]
            spread *= -1 if opposed and measurement.recipe.augment and key == NORMALIZED_VARIANCE else 1
            rows[key] = [known(base + 0.01 * (size + spread)) for base in BASE + 5]
        return network(rows)

    return told


def told_gap(measurement: Measurement) -> object:
    result = effects(normalized_variance=5)(measurement)
    gap = known(None)
    layers = [
        each.model_copy(update={"measures": each.measures | {NORMALIZED_VARIANCE: gap}}) for each in result.layers
    ]
    return replace(result, document=result.document.model_copy(update={"layers": layers}))


C4 = [
    Case("C4", "normalized variance moves and nothing else does", effects(normalized_variance=5), HOLDS),
    Case("C4", "nothing moves", effects(), OPEN),
    Case("C4", "normalized variance moves the wrong way", effects(normalized_variance=-5), FAILS),
    Case("C4", "normalized variance leads by chance", effects(normalized_variance=0.5, opposed=True), OPEN),
    Case("C4", "earlier measures lead by chance", effects(normalized_variance=-0.5, opposed=True), OPEN),
    Case("C4", "normalized variance has no value anywhere", told_gap, OPEN),
    Case(
        "C4",
        "a measure that is not an earlier one leads",
        effects(normalized_variance=5, normalized_distance=9, anova_variant=9, variance_share_sample=9),
        HOLDS,
    ),
    *(
        Case("C4", f"{key} leads", effects(normalized_variance=5, **{key.replace("-", "_"): 9}), FAILS)
        for key in EARLIER
    ),
    *(
        Case("C4", f"{key} moves as much", effects(normalized_variance=5, **{key.replace("-", "_"): 5}), OPEN)
        for key in EARLIER
    ),
    *(
        Case(
            "C4",
            f"{key} moves farther the wrong way",
            effects(normalized_variance=5, **{key.replace("-", "_"): -9}),
            HOLDS,
        )
        for key in EARLIER
    ),
]

UP = np.array([-1, 1] * (GROUPS // 2)) * 0.1


def compared(
    change: Callable[[Measurement], float], *, deviations: np.ndarray | None = UP, together: bool = True
) -> Told:
    """Return a world in which augmentation changes all layers, whose groups of samples deviate together or opposed."""

    def told(measurement: Measurement) -> object:
        augmented = measurement.recipe.augment is not None
        moved = BASE + (change(measurement) if augmented else 0)
        apart = None if deviations is None else deviations * (-1 if augmented and not together else 1)
        return network({NORMALIZED_VARIANCE: [known(each, deviations=apart) for each in moved]})

    return told


def odd_one(measurement: Measurement) -> bool:
    return measurement.recipe.seed == 1 and measurement.recipe.network == "resnet"


def just(deviation: float) -> Told:
    """Return a world in which the half interval of the change, 0.01 in one network, is 3 x 2.262 of this deviation."""
    return compared(lambda m: 0.01 if odd_one(m) else -1, deviations=UP * 5 * deviation, together=False)


C5 = [
    ("all augmented networks are lower", compared(lambda m: -0.01), HOLDS),
    ("all are lower by much less than samples deviate", compared(lambda m: -0.01, together=False), HOLDS),
    ("all are higher", compared(lambda m: 0.01), FAILS),
    (
        "one is higher, clearly so because samples deviate together",
        compared(lambda m: 0.01 if odd_one(m) else -1),
        FAILS,
    ),
    (
        "one is higher by less than samples deviate",
        compared(lambda m: 0.01 if odd_one(m) else -1, together=False),
        OPEN,
    ),
    ("one is higher by just less than samples deviate", just(0.00150), OPEN),
    ("one is higher by just more than samples deviate", just(0.00145), FAILS),
    ("one does not change", compared(lambda m: 0 if odd_one(m) else -1), OPEN),
    ("one is higher and nobody knows how samples deviate", compared(lambda m: 0.01, deviations=None), OPEN),
    ("one has a layer without value", compared(lambda m: np.nan if odd_one(m) else -1), OPEN),
]


def stratified(difference: float, *, seed: int = 1, se: float | None = 0.01) -> Told:
    """Return a world in which one layer of some networks differs class by class, the others being higher by 0.1."""

    def told(measurement: Measurement) -> object:
        odd = measurement.recipe.seed == seed and measurement.recipe.dataset == "crops"
        moved = BASE + 0.1 * measurement.stratify
        if odd and measurement.stratify:
            moved[3] = BASE[3] + difference
        return network({NORMALIZED_VARIANCE: [known(each, deviations=UP, se=se) for each in moved]})

    return told


C6 = [
    ("all layers are higher", stratified(0.1), HOLDS),
    ("a layer is the same", stratified(0.0), HOLDS),
    ("a layer is lower within the errors of both", stratified(-0.0315), OPEN),
    ("a layer is lower by more than the errors of both", stratified(-0.0325), FAILS),
    ("a layer is lower and has no error", stratified(-0.5, se=None), OPEN),
    ("a layer has no value", stratified(np.nan), OPEN),
]


def before_and_after(*orders: str, where: Callable[[Measurement], bool] = lambda m: True) -> Callable:
    """Return a world in which the layers of untrained networks have these orders, seed by seed."""

    def profile(measurement: Measurement) -> np.ndarray:
        if measurement.percent == 100 or not where(measurement):
            return BASE
        return swapped(orders[measurement.recipe.seed % len(orders)])

    return profile


C7 = [
    ("training changes nothing", before_and_after("012345"), HOLDS),
    ("all correlations are 0.54", before_and_after("034125"), HOLDS),
    ("all correlations are 0.37", before_and_after("035124"), FAILS),
    ("all are reversed", before_and_after("543210"), FAILS),
    ("the mean is above 0.5 but its interval is not", before_and_after(*["012345"] * 4, "543210"), OPEN),
    ("the mean is below 0.5 but its interval is not", before_and_after("012345", "543210"), OPEN),
    ("one condition is reversed", before_and_after("543210", where=is_scale), FAILS),
    ("one condition is open", before_and_after("012345", "543210", where=is_scale), OPEN),
    ("a layer has no value", lambda m: with_gap(BASE), OPEN),
]

GRID = replace(STUDY, grid_networks=2)


def sized(*at_enough: float, elsewhere: float = 0.5) -> Callable[[Measurement], Row]:
    """Return a world in which values of the seeds are so many times too high at 96, and elsewhere below the largest."""

    def profile(measurement: Measurement) -> np.ndarray:
        count = int(measurement.transforms.split("=")[1])
        if (measurement.samples, count) == (1000, 1000):
            return BASE
        if (measurement.samples, count) == (96, 96):
            return BASE * (1 + at_enough[measurement.recipe.seed])
        return BASE * (1 + elsewhere)

    return profile


C8 = [
    ("96 are enough and others are not", sized(0.05, 0.05), HOLDS),
    ("values are too low", sized(-0.048, -0.048), HOLDS),
    ("96 are not enough and others are", sized(0.06, 0.06, elsewhere=0), FAILS),
    ("96 are enough for one network", sized(0.05, 0.06), OPEN),
    ("a layer has no value", lambda m: with_gap(BASE), OPEN),
    ("a layer is 0 throughout", lambda m: [0, *BASE[1:]], HOLDS),
]


def course(*gaps: Callable[[int], float]) -> Callable[[Measurement], Row]:
    """Return a world in which the distance to the final profile goes as told, seed by seed."""

    def profile(measurement: Measurement) -> np.ndarray:
        place = CHECKPOINTS.index(measurement.percent)
        return BASE + (0 if measurement.percent == 100 else gaps[measurement.recipe.seed % len(gaps)](place))

    return profile


def falling(place: int) -> float:
    return 1 / (place + 1)


def growing(place: int) -> float:
    return place + 1.0


C9 = [
    ("networks come closer to what they end as", course(falling), HOLDS),
    ("they come closer from below", course(lambda place: -falling(place)), HOLDS),
    ("they leave what they end as", course(growing), FAILS),
    ("most come closer", course(falling, falling, falling, falling, growing), OPEN),
    ("most leave", course(growing, growing, growing, growing, falling), OPEN),
    ("a layer has no value", lambda m: with_gap(BASE), OPEN),
]

LAYERS = {"conv": "Conv", "half1": "Max", "half2": "Max", "pooled": "Max", "act": "Elu", "fc": "Gemm"}


def pooled(
    *, before: float | None = 0.5, after: float | None = 0.0, half: float = 0.25, percent: int = 0, **of_a_channel: int
) -> Told:
    """Return a world with layers before and after the pooled one, the last being special at one point of training."""

    def told(measurement: Measurement) -> object:
        odd = measurement.percent == percent
        values = [known(before if odd else 0.5), known(half), known(half), known(0), known(0), known(0)]
        if odd:
            values[-1] = values[-1].model_copy(update={"max": after, **of_a_channel})
        return network({NORMALIZED_VARIANCE: values}, tuple(LAYERS), tuple(LAYERS.values()))

    return told


TI = [
    ("all is 0 from the pooled layer on", pooled(), HOLDS),
    ("the maxima on the way are 0, too", pooled(half=0.0), HOLDS),
    ("one channel of the output is not 0", pooled(after=1e-9), FAILS),
    ("one channel of the output is not 0 after training", pooled(after=1e-9, percent=100), FAILS),
    ("one channel of the output is infinite", pooled(inf=1), FAILS),
    ("one channel of the output is undefined", pooled(nan=1), OPEN),
    ("the output is undefined", pooled(after=None, finite=0, nan=4), OPEN),
    ("a layer before is 0, too", pooled(before=0.0), OPEN),
    ("a layer before is undefined", pooled(before=None), OPEN),
]

CASES = [
    *(profile_case("C1", *each) for each in C1),
    *separation_cases("C2", dataset_of),
    *separation_cases("C3", transforms_of),
    *C4,
    *(Case("C5", *each) for each in C5),
    *(Case("C6", *each) for each in C6),
    *(profile_case("C7", *each) for each in C7),
    *(profile_case("C8", *each, study=GRID) for each in C8),
    *(profile_case("C9", *each) for each in C9),
    *separation_cases("C10", variant_of),
    *(Case("TI", *each) for each in TI),
]
