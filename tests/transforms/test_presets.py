"""The sets of the paper."""

from __future__ import annotations

import pytest

from onnxinv.transforms import expand


@pytest.mark.parametrize(
    ("preset", "specs", "count"),
    [
        pytest.param("paper-rotation", ["rotation:steps=49,degrees=360"], 49, id="rotation"),
        pytest.param("paper-scale", ["scale:steps=8,min=0.5,max=1.25"], 49, id="scale"),
        pytest.param("paper-translation", ["translation:steps=6,max=0.15"], 49, id="translation"),
        pytest.param(
            "paper-affine",
            ["rotation:steps=8,degrees=360", "scale:steps=1,min=0.5,max=1.25", "translation:steps=1,max=0.15"],
            504,
            id="affine",
        ),
    ],
)
def test_a_preset_is_the_set_it_says(preset: str, specs: list[str], count: int) -> None:
    transforms = expand([preset])
    assert transforms == expand(specs)
    assert len(transforms) == count
    assert [t.is_identity for t in transforms] == [True] + [False] * (count - 1)


@pytest.mark.parametrize("preset", ["paper-rotation", "paper-scale", "paper-translation", "paper-affine"])
def test_a_preset_hands_its_fill_on(preset: str) -> None:
    fills = {step.fill for t in expand([f"{preset}:fill=edge"]) for step in t.steps}
    assert fills == {"edge"}


def test_every_product_of_the_affine_preset_is_one_warp() -> None:
    assert {len(transform.steps) for transform in expand(["paper-affine"])[1:]} == {1}
