"""What a report of a check is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict
from rich.console import RenderableType

from onnxinv.findings import CheckReport


class CheckReportFormat(BaseModel, ABC):
    """A way to write a finished check as text; it opens no file and prints nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def render(self, report: CheckReport) -> str:
        """Return the text, ending with a line break."""

    def renderable(self, report: CheckReport) -> RenderableType | None:
        """Return something that adapts to a terminal's width and colours, or None where the text is all there is."""
        return None
