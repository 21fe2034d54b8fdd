"""Axes to draw on, and names beside them that are shown as they are, whatever characters a model puts into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from onnxinv.extras import from_extra
from onnxinv.reports.printable import printable, shorten

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_MOST_NAMES = 40
"""Names that stand below an axis; of more every second, third or so on."""

_LONGEST = 28

_PLACES: dict[str, dict[str, Any]] = {
    "inside": {"loc": "best", "framealpha": 0.8},
    "beside": {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)},
    "above": {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 2, "frameon": False},
}

_AS_IT_IS: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Keeps a dollar sign in a name from beginning a formula."""


def axes(ax: Axes | None, columns: int = 0) -> Axes:
    """Return the axes given, or those of a new figure.

    Args:
        ax: axes to draw on, or None.
        columns: how many columns a new figure must have room for.

    Raises:
        OnnxinvError: matplotlib is not installed.
    """
    with from_extra("plot", "A figure"):
        from matplotlib import pyplot as plt
    if ax is not None:
        return ax
    width = min(max(7.0, 2.5 + 0.28 * columns), 16.0)
    return plt.subplots(figsize=(width, 4.4), layout="constrained")[1]


def name_columns(ax: Axes, names: Sequence[str]) -> None:
    """Write names below the columns 0, 1, ... of the axes, slanted; of many only some."""
    places = range(0, len(names), max(1, -(-len(names) // _MOST_NAMES)))
    shown = [shorten(printable(names[place]), _LONGEST) for place in places]
    ax.set_xticks(list(places), shown, rotation=45, ha="right", rotation_mode="anchor", **_AS_IT_IS)


def title(ax: Axes, x: str, y: str) -> None:
    """Say what both axes show."""
    ax.set_xlabel(printable(x, 60), **_AS_IT_IS)
    ax.set_ylabel(printable(y, 60), **_AS_IT_IS)


def legend(
    ax: Axes, drawn: Sequence[Artist], names: Sequence[str], where: Literal["inside", "beside", "above"] = "inside"
) -> None:
    """Say what is drawn: inside the axes where least is hidden, or outside of them."""
    # A name that begins with an underscore would be left out, so it comes in only when the legend is there.
    numbers = [str(place) for place in range(len(names))]
    made = ax.legend(handles=list(drawn), labels=numbers, **_PLACES[where])
    for text, name in zip(made.get_texts(), names, strict=True):
        text.update(_AS_IT_IS)
        text.set_text(shorten(printable(name), _LONGEST))
