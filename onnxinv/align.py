"""Which layer of one model corresponds to which layer of another, with method and cost for every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnxinv.alignment import MODES, Alignment, Evidence, Mode
from onnxinv.errors import UsageError
from onnxinv.matcher import Matcher
from onnxinv.outline import Outline
from onnxinv.spec import did_you_mean

__all__ = ["MODES", "Mode", "align"]


def align(
    a: Sequence[Outline],
    b: Sequence[Outline],
    mode: Mode = "auto",
    stated: Mapping[str, str] | None = None,
    evidence: Evidence | None = None,
) -> Alignment:
    """Find the corresponding layers of two models.

    With `auto` come, one after another: what is stated; layers whose activations are the same up to the order of units;
    operators of the same weights, and what directly follows them; equal tensor names; equal labels; and for the rest,
    between those, the cheapest alignment of the two sequences by operator class, channels, extent, depth and words of
    the label, where layers of classes that do different work never pair. Where activations are at hand, a pair of the
    last kind must be confirmed by linear CKA.

    A number in a name proves nothing where exporters count: names that are like each other but for their numbers, or
    for having one, count as equal names only if both models have the same of them. Otherwise they make a pair cheaper,
    and it stays a guess; but not where the channels are the same in another order, which shows that the numbers mean
    something else. Numbers that change places count for nothing either where the layers are more alike, by CKA, in the
    order of the models.

    Args:
        a: layers of the first, in topological order.
        b: layers of the second.
        mode: `name` and `scope` stop after names or labels; `sequence` and `depth` use no name as proof; `depth` pairs
            layers of one class by their relative depth alone.
        stated: pairs of layers that are known, each by tensor name or label.
        evidence: what activations say.

    Raises:
        UsageError: a stated layer is in neither model, is ambiguous, or is stated twice.
    """
    matcher = Matcher(tuple(a), tuple(b), evidence)
    matcher.add_all(_stated(a, b, stated or {}), "map")
    if mode == "auto" and evidence is not None:
        matcher.add_equal(evidence.same)
        matcher.add_equal(evidence.same, across=True)
        if evidence.weights is not None:
            matcher.add_equal(evidence.weights)
            matcher.add_followers(evidence.weights)
    if mode in ("auto", "name", "scope"):
        matcher.add_named("name")
    if mode in ("auto", "scope"):
        matcher.add_named("scope")
        matcher.add_named("scope", in_kind=True)
    if mode in ("auto", "sequence"):
        matcher.add_sequence()
    if mode == "depth":
        matcher.add_depth()
    return matcher.alignment()


def _stated(a: Sequence[Outline], b: Sequence[Outline], stated: Mapping[str, str]) -> list[tuple[int, int]]:
    found: dict[int, int] = {}
    for one, other in stated.items():
        place, partner = _find(a, one, "first"), _find(b, other, "second")
        for text, known in ((one, place in found), (other, partner in found.values())):
            if known:
                raise UsageError(f"The map names the layer '{text}' twice.", "A layer corresponds to one other.")
        found[place] = partner
    return list(found.items())


def _find(layers: Sequence[Outline], text: str, which: str) -> int:
    for names in ([each.name for each in layers], [each.label for each in layers]):
        places = [place for place, name in enumerate(names) if name == text]
        if len(places) > 1:
            raise UsageError(
                f"The map names the layer '{text}', and the {which} model has {len(places)} of that label.",
                "Name the tensor instead; inspect and result.json list them.",
            )
        if places:
            return places[0]
    known = [text for each in layers for text in (each.label, each.name)]
    raise UsageError(
        f"The map names the layer '{text}', which the {which} model does not have.", did_you_mean(text, known)
    )
