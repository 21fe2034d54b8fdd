"""The options of the command line: what they are called, what `--help` says of them, and how their text is read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onnxinv.errors import UsageError
from onnxinv.spec import did_you_mean

if TYPE_CHECKING:
    from onnxinv.comparison import Gate
    from onnxinv.registry import Registry

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="The ONNX file.", show_default=False)]
Compared = Annotated[
    list[Path],
    typer.Argument(metavar="A B...", help="ONNX files, or folders that analyze -o wrote.", show_default=False),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="SRC",
        help="x.npy, x.npz, MNIST's idx3-ubyte, CIFAR's .bin, an image folder, file.py:function or random:n=64; "
        "parameters follow as :key=value.",
    ),
]
Transforms = Annotated[
    list[str] | None,
    typer.Option(
        "--transform",
        metavar="SPEC",
        help="rotation:steps=16,degrees=360, a preset such as paper-affine, or file.py:function; "
        "several make the product, the first applied first.",
    ),
]
Samples = Annotated[int | None, typer.Option("--samples", metavar="N", help="Take N samples, stratified by label.")]
Seed = Annotated[int, typer.Option("--seed", help="Of the choice and order of the samples, and of random transforms.")]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure", metavar="SPEC", help="normalized-variance:dispersion=var and the like, or all; repeatable."
    ),
]
AggregateOption = Annotated[
    str, typer.Option("--aggregate", metavar="HOW", help="channel, unit, activation-mean or activation-max.")
]
Groups = Annotated[int, typer.Option("--groups", metavar="G", help="Groups of samples that the intervals rest on.")]
SampleUnits = Annotated[
    int | None,
    typer.Option(
        "--sample-units",
        metavar="P",
        help="Measure P random positions of each channel, 4 or more; intervals say what that leaves unsure.",
    ),
]
KeepUnits = Annotated[
    int,
    typer.Option(
        "--keep-units",
        metavar="K",
        help="Keep the activations of K units of each layer, the most and the least invariant ones, on a few samples, "
        "with feature maps.",
    ),
]
Stratify = Annotated[
    bool, typer.Option("--stratify", help="Measure on the samples of each class, then average over classes.")
]
Precision = Annotated[
    float | None,
    typer.Option("--precision", metavar="H", help="Stop once every layer's 95 % interval is H or less to either side."),
]
ClassOutput = Annotated[
    str | None, typer.Option("--class-output", metavar="NAME", help="The output that holds the classes.")
]
Logits = Annotated[
    bool | None, typer.Option("--logits/--probabilities", help="What the class output holds.", show_default=False)
]
Shapes = Annotated[
    list[str] | None,
    typer.Option(
        "--shape",
        metavar="[NAME:]1,3,224,224",
        help="Lengths of an input's free dimensions, the batch axis first (any number: it stays free), or marked by a "
        "word (5,batch,3); repeatable.",
    ),
]
SetInputs = Annotated[
    list[str] | None,
    typer.Option(
        "--set-input",
        metavar="NAME=VALUE",
        help="Hold an input constant: a number, several, zeros, ones or a .npy file; repeatable.",
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layers", metavar="GLOB", help="Only layers whose name, label or scope fits; repeatable."),
]
Operators = Annotated[str | None, typer.Option("--ops", metavar="A,B", help="Only layers that these operators make.")]
Select = Annotated[str, typer.Option("--select", metavar="SET", help="default, all or outputs.")]
ChannelAxis = Annotated[
    list[str] | None,
    typer.Option("--channel-axis", metavar="GLOB=AXIS", help="Channel axis, counted without the batch axis."),
]
PreprocessFile = Annotated[
    Path | None, typer.Option("--preprocess", metavar="FILE", help="A Hugging Face preprocessor_config.json.")
]
Mean = Annotated[str | None, typer.Option("--mean", metavar="M,M,M", help="Subtracted after the transform.")]
Std = Annotated[str | None, typer.Option("--std", metavar="S,S,S", help="Divided by after the transform.")]
Scale = Annotated[
    float | None,
    typer.Option("--scale", metavar="F", help="Factor on stored pixels; uint8 is divided by 255 by default."),
]
Resize = Annotated[
    str | None, typer.Option("--resize", metavar="H,W", help="Resize images; one number is the shortest edge.")
]
LayoutOption = Annotated[str | None, typer.Option("--layout", metavar="L", help="The model's layout: NCHW or NHWC.")]
Device = Annotated[str, typer.Option("--device", metavar="D", help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int, typer.Option("--threads", metavar="N", help="Threads; 0 is one a core.")]
Batch = Annotated[int | None, typer.Option("--batch", metavar="N", help="Variants in one inference run.")]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="Budget such as 8GiB; half the RAM by default.")
]
ReduceOption = Annotated[
    str,
    typer.Option(
        "--reduce",
        metavar="HOW",
        help="host: float64, the reference; pushdown: float32, in the graph; auto: what is fastest, to 1e-5.",
    ),
]
Layouts = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="L", help="NCHW, NHWC or auto; once for all models, or once for each in order."),
]
PreprocessFiles = Annotated[
    list[Path] | None,
    typer.Option("--preprocess", metavar="FILE", help="A preprocessor_config.json; once, or for each model in order."),
]
Align = Annotated[
    str, typer.Option("--align", metavar="HOW", help="auto, name, scope, sequence, depth, or a file map.toml.")
]
StrictAlign = Annotated[bool, typer.Option("--strict-align", help="Fail where a pair of layers is a guess.")]
Margin = Annotated[
    str, typer.Option("--margin", metavar="R", help="Relative difference that counts as none, such as 1%.")
]
Rtol = Annotated[
    str, typer.Option("--rtol", metavar="R", help="Relative difference from which an export is a mismatch.")
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="WHAT",
        help="worse: exit 1 where a model is worse, in layers that survive Holm's correction; mismatch: where it is "
        "no equivalent export. Repeatable.",
    ),
]
ComparisonFormats = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT[:PATH]", help="terminal, html, markdown, json or schema; repeatable."),
]
ComparisonFolder = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="Write compare.json and report.html, and the results of models to A, B, ...",
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT[:PATH]",
        help="terminal, html, markdown, json, csv, dot, model-explorer or schema; repeatable.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Write report.html, result.json, units.npz and pictures.npz."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in DIR.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Keep what is measured in DIR/state, group by group, and go on from what is there."),
]
SkipBadSamples = Annotated[
    bool, typer.Option("--skip-bad-samples", help="Leave out samples that cannot be used, and list them.")
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Measure every N-th group from the I-th on, for onnxinv merge."),
]
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", help="Measure on a Dask cluster: tcp://host:port, or local:N processes."),
]
KeepState = Annotated[bool, typer.Option("--keep-state", help="Leave DIR/state there in the end.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table; errors are still printed.")]


CheckedModel = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="The ONNX file, in place of the configured one.", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration; else onnxinv.toml or [tool.onnxinv] of pyproject.toml, here or in a folder above.",
    ),
]
RunNames = Annotated[list[str] | None, typer.Option("--run", metavar="NAME", help="Only this run; repeatable.")]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="SPEC",
        help="In place of the configured limits: normalized-variance:layers=fc*,max=0.35 (or min, max-regression=5%, "
        "of=p95, level=warn); repeatable.",
    ),
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Stop as soon as every limit is decided; until then take more samples than configured, if there are.",
    ),
]
UpdateBaseline = Annotated[
    bool, typer.Option("--update-baseline", help="Write what is measured as the baseline of regressions.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail on what is uncertain or only warned of, too.")]
OwnDevice = Annotated[
    str | None, typer.Option("--device", metavar="D", help="auto, cpu, cuda or cuda:N.", show_default=False)
]
OwnThreads = Annotated[
    int | None, typer.Option("--threads", metavar="N", help="Threads; 0 is one a core.", show_default=False)
]
CheckFormats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT[:PATH]",
        help="terminal, html, junit, github, markdown, json or schema; repeatable.",
    ),
]
CheckFolder = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Write check.json with its page, report.html, and each run."),
]

ConfiguredModel = Annotated[Path | None, typer.Argument(metavar="MODEL", help="The ONNX file.", show_default=False)]
WrittenConfig = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]
OverwriteConfig = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier FILE.")]
SchemaFlag = Annotated[
    bool, typer.Option("--schema", help="Print the JSON Schema of onnxinv.toml, for editors, and stop.")
]


def parse_kind(*, logits: bool | None) -> str | None:
    """Return what the class output holds; None to find out."""
    return None if logits is None else "logits" if logits else "probabilities"


def parse_formats(texts: list[str] | None, known: Registry[Any]) -> list[tuple[str, Path | None]]:
    """Split `FORMAT[:PATH]` and make sure, before the work, that the formats exist and the files can be written.

    Args:
        texts: as on the command line.
        known: the formats.

    Raises:
        UsageError: there is no such format, or a colon with no path behind it.
        OutputError: a file cannot be written.
    """
    from onnxinv.files import check_file

    wanted = []
    for text in texts or ["terminal"]:
        name, colon, path = text.partition(":")
        known.get(name)
        if colon and not path:
            raise UsageError(f"'{text}' names no file.", f"Write {name}:FILE, or {name} alone for the terminal.")
        if path:
            check_file(Path(path))
        wanted.append((name, Path(path) if path else None))
    return wanted


def parse_words(text: str | None) -> tuple[str, ...]:
    """Return the words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip()) if text else ()


def parse_gates(texts: list[str] | None) -> tuple[Gate, ...]:
    """Return what a comparison fails on.

    Raises:
        UsageError: there is no such thing.
    """
    from onnxinv.comparison import GATES

    for text in texts or ():
        if text not in GATES:
            raise UsageError(f"--fail-on '{text}' is nothing to fail on.", did_you_mean(text, GATES))
    return tuple(gate for gate in GATES if gate in (texts or ()))


def parse_share(option: str, text: str) -> float:
    """Return a share of 0 to below 1, written as `0.01` or `1%`.

    Raises:
        UsageError: it is none.
    """
    with suppress(ValueError):
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if 0 <= share < 1:
            return share
    raise UsageError(f"{option} '{text}' is not a relative difference.", f"Write {option} 0.01 or {option} 1%.")


def parse_numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Return the numbers between commas.

    Raises:
        UsageError: there is none, or something else.
    """
    if text is None:
        return None
    with suppress(ValueError):
        numbers = tuple(float(word) for word in parse_words(text))
        if numbers:
            return numbers
    raise UsageError(f"{option} '{text}' is not a list of numbers.", f"Write {option} 0.485,0.456,0.406.")


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """Return height and width, or the one number that is given.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    parts = parse_words(text.lower().replace("x", ","))
    if not all(part.isdecimal() for part in parts) or len(parts) not in (1, 2):
        raise UsageError(f"--resize '{text}' is not a size.", "Write --resize 224 or --resize 224,224.")
    return int(parts[0]) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def parse_axes(texts: list[str] | None) -> dict[str, int]:
    """Return the axis by glob.

    Raises:
        UsageError: a text is not GLOB=AXIS.
    """
    axes = {}
    for text in texts or ():
        glob, equals, axis = text.rpartition("=")
        if not equals or not glob or not axis.lstrip("-").isdecimal():
            raise UsageError(
                f"--channel-axis '{text}' is not GLOB=AXIS.", "Write for example --channel-axis 'conv*=0'."
            )
        axes[glob] = int(axis)
    return axes
