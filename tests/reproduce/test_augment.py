"""Networks are augmented with the transforms that onnxinv measures them with."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch, of the group tools, is not installed")

from onnxinv.transforms import expand  # noqa: E402 - nothing of this is read where there is no torch
from tools.reproduce.augment import Augmentation  # noqa: E402 - it imports torch

SETS = ["rotation:steps=25", "scale:steps=4", "translation:steps=3"]


@pytest.mark.parametrize("spec", SETS)
@pytest.mark.parametrize("side", [8, 13])
def test_augmentation_is_what_onnxinv_measures_with(spec, side):
    image = np.random.default_rng(side).random((3, side, side), np.float32)
    transforms = expand((spec,))
    copies = torch.from_numpy(np.stack([image] * len(transforms)))
    found = Augmentation(spec, side).applied(copies, torch.arange(len(transforms))).numpy()
    expected = np.stack([np.moveaxis(each(np.moveaxis(image, 0, 2)), 2, 0) for each in transforms])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_every_image_gets_a_member_drawn_for_it_and_the_same_one_every_time():
    images = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    augmentation = Augmentation("rotation:steps=4", 8)
    once, again, other = (augmentation(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    turned = torch.stack([torch.rot90(images, turns, (2, 3)) for turns in range(4)])
    which = (turned - once).abs().amax(dim=(2, 3, 4)).argmin(dim=0)
    assert torch.bincount(which, minlength=4).min() > 20
    torch.testing.assert_close(once, turned[which, torch.arange(200)], atol=1e-5, rtol=0)


@pytest.mark.parametrize("spec", ["blur", "brightness"])
def test_what_is_no_map_of_pixels_is_refused(spec):
    with pytest.raises(ValueError, match="is not affine"):
        Augmentation(spec, 8)
