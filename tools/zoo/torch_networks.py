"""The zoo's networks in PyTorch: the well-known architectures, narrow, with random weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10


def settle(network: nn.Module, seed: int) -> nn.Module:
    """Give batch normalisations the statistics of a trained network, and return the network ready for inference.

    Fresh statistics (mean 0, variance 1) would leave nothing for an exporter to fold or to get wrong.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            count = module.num_features
            module.running_mean = torch.randn(count, generator=generator) * 0.2
            module.running_var = torch.rand(count, generator=generator) + 0.5
            module.weight.data = torch.rand(count, generator=generator) + 0.5
            module.bias.data = torch.randn(count, generator=generator) * 0.2
    return network.eval()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, named as in torchvision."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample: nn.Module | None = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inside, height, width) to (batch, outside, height / stride, width / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return cast("Tensor", self.relu(self.bn2(self.conv2(y)) + shortcut))


class ResNet18(nn.Module):
    """ResNet18 for images of 3 channels; `width` channels in the first layer, 64 in the original."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = self._layer(width, width, 1)
        self.layer2 = self._layer(width, 2 * width, 2)
        self.layer3 = self._layer(2 * width, 4 * width, 2)
        self.layer4 = self._layer(4 * width, 8 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, CLASSES)

    def _layer(self, inside: int, outside: int, stride: int) -> nn.Sequential:
        return nn.Sequential(BasicBlock(inside, outside, stride), BasicBlock(outside, outside, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 3, height, width) to logits (batch, classes)."""
        y = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return cast("Tensor", self.fc(torch.flatten(self.avgpool(y), 1)))


class InvertedResidual(nn.Module):
    """The block of MobileNetV2: expand, one filter a channel, project; a shortcut where the shape is kept."""

    def __init__(self, inside: int, outside: int, stride: int, expand: int = 4) -> None:
        super().__init__()
        hidden = inside * expand
        self.expand = nn.Sequential(nn.Conv2d(inside, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6())
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, stride, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
        )
        self.project = nn.Sequential(nn.Conv2d(hidden, outside, 1, bias=False), nn.BatchNorm2d(outside))
        self.keeps_shape = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inside, height, width) to (batch, outside, height / stride, width / stride)."""
        y = cast("Tensor", self.project(self.depthwise(self.expand(x))))
        return x + y if self.keeps_shape else y


class MobileNet(nn.Module):
    """A short MobileNetV2 for images of 3 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.blocks = nn.Sequential(InvertedResidual(8, 8, 1), InvertedResidual(8, 12, 2), InvertedResidual(12, 12, 1))
        self.head = nn.Conv2d(12, 24, 1)
        self.classifier = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 3, height, width) to logits (batch, classes)."""
        y = functional.relu6(self.head(self.blocks(self.stem(x))))
        return cast("Tensor", self.classifier(y.mean((2, 3))))


def _double(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(), nn.Conv2d(outside, outside, 3, padding=1), nn.ReLU()
    )


class UNet(nn.Module):
    """A U-Net of two levels for grey images, with a mask head and an edge head."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.down1 = _double(1, width)
        self.down2 = _double(width, 2 * width)
        self.bottom = _double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.join2 = _double(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.join1 = _double(2 * width, width)
        self.mask = nn.Conv2d(width, 3, 1)
        self.edge = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, 1, height, width) to mask logits (batch, 3, ...) and edge probabilities (batch, 1, ...)."""
        one = self.down1(x)
        two = self.down2(functional.max_pool2d(one, 2))
        three = self.bottom(functional.max_pool2d(two, 2))
        two = self.join2(torch.cat([self.up2(three), two], 1))
        one = self.join1(torch.cat([self.up1(two), one], 1))
        return self.mask(one), torch.sigmoid(self.edge(one))


class Encoder(nn.Module):
    """A transformer block with normalisation in front. Attention inside is (tokens, batch, features)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return cast("Tensor", x + self.mlp(self.norm2(x)))


class VisionTransformer(nn.Module):
    """A vision transformer of two blocks, for 3-channel images of 16 pixels."""

    def __init__(self, width: int = 24, heads: int = 3, patch: int = 4, side: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(Encoder(width, heads), Encoder(width, heads))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 3, 16, 16) to logits (batch, classes)."""
        y = self.patches(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(x.shape[0], -1, -1), y], 1) + self.position
        return cast("Tensor", self.head(self.norm(self.blocks(y))[:, 0]))


class Lstm(nn.Module):
    """A bidirectional LSTM of two layers and a dense layer on its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, 5) to logits (batch, 4)."""
        return cast("Tensor", self.fc(self.lstm(x)[0][:, -1]))


class Gru(nn.Module):
    """A GRU, and a dense layer on every step."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 7, batch_first=True)
        self.fc = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, 5) to (batch, steps, 3)."""
        return cast("Tensor", self.fc(torch.tanh(self.gru(x)[0])))


class ConvNet1d(nn.Module):
    """Convolutions along time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(2, 6, 5, padding=2)
        self.bn1 = nn.BatchNorm1d(6)
        self.pool1 = nn.MaxPool1d(2)
        self.conv2 = nn.Conv1d(6, 10, 5, padding=2)
        self.fc = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 2, steps) to logits (batch, 4)."""
        y = self.pool1(torch.relu(self.bn1(self.conv1(x))))
        return cast("Tensor", self.fc(torch.relu(self.conv2(y)).mean(2)))


class ConvNet3d(nn.Module):
    """Convolutions in a volume."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, 5, 3, padding=1)
        self.pool1 = nn.MaxPool3d(2)
        self.conv2 = nn.Conv3d(5, 7, 3, padding=1)
        self.bn2 = nn.BatchNorm3d(7)
        self.pool2 = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, depth, height, width) to logits (batch, 4)."""
        y = self.pool1(functional.elu(self.conv1(x)))
        y = self.pool2(functional.elu(self.bn2(self.conv2(y))))
        return cast("Tensor", self.fc(torch.flatten(y, 1)))
