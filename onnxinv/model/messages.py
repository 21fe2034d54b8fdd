"""Walks protobuf messages: every message and tensor of a model wherever it is nested, and names that are no text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield every tensor in a message: initialisers, attributes, those of subgraphs and functions, sparse ones."""
    for part in messages(message):
        if isinstance(part, onnx.TensorProto):
            yield part


def first_unreadable_name(message: Message) -> bytes | None:
    """Return the first text that is not UTF-8, None where there is none; documentation may hold what it likes."""
    for part in messages(message):
        for field, value in part.ListFields():
            if field.type != FieldDescriptor.TYPE_STRING or field.name == "doc_string":
                continue
            for text in [value] if isinstance(value, str | bytes) else value:
                if isinstance(text, bytes):
                    return text
    return None


def messages(message: Message) -> Iterator[Message]:
    """Yield a message and every message in it."""
    # A stack of its own: a hostile model may nest deeper than Python recurses.
    pending: list[Any] = [message]
    while pending:
        part = pending.pop()
        yield part
        for field, value in part.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                pending.extend([value] if isinstance(value, Message) else value)
