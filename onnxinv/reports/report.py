"""What a report is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict
from rich.console import RenderableType

from onnxinv.result import Result


class Report(BaseModel, ABC):
    """A way to write a result as text; it opens no file and prints nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def render(self, result: Result) -> str:
        """Return the text, ending with a line break."""

    def beside(self, result: Result) -> dict[str, str]:
        """Return further texts that a file of their own holds, by measure, for a format that has one text a measure."""
        return {}

    def renderable(self, result: Result) -> RenderableType | None:
        """Return something that adapts to a terminal's width and colours, or None where the text is all there is."""
        return None
