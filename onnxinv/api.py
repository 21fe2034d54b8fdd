"""The Python API: what the command line does, as functions."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from onnxinv.activations import observe, samples_at_hand
from onnxinv.align import align
from onnxinv.align_map import how_to_align
from onnxinv.assemble import assemble
from onnxinv.check_config import key_of, limit_of
from onnxinv.checking import measure_run, prepare, report
from onnxinv.checkpoint import FORMAT, Checkpoint, Manifest, read_checkpoint
from onnxinv.cluster import measure_on_cluster
from onnxinv.comparable import check_comparable
from onnxinv.comparing import NO_DIRECTION, Observed, Terms, compare_results
from onnxinv.comparison import Comparison
from onnxinv.config import run_config
from onnxinv.config_file import Configuration, configure
from onnxinv.data import Samples
from onnxinv.data.shared import shared
from onnxinv.desks import Progress
from onnxinv.engine import measure
from onnxinv.errors import DataError, OutputError, UsageError
from onnxinv.findings import CheckReport, Finding
from onnxinv.gallery import take_pictures
from onnxinv.identity import difference, how_to_agree, identity, writable
from onnxinv.model.load import load
from onnxinv.model.weights import ModelWeights
from onnxinv.occupied import occupied
from onnxinv.outline import outlines
from onnxinv.plan import Plan, make_plan
from onnxinv.rehearsal import seconds_per_inference
from onnxinv.result import Result
from onnxinv.variants import Variants

T = TypeVar("T")


def plan(model: str | Path, data: str | Path, transforms: str | Sequence[str], **options: object) -> Plan:
    """Return what `analyze` with the same arguments would do, without doing it."""
    texts = (transforms,) if isinstance(transforms, str) else tuple(transforms)
    decided = make_plan(run_config(model=model, data=str(data), transforms=texts, **options))
    for place, name in enumerate(decided.classes):
        if not any(len(decided.groups[group][place]) for group in decided.own_groups):
            raise UsageError(
                f"Shard {decided.config.shard} would hold no sample of the class '{name}'.",
                "Take fewer shards, or fewer --groups.",
            )
    return decided


def analyze(
    model: str | Path,
    data: str | Path,
    transforms: str | Sequence[str],
    *,
    progress: Progress = lambda done: None,
    **options: object,
) -> Result:
    """Measure the invariance of every layer of a model.

    Models run in this process: a crash inside onnxruntime, which some models bring about, ends it. The command line
    runs them in a process of their own.

    Args:
        model: path of an ONNX file.
        data: a path or specification, as `--data` of the command line: `digits.npz`, `random:n=64`.
        transforms: one specification or several, which make the Cartesian product: `rotation:steps=16,degrees=360`.
        progress: called after each block with its number of variants, of each chunk of layers anew.
        **options: the other fields of `onnxinv.config.RunConfig`: measures, aggregate, samples, seed, groups, layers,
            sample_units, keep_units, stratify, precision, class_output, class_kind, operators, select, channel_axis,
            preprocess, mean, std, scale, resize, layout, device, threads, batch, memory, reduce; and state, a folder
            where groups are kept once they are closed, to go on from there, and shard, `I/N`.

    Returns:
        The result; `result.save(folder)` writes it.

    Raises:
        OnnxinvError: something that was named cannot be used; the message says what, why and what to try.
    """
    return run(plan(model, data, transforms, **options), progress)


def inspect(
    model: str | Path, data: str | Path | None = None, transforms: str | Sequence[str] | None = None, **options: object
) -> Plan:
    """Look at a model without measuring it: the plan says what its layers are, what is skipped, and the memory needed.

    The model runs in this process, as for `analyze`.

    Args:
        model: path of an ONNX file.
        data: as for `analyze`; random numbers where it is not given.
        transforms: as for `analyze`; 16 rotations of images, else the identity, where it is not given.
        **options: as for `analyze`.
    """
    if not transforms:
        image = any(len(info.shape) == 4 for info in load(Path(model)).inputs)
        transforms = "rotation:steps=16" if image else "identity"
    return plan(model, data or "random:n=4", transforms, **options)


def compare(
    models: Sequence[str | Path | Result],
    data: str | Path | None = None,
    transforms: str | Sequence[str] | None = None,
    *,
    align: str | Path = "auto",
    strict_align: bool = False,
    margin: float = Terms.margin,
    rtol: float = Terms.rtol,
    layouts: Sequence[str] = (),
    preprocess: Sequence[str | Path] = (),
    progress: Progress = lambda done: None,
    **options: object,
) -> Comparison:
    """Compare how invariant the first model is with each of the others, layer by layer.

    Args:
        models: at least two ONNX files, which are measured on identical variants; or results, or their folders.
        data: as for `analyze`; only with models.
        transforms: as for `analyze`; only with models.
        align: `auto`, `name`, `scope`, `sequence`, `depth`, or a file `map.toml`; see `onnxinv.align.align`.
        strict_align: whether a pair of layers that is a guess is an error.
        margin: relative difference below which values count as the same.
        rtol: relative difference above which a model is no equivalent export of the first.
        layouts: of the models' images, `NCHW`, `NHWC` or `auto`; one for all, or one for each in their order.
        preprocess: `preprocessor_config.json` files, likewise.
        progress: called after each block with its number of variants, of each chunk of layers anew.
        **options: as for `analyze`.

    Returns:
        The comparison; `comparison.save(folder)` writes it.

    Raises:
        OnnxinvError: as for `analyze`, or models or results that cannot be compared.
    """
    terms = make_terms(align, strict_align=strict_align, margin=margin, rtol=rtol)
    if any(isinstance(each, Result) or Path(each).is_dir() for each in models):
        measuring = data is not None or transforms is not None or bool(layouts or preprocess or options)
        return compare_saved(models, terms, measuring=measuring)
    if data is None or transforms is None:
        raise UsageError("Models are measured first, on data and under transforms.", "Name both.")
    paths = [Path(each) for each in models if not isinstance(each, Result)]
    plans = plan_all(paths, data, transforms, layouts=layouts, preprocess=preprocess, **options)
    check_plans(plans, terms)
    return compare_measured(plans, [run(each, progress) for each in plans], terms)


def check(
    model: str | Path | None = None,
    data: str | Path | None = None,
    transforms: str | Sequence[str] | None = None,
    limits: Sequence[str | Mapping[str, object]] = (),
    *,
    config: str | Path | None = None,
    runs: Sequence[str] = (),
    strict: bool = False,
    progress: Progress = lambda done: None,
    **options: object,
) -> list[Finding]:
    """Hold the invariance of a model against limits.

    Named in full, model, data, transforms and limits need no configuration; else what is named replaces what the
    configuration says.

    Args:
        model: an ONNX file.
        data: as for `analyze`.
        transforms: as for `analyze`.
        limits: each a table as in the configuration, `{"layers": "fc*", "max": 0.35}`, or a text,
            `normalized-variance:layers=fc*,max=0.35`.
        config: the configuration; without it `onnxinv.toml`, or `[tool.onnxinv]` of `pyproject.toml`, of this folder
            or one above.
        runs: names of the runs to take; all without.
        strict: whether `fails` of a finding says so of what is uncertain or only warned of, too.
        progress: called after each block with its number of variants, of each chunk of layers anew.
        **options: as for `analyze`, and `baseline`, `align`, `until_decided`.

    Returns:
        One finding for every bound on every layer that it covers; the check has failed where `fails` is true of any.

    Raises:
        OnnxinvError: as for `analyze`, or a configuration, limit or baseline that means nothing.
    """
    return check_report(
        configured(model, data, transforms, limits, config=config, runs=runs, **options),
        strict=strict,
        progress=progress,
    ).findings


def configured(
    model: str | Path | None,
    data: str | Path | None,
    transforms: str | Sequence[str] | None,
    limits: Sequence[str | Mapping[str, object]],
    *,
    config: str | Path | None = None,
    runs: Sequence[str] = (),
    **options: object,
) -> Configuration:
    """Return what a check is asked to do; see `check`."""
    told = [limit_of(each) if isinstance(each, str) else dict(each) for each in limits]
    stated = {"model": model, "data": data and str(data), "transforms": transforms, "limits": told, **options}
    # What is not stated is left to the configuration.
    keys = {key_of(name): value for name, value in stated.items() if value not in (None, [], (), "")}
    return configure(keys, None if config is None else Path(config), runs)


def check_report(asked: Configuration, *, strict: bool = False, progress: Progress = lambda done: None) -> CheckReport:
    """Measure all runs of a check and hold them against their limits."""
    prepared = prepare(asked)
    return report(asked, prepared, [measure_run(each, progress) for each in prepared], strict=strict)


def compare_saved(models: Sequence[str | Path | Result], terms: Terms, *, measuring: bool = False) -> Comparison:
    """Compare results, each one or its folder.

    Args:
        models: the results.
        terms: how.
        measuring: whether data, transforms or other options of a measurement were named, which is done already.
    """
    if measuring or not all(isinstance(each, Result) or Path(each).is_dir() for each in models):
        raise UsageError(
            "Results are compared as they are, without models, data, transforms or options of a measurement.",
            "Measure the model with analyze first and name its folder, or name models only.",
        )
    return compare_results([each if isinstance(each, Result) else Result.load(Path(each)) for each in models], terms)


def plan_all(
    models: Sequence[Path],
    data: str | Path,
    transforms: str | Sequence[str],
    *,
    layouts: Sequence[str] = (),
    preprocess: Sequence[str | Path] = (),
    **options: object,
) -> list[Plan]:
    """Return a plan for each of several models; they share the samples, and what transforms make of them."""
    if len(models) < 2:
        raise UsageError("There is one model to compare with nothing.", "Name two models, or two result folders.")
    if options.get("precision") is not None:
        raise UsageError("With a precision, models might end after different samples.", "Compare without one.")
    if kept := {"state", "shard", "dask"} & {name for name, value in options.items() if value is not None}:
        raise UsageError(
            f"Models are compared as a whole, and '{min(kept)}' is about a part.", "Analyze each, then compare results."
        )
    if "layout" in options:
        raise UsageError("Models may differ in layout.", "Write layouts=['NCHW'], once for all or once for each.")
    texts = (transforms,) if isinstance(transforms, str) else tuple(transforms)
    stated = _one_each("layout", [None if each == "auto" else each for each in layouts], len(models))
    files = _one_each("preprocess", list(preprocess), len(models))
    plans: list[Plan] = []
    source: Samples | None = None
    made = Variants()
    for model, layout, file in zip(models, stated, files, strict=True):
        config = run_config(
            model=model, data=str(data), transforms=texts, layout=layout, preprocess=file or None, **options
        )
        try:
            plans.append(make_plan(config, source, made))
        except (DataError, UsageError) as error:
            if not plans:
                raise
            what = f"'{model}' cannot be measured as '{models[0]}' can: {error.message}"
            raise type(error)(what, error.hint) from error
        first = plans[0].feeds
        source = source or shared(first.samples, first.inputs, first.layout)
    made.limit = min(each.layout.memory.budget - each.layout.memory.peak for each in plans) // 2
    return plans


def check_plans(plans: Sequence[Plan], terms: Terms) -> None:
    """Make sure, before the work, that models can be compared by their plans.

    Raises:
        UsageError: a map pairs a layer that does not exist, or no measure says what is more invariant.
    """
    of_layers = [each for each in plans[0].measures if each.scope != "output"]
    if all(direction == "neither" for each in of_layers for direction in each.direction_by_key().values()):
        raise UsageError(NO_DIRECTION, "Measure normalized-variance too.")
    if terms.stated is None:
        return
    first, *others = (outlines(each.layers) for each in plans)
    for other in others:
        align(first, other, "name", terms.stated)


def compare_measured(plans: Sequence[Plan], results: Sequence[Result], terms: Terms) -> Comparison:
    """Compare models that have been measured; their plans say how to look at them once more."""
    check_comparable(results)
    samples = samples_at_hand(plans)
    return compare_results(results, terms, [_observe(each, samples) for each in plans])


def _observe(plan: Plan, samples: npt.NDArray[np.int64]) -> Observed:
    weights, names = ModelWeights(plan.model), [layer.name for layer in plan.layers]
    return Observed(observe(plan, samples), weights.upstream(names), weights.own(names))


def make_terms(align: str | Path, *, strict_align: bool, margin: float, rtol: float) -> Terms:
    """Return the terms of a comparison; see `compare`.

    Raises:
        UsageError: there is no such way to align, the file is no map, or a number is no tolerance.
    """
    for name, value in (("margin", margin), ("rtol", rtol)):
        if not 0 <= value < 1:
            raise UsageError(f"The {name} {value:g} is not a relative difference from 0 to below 1.")
    mode, stated = how_to_align(str(align))
    return Terms(mode, stated, strict_align, margin, rtol)


def _one_each(option: str, values: Sequence[T | None], count: int) -> list[T | None]:
    """Return one value for each model: those given in their order, or the one for all."""
    if len(values) not in (0, 1, count):
        raise UsageError(
            f"--{option} is given {len(values)} times for {count} models.", "Give it once, or once for each model."
        )
    return [None] * count if not values else [*values] * count if len(values) == 1 else [*values]


def run(decided: Plan, progress: Progress = lambda done: None) -> Result:
    """Carry out a plan.

    Raises:
        OnnxinvError: as `analyze`; or the plan's folder of states holds those of another measurement, or another
            process works there.
    """
    with contextlib.ExitStack() as stack:
        if decided.config.state is not None:
            stack.enter_context(occupied(decided.config.state))
        checkpoint = checkpoint_of(decided)
        if decided.config.dask is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onnxinv-")))
            checkpoint = checkpoint or Checkpoint(folder, manifest_of(decided))
            told = measure_on_cluster(decided, decided.config.dask, checkpoint, progress)
            decided = replace(decided, notices=(*decided.notices, *told))
        # What is measured on a cluster has been told of there.
        tell = progress if decided.config.dask is None else lambda done: None
        measured = measure(decided, tell, checkpoint=checkpoint)
    return assemble(decided, measured, take_pictures(decided, measured, progress))


def checkpoint_of(decided: Plan) -> Checkpoint | None:
    """Return where a plan keeps what is closed, with what is there of the same measurement already.

    Raises:
        OutputError: the folder holds states of another measurement, or what cannot be read.
    """
    if decided.config.state is None:
        return None
    told = identity(decided)
    found = read_checkpoint(decided.config.state)
    differs = difference(found.manifest.identity, told) if found else ""
    shard = decided.config.shard or "1/1"
    if found and not differs and found.manifest.shard != shard:
        differs = f"shard ({found.manifest.shard} there, {shard} here)"
    if differs:
        raise OutputError(
            f"The states in '{decided.config.state}' are of another measurement; what differs is: {differs}.",
            how_to_agree(differs) or "Measure as before, or take another folder, or --overwrite without --resume.",
        )
    return found or Checkpoint(decided.config.state, manifest_of(decided))


def manifest_of(decided: Plan) -> Manifest:
    """Return what a folder of states says of a plan before it holds any."""
    return Manifest(
        format=FORMAT,
        identity=identity(decided),
        shard=decided.config.shard or "1/1",
        groups=len(decided.groups),
        places=max(len(decided.classes), 1),
        notices=tuple(map(writable, decided.notices)),
    )


def foretell(decided: Plan) -> float:
    """Return the seconds that an inference of a plan takes on this machine, with its statistics; see `rehearsal`."""
    return seconds_per_inference(decided)
