"""The command `init`: measures a model and writes a configuration with limits that it keeps to."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from onnxinv.commands import measuring
from onnxinv.errors import OutputError, UsageError
from onnxinv.options import (
    AggregateOption,
    Batch,
    ChannelAxis,
    ClassOutput,
    ConfiguredModel,
    Data,
    Device,
    Groups,
    Layers,
    LayoutOption,
    Logits,
    Mean,
    Measures,
    Memory,
    Operators,
    OverwriteConfig,
    PreprocessFile,
    Quiet,
    ReduceOption,
    Resize,
    Samples,
    Scale,
    SchemaFlag,
    Seed,
    Select,
    SetInputs,
    Shapes,
    Std,
    Stratify,
    Threads,
    Transforms,
    WrittenConfig,
    parse_axes,
    parse_kind,
    parse_numbers,
    parse_size,
    parse_words,
)
from onnxinv.printing import say_untrusted


def init(
    model: ConfiguredModel = None,
    data: Data = None,
    transform: Transforms = None,
    samples: Samples = None,
    seed: Seed = 0,
    measure: Measures = None,
    aggregate: AggregateOption = "channel",
    groups: Groups = 10,
    stratify: Stratify = False,
    class_output: ClassOutput = None,
    logits: Logits = None,
    shape: Shapes = None,
    set_input: SetInputs = None,
    layers: Layers = None,
    ops: Operators = None,
    select: Select = "default",
    channel_axis: ChannelAxis = None,
    preprocess: PreprocessFile = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    layout: LayoutOption = None,
    device: Device = "auto",
    threads: Threads = 0,
    batch: Batch = None,
    memory: Memory = None,
    reduce: ReduceOption = "auto",
    output: WrittenConfig = Path("onnxinv.toml"),
    overwrite: OverwriteConfig = False,
    schema: SchemaFlag = False,
    quiet: Quiet = False,
) -> None:
    """Write a configuration for check, with limits proposed from what MODEL measures now."""
    if schema:
        _print_schema()
        return
    if model is None:
        raise UsageError("No model is named.", "Write onnxinv init MODEL --data SRC --transform SPEC.")
    if data is None:
        raise UsageError("No data is named.", "Add --data, for example --data digits.npz or --data random:n=64.")
    if not transform:
        raise UsageError("No transform is named.", "Add --transform, for example --transform rotation:steps=16.")

    from onnxinv import api
    from onnxinv.files import write_file
    from onnxinv.model.layers import candidates
    from onnxinv.moved_paths import moved_paths
    from onnxinv.proposal import proposal

    _check_free(output, overwrite=overwrite)
    plan = api.plan(
        model, data, transform, samples=samples, seed=seed, measures=measure or (), aggregate=aggregate, groups=groups,
        stratify=stratify, class_output=class_output, class_kind=parse_kind(logits=logits),
        shape=shape or (), set_input=set_input or (), layers=layers or (),
        operators=parse_words(ops), select=select, channel_axis=parse_axes(channel_axis),
        preprocess=preprocess, mean=parse_numbers("--mean", mean), std=parse_numbers("--std", std), scale=scale,
        resize=parse_size(resize), layout=layout, device=device, threads=threads, batch=batch, memory=memory,
        reduce=reduce,
    )  # fmt: skip
    result = measuring.measure(plan, model.name, quiet=quiet)
    found, _ = candidates(plan.model)
    text = proposal(result, moved_paths(plan.config, output.parent), found, plan.layers)
    _check_free(output, overwrite=overwrite)  # someone may have made it meanwhile
    write_file(output, text.encode())
    if not quiet:
        _tell(output)


def _check_free(path: Path, *, overwrite: bool) -> None:
    """Make sure that a configuration can be written and that none would be lost.

    Raises:
        OutputError: it cannot, or there is one.
        UsageError: it is a file that holds other things too.
    """
    from onnxinv.config_file import PYPROJECT
    from onnxinv.files import check_file

    if path.name == PYPROJECT:
        raise UsageError(
            f"'{path}' holds other things, and is not written to.",
            "Write onnxinv.toml, and paste it below [tool.onnxinv] yourself.",
        )
    if path.is_file() and not overwrite:
        raise OutputError(f"'{path}' already exists.", "Choose another file with -o or add --overwrite.")
    check_file(path)


def _tell(path: Path) -> None:
    from onnxinv.config_file import FILE

    check = "onnxinv check" if path == Path(FILE) else f"onnxinv check --config {shlex.quote(str(path))}"
    say_untrusted(f"Written to {path}: limits that the model keeps to. Read it, then hold models against it:")
    say_untrusted(f"  {check}")
    say_untrusted("To limit regressions too, take in the line with max-regression, then write the baseline:")
    say_untrusted(f"  {check} --update-baseline")


def _print_schema() -> None:
    from onnxinv.check_config import config_schema

    sys.stdout.write(json.dumps(config_schema(), indent=1) + "\n")
