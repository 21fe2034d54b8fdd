"""How one network is trained: data, architecture, augmentation, length and seed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

VERSION = 1
"""Counts changes to the training that make networks trained before it another experiment."""

LONGEST = 30
"""Characters of a part of a folder's name; two parts that are cut alike differ in the digest behind them."""

CHECKPOINTS = (0, 1, 3, 10, 30, 100)
"""When a network is exported, in per cent of its training."""


@dataclass(frozen=True)
class Recipe:
    """One training.

    Attributes:
        dataset: a name of `datasets`.
        network: a name of `networks`.
        variant: options of the network that differ from its defaults, each `key=value`, sorted.
        augment: transform set in onnxinv's grammar, of which every image in every epoch gets a random member; or none.
        channels: width of the network, the paper's c.
        hidden: units of the hidden fully connected layer.
        epochs: passes over the training images.
        seed: of weights, order and augmentation.
    """

    dataset: str
    network: str
    variant: tuple[str, ...]
    augment: str | None
    channels: int
    hidden: int
    epochs: int
    seed: int

    @property
    def key(self) -> str:
        """Name of the folder: readable, and different for everything that differs."""
        told = json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)
        augment = readable(self.augment) if self.augment else "plain"
        parts = [self.dataset, self.network, *map(readable, self.variant), augment, f"s{self.seed}"]
        return "-".join(parts) + "-" + hashlib.sha256(told.encode()).hexdigest()[:8]

    @property
    def options(self) -> dict[str, str]:
        """The variant as keyword arguments of the network."""
        return dict(each.split("=", 1) for each in self.variant)


def checkpoint(percent: int) -> str:
    """Return the name of the file that a network is exported to at a point of its training."""
    return f"at-{percent:03d}.onnx"


def readable(text: str) -> str:
    """Return what a folder calls a transform set or an option: its name without parameters, as a short file name."""
    return re.sub(r"[^A-Za-z0-9._=]+", "-", text.split(":", maxsplit=1)[0]).strip(".-")[-LONGEST:]
