"""Which layer of the baseline each layer of a model corresponds to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onnxinv.align import align
from onnxinv.align_map import how_to_align
from onnxinv.baseline import UPDATE, RecordedLayer, RecordedRun
from onnxinv.errors import UsageError
from onnxinv.outline import Described, outlines
from onnxinv.result import Result


@dataclass(frozen=True)
class Counterpart:
    """A layer of the baseline.

    Attributes:
        layer: what was recorded of it.
        renamed: its label and how it was found, where it is called otherwise; else empty.
    """

    layer: RecordedLayer
    renamed: str


@dataclass(frozen=True)
class Counterparts:
    """A run of the baseline, matched with a model.

    Attributes:
        path: of the file.
        run: what was recorded.
        layers: the counterpart of each layer that has one, by its tensor name.
        renamed: label of each layer that is called otherwise in the baseline, with what it is called there.
        lost: labels of the baseline's layers that the model does not have.
    """

    path: Path
    run: RecordedRun
    layers: Mapping[str, Counterpart]
    renamed: Mapping[str, str]
    lost: Sequence[str]

    def is_paired(self, result: Result) -> bool:
        """Whether every group held the same samples, so that differences can be taken group by group."""
        return self.run.data.is_of(result)

    def at(self, result: Result) -> Counterparts:
        """Return what was known of the baseline after as many groups as a result has, if these held the same samples.

        Else itself.
        """
        look = next((each for each in self.run.looks if each.data.is_of(result)), None)
        if look is None:
            return self
        run = self.run.model_copy(update={"data": look.data, "outputs": look.outputs})
        layers = {
            name: replace(each, layer=each.layer.model_copy(update={"values": look.layers.get(each.layer.name, {})}))
            for name, each in self.layers.items()
        }
        return replace(self, run=run, layers=layers)


def match(path: Path, run: RecordedRun, layers: Sequence[Described], how: str) -> Counterparts:
    """Match the layers of a baseline with those of a model.

    Args:
        path: of the baseline.
        run: what it holds.
        layers: of the model, in topological order.
        how: a mode of `align`, or a file `map.toml` from the baseline's layers to the model's.

    Raises:
        UsageError: the two have so little in common that the baseline is another model's; or there is no such mode, or
            no such map.
    """
    mode, stated = how_to_align(how)
    found = align(outlines(run.layers), outlines(layers), mode, stated)
    if 2 * len(found.pairs) < min(len(run.layers), len(layers)):
        raise UsageError(
            f"The baseline '{path}' is of another model, '{run.model.path}': {len(found.pairs)} of its "
            f"{len(run.layers)} layers correspond to layers of this one.",
            f"{UPDATE.removesuffix('.')}, or name the pairs in a map with the key align.",
        )
    guesses = set(found.guesses)
    counterparts, renamed = {}, {}
    for pair in found.pairs:
        layer, recorded = layers[pair.b], run.layers[pair.a]
        apart = recorded.label != layer.label and recorded.name != layer.name
        told = f"{recorded.label} (matched by {pair.method}{', a guess' * (pair in guesses)})" if apart else ""
        counterparts[layer.name] = Counterpart(recorded, told)
        if apart:
            renamed[layer.label] = told
    return Counterparts(path, run, counterparts, renamed, [run.layers[place].label for place in found.unmatched_a])
