"""How large the experiments are: small for two cores and minutes, full for the paper's scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tools.reproduce.datasets import Folders
from tools.reproduce.measurement import NORMALIZED_VARIANCE, Measurement
from tools.reproduce.recipe import Recipe


@dataclass(frozen=True)
class Study:
    """Sizes of all experiments.

    Attributes:
        name: `small` or `full`.
        first_seed: of the seed set; a second set begins elsewhere.
        replicates: networks of each condition, which differ in their seed alone.
        variants: the same for each variant of the architecture.
        channels: the paper's c, by dataset.
        hidden: units of the hidden fully connected layer, by dataset.
        epochs: passes over the training images, by dataset.
        samples: held-out images that networks are measured on.
        transforms: the transform sets, by what they are called in figures.
        digits: the dataset most experiments are on.
        others: the datasets it is compared with.
        grid: numbers of samples and of rotations whose values are compared with those of the largest.
        grid_dataset: the dataset of the networks that are measured on all of the grid.
        grid_networks: how many there are of them; they are those of the first seeds.
    """

    name: str
    first_seed: int
    replicates: int
    variants: int
    channels: dict[str, int]
    hidden: int
    epochs: dict[str, int]
    samples: int
    transforms: dict[str, str]
    digits: str
    others: tuple[str, ...]
    grid: tuple[int, ...]
    grid_dataset: str
    grid_networks: int

    @property
    def seeds(self) -> range:
        """Seeds of the networks of one condition."""
        return range(self.first_seed, self.first_seed + self.replicates)

    @property
    def variant_seeds(self) -> range:
        """Seeds of the networks of one variant, the first of `seeds`."""
        return range(self.first_seed, self.first_seed + self.variants)

    @property
    def datasets(self) -> tuple[str, ...]:
        """All datasets."""
        return (self.digits, *self.others)

    def recipe(
        self, dataset: str, augment: str | None, seed: int, *variant: str, network: str = "simple-conv"
    ) -> Recipe:
        """Return how a network is trained: as every other of the study but for what is named.

        Args:
            dataset: its images.
            augment: a name of `transforms`, or None.
            seed: of everything that is random.
            *variant: options of the network, each `key=value`.
            network: the architecture.
        """
        spec = self.transforms[augment] if augment else None
        told = tuple(sorted(variant))
        channels, epochs = self.channels[dataset], self.epochs[dataset]
        return Recipe(dataset, network, told, spec, channels, self.hidden, epochs, seed)

    def measured(
        self,
        recipe: Recipe,
        transforms: str,
        *,
        measures: tuple[str, ...] = (NORMALIZED_VARIANCE,),
        percent: int = 100,
        stratify: bool = False,
    ) -> Measurement:
        """Return the measurement of a network under a set named in `transforms`."""
        return Measurement(recipe, self.transforms[transforms], self.samples, measures, percent, stratify)


def small(first_seed: int, folders: Folders) -> Study:
    """Return the study that two cores finish in minutes, on what can be had offline.

    Where the paper's datasets are given they are taken, each once; they are larger, and so take longer.
    """
    digits, colour = folders.digits, folders.colour
    return Study(
        name="small",
        first_seed=first_seed,
        replicates=8,
        variants=4,
        channels={digits: 8, "digits8": 8, colour: 8},
        hidden=32,
        epochs={digits: 1 if folders.mnist else 4, "digits8": 16, colour: 1 if folders.cifar10 else 4},
        samples=200,
        transforms={"rotation": "rotation:steps=25", "scale": "scale:steps=4", "translation": "translation:steps=3"},
        digits=digits,
        others=("digits8", colour),
        grid=(24, 48, 96, 384, 1000),
        grid_dataset="digits8",
        grid_networks=1,
    )


def full(first_seed: int, folders: Folders) -> Study:
    """Return the study at the paper's scale, on MNIST and CIFAR10 where they are given."""
    digits, colour = folders.digits, folders.colour
    return replace(
        small(first_seed, folders),
        name="full",
        replicates=16,
        variants=8,
        channels={digits: 32, "digits8": 32, colour: 128},
        hidden=64,
        epochs={digits: 12 if folders.mnist else 60, "digits8": 120, colour: 40 if folders.cifar10 else 80},
        samples=1000,
        transforms={"rotation": "paper-rotation", "scale": "paper-scale", "translation": "paper-translation"},
        digits=digits,
        others=("digits8", colour),
        grid_dataset=digits,
        grid_networks=4,
    )
