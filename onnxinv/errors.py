"""What onnxinv raises when something read from outside cannot be used."""

from __future__ import annotations


class OnnxinvError(Exception):
    """A problem that the user can solve; the command line prints it and exits 2.

    Args:
        message: what is wrong and why, in one or two sentences, naming the file or option.
        hint: the next step to try, or empty where the message already says it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(OnnxinvError):
    """An option, a name or a specification that means nothing."""


class ModelError(OnnxinvError):
    """A model that cannot be read, run or measured."""


class MemoryExhaustedError(ModelError):
    """A model that could not be run for want of memory; a smaller batch may do."""


class DataError(OnnxinvError):
    """Samples that cannot be read or do not fit the model."""


class OutputError(OnnxinvError):
    """A result that cannot be written or read back."""


class DeviceError(OnnxinvError):
    """A device that was asked for and is not to be had."""
