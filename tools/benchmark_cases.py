"""What is benchmarked: networks, each with seeded images that can sensibly be rotated, and the shipped digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from networks import write
from smooth_images import smooth_images

from onnxinv.demo import digits, model


@dataclass(frozen=True)
class Case:
    """A network on some samples under a transform set.

    Attributes:
        title: the network and the size of its images.
        samples: how many.
        transform: specification, as `--transform` of the command line.
        side: height and width of the images that are made for it; None for the shipped network and digits.
    """

    title: str
    samples: int
    transform: str
    side: int | None


CASES = {
    "resnet18": Case("ResNet18 64x64", 512, "rotation:steps=16", 64),
    "vgg16": Case("VGG16 32x32", 512, "rotation:steps=16", 32),
    "mobilenet": Case("MobileNetV2 224x224", 64, "rotation:steps=16", 224),
    "shipped": Case("Shipped SimpleConv 28x28", 1000, "paper-rotation", None),
}


def files(name: str, samples: int, folder: Path) -> tuple[Path, Path]:
    """Return the model of a case, and just so many samples; what is not shipped is written into the folder."""
    side = CASES[name].side
    network = folder / f"{name}.onnx"
    data = folder / f"{name}-{samples}.npz"
    if side is None:
        if not data.exists():
            shipped = np.load(digits())
            # Beyond the shipped ones they are repeated: the time does not depend on what they show.
            np.savez(data, **{key: shipped[key][np.arange(samples) % len(shipped[key])] for key in shipped.files})
        return model("rotated"), data
    if not network.exists():
        write(name, folder)
    if not data.exists():
        np.savez(data, x=smooth_images(samples, side, seed=0))
    return network, data
