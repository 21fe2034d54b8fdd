"""The transform sets of the paper, under names of their own."""

from __future__ import annotations

from onnxinv.transforms import register
from onnxinv.transforms.affine import AffineFamily
from onnxinv.transforms.rotation import Rotation
from onnxinv.transforms.scale import Scale
from onnxinv.transforms.transform import Transform, cartesian
from onnxinv.transforms.translation import Translation


@register("paper-rotation")
class PaperRotation(AffineFamily):
    """The 49 rotations of the paper, all around: `rotation:steps=49,degrees=360`.

    Source: Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return the 49 rotations, the identity first."""
        return Rotation(steps=49, degrees=360, fill=self.fill).expand()


@register("paper-scale")
class PaperScale(AffineFamily):
    """The 49 scalings of the paper, half to five quarters: `scale:steps=8,min=0.5,max=1.25`.

    Source: Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return the 49 scalings, the identity first."""
        return Scale(steps=8, min=0.5, max=1.25, fill=self.fill).expand()


@register("paper-translation")
class PaperTranslation(AffineFamily):
    """The 49 translations of the paper, up to 15 % of the size: `translation:steps=6,max=0.15`.

    Source: Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return the 49 translations, the identity first."""
        return Translation(steps=6, max=0.15, fill=self.fill).expand()


@register("paper-affine")
class PaperAffine(AffineFamily):
    """The 504 combined transforms of the paper: 8 rotations, then 7 scalings, then 9 translations.

    The same as `rotation:steps=8,degrees=360`, `scale:steps=1,min=0.5,max=1.25` and `translation:steps=1,max=0.15`
    one after another, the rotation applied first.

    Source: Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return the 504 products, the identity first, the translation varying fastest."""
        return cartesian(
            (
                Rotation(steps=8, degrees=360, fill=self.fill).expand(),
                Scale(steps=1, min=0.5, max=1.25, fill=self.fill).expand(),
                Translation(steps=1, max=0.15, fill=self.fill).expand(),
            )
        )
