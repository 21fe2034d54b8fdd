"""What an experiment is: a claim, a protocol, what it needs measured, and how it decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tools.reproduce.measurement import Measurement
from tools.reproduce.profiles import Found
from tools.reproduce.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Status = Literal["holds", "does not hold", "cannot be decided"]


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its file without ending, and what it shows."""

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        status: the verdict.
        statistic: what it rests on, with numbers, one or two sentences.
        tables: beside it.
        pictures: likewise.
    """

    status: Status
    statistic: str
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = field(default=())


@dataclass(frozen=True)
class Experiment:
    """One claim of the paper and how it is tested.

    Attributes:
        key: `C1`.
        claim: one sentence.
        protocol: what is compared, and which numbers decide; a few sentences. Thresholds are set here, before the run.
        needs: the measurements.
        decide: the outcome, from what was measured.
    """

    key: str
    claim: str
    protocol: str
    needs: Callable[[Study], list[Measurement]]
    decide: Callable[[Study, Found], Outcome]


def status_of(*, holds: bool, fails: bool) -> Status:
    """Return the verdict of a claim whose conditions are met, or contradicted, or neither."""
    if holds and not fails:
        return "holds"
    return "does not hold" if fails else "cannot be decided"
