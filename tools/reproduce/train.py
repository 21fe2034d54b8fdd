"""Trains a network by its recipe and exports it at checkpoints."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.reproduce.augment import Augmentation
from tools.reproduce.export import export
from tools.reproduce.images import Dataset, Images
from tools.reproduce.networks import NETWORKS, Shape
from tools.reproduce.recipe import CHECKPOINTS, Recipe, checkpoint

BATCH = 64
LEARNING_RATE = 3e-3


def train(recipe: Recipe, dataset: Dataset, folder: Path) -> None:
    """Train with Adam and a cosine schedule to zero; write a model for each checkpoint, and `training.json`.

    Args:
        recipe: what to train.
        dataset: its images; no held-out one is looked at before the training has ended.
        folder: exists; where to write.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    shape = shape_of(recipe, dataset)
    network = NETWORKS[recipe.network](shape, **recipe.options).to(device, memory_format=torch.channels_last)
    augmentation = Augmentation(recipe.augment, shape.side) if recipe.augment else None
    # Streams of their own, so that drawing transforms does not change the order in which the images come.
    order = torch.Generator().manual_seed(recipe.seed + 1)
    draws = torch.Generator().manual_seed(recipe.seed + 2)
    images, labels = pixels(dataset.train), torch.from_numpy(dataset.train.y)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = recipe.epochs * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    due = {math.ceil(percent * steps / 100): checkpoint(percent) for percent in CHECKPOINTS}
    export(network, shape, folder / due[0])
    started, done, losses = time.perf_counter(), 0, []
    for _ in range(recipe.epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(images), generator=order), BATCH):
            batch = images[rows]
            if augmentation:
                batch = augmentation(batch, draws)
            loss = functional.cross_entropy(network(batch.to(device)), labels[rows].to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(rows)
            done += 1
            if done in due:
                export(network, shape, folder / due[done])
        losses.append(total / len(images))
    told = {
        "losses": losses,
        "seconds": time.perf_counter() - started,
        "accuracy": accuracy(network, dataset.test, None, device),
        "accuracy_augmented": accuracy(network, dataset.test, augmentation, device),
        "parameters": sum(each.numel() for each in network.parameters()),
    }
    (folder / "training.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def shape_of(recipe: Recipe, dataset: Dataset) -> Shape:
    """Return the sizes of a recipe's network."""
    x = dataset.train.x
    classes = int(dataset.train.y.max()) + 1
    mean, deviation = float(x.mean() / 255), float(x.std() / 255)
    return Shape(x.shape[1], x.shape[3], classes, recipe.channels, recipe.hidden, mean, deviation)


def pixels(images: Images) -> Tensor:
    """Return images as float32 (count, colours, side, side) in 0..1."""
    # In memory the colours come last, in which order small convolutions are a third faster on a CPU.
    return torch.from_numpy(images.x).permute(0, 3, 1, 2).float().div(255)


def accuracy(network: nn.Module, images: Images, augmentation: Augmentation | None, device: torch.device) -> float:
    """Return the share of images that are put into their class, each under a transform drawn for it if there is one."""
    training = network.training
    network.eval()
    draws, right = torch.Generator().manual_seed(0), 0
    with torch.no_grad():
        for x, y in zip(torch.split(pixels(images), 250), torch.split(torch.from_numpy(images.y), 250), strict=True):
            shown = augmentation(x, draws) if augmentation else x
            right += int((network(shown.to(device)).argmax(1).cpu() == y).sum())
    network.train(training)
    return right / len(images.y)
