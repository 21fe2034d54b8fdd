"""ONNX models changed as what they are: any field of any message, and models that are built to be a burden."""

from __future__ import annotations

import random
from collections.abc import MutableSequence
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from onnxinv.model.messages import messages
from tools.fuzz.mutations.burdens import BURDENS
from tools.fuzz.mutations.values import INTEGERS, LENGTHS, TEXTS

LOCATIONS = (
    "weights.bin",
    "../outside/weights.bin",
    "link.bin",
    "linked/weights.bin",
    "hard.bin",
    "pipe",
    "folder",
    "folder/../../outside/weights.bin",
    "/dev/zero",
    "/proc/self/mem",
    "/proc/self/cwd/weights.bin",
    "",
    ".",
    "*/_ORT_MEM_ADDR_/*",
    "weights.bin\0",
    "./weights.bin",
    "net.onnx",
)
"""Files that weights are said to be in; `Format.prepare` of models puts them there."""

_NUMBERS = ("0", "4", "-4", "16", str(2**31), str(2**63), "9" * 30, "1e3", "nan", "", "0x10", " 4", "\u00b2")


def change_model(content: bytes, chance: random.Random) -> bytes:
    """Return a model with some of its fields changed, or one that was built to be a burden."""
    if chance.random() < 0.1:
        return chance.choice(BURDENS)(chance)
    model = onnx.load_model_from_string(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        if chance.random() < 0.1:
            _send_outside(model, chance)
        else:
            _change(model, chance)
    return model.SerializeToString()


def _send_outside(model: onnx.ModelProto, chance: random.Random) -> None:
    """Say that the values of a tensor are in a file."""
    tensors = [part for part in messages(model) if isinstance(part, onnx.TensorProto)]
    if not tensors:
        return
    tensor = chance.choice(tensors)
    if chance.random() < 0.8:
        for field in ("raw_data", "float_data", "int32_data", "int64_data"):
            tensor.ClearField(field)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entries = [("location", chance.choice(LOCATIONS))]
    for key in ("offset", "length"):
        if chance.random() < 0.4:
            entries.append((key, chance.choice(_NUMBERS)))
    if chance.random() < 0.1:
        entries.append(("location", chance.choice(LOCATIONS)))
    for key, value in entries:
        tensor.external_data.add(key=key, value=value)


def _change(model: onnx.ModelProto, chance: random.Random) -> None:
    """Change one field of one message."""
    part = chance.choice([part for part in messages(model) if part.ListFields()] or [model])
    fields = [field for field, _ in part.ListFields()]
    if not fields or chance.random() < 0.1:
        fields = list(part.DESCRIPTOR.fields)
    field = chance.choice(fields)
    # A type may stand for any other: fields of all kinds are set by what their kind takes.
    if isinstance(getattr(part, field.name), MutableSequence):
        _change_list(model, getattr(part, field.name), field, chance)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        if chance.random() < 0.5:
            part.ClearField(field.name)
        else:
            getattr(part, field.name).CopyFrom(_another(model, field, chance))
    elif chance.random() < 0.15:
        part.ClearField(field.name)
    else:
        setattr(part, field.name, _value(model, field, getattr(part, field.name), chance))


def _change_list(model: onnx.ModelProto, values: Any, field: FieldDescriptor, chance: random.Random) -> None:
    """Drop, double, swap, change or add an element."""
    kind = chance.randrange(6)
    place = chance.randrange(len(values)) if values else 0
    if kind == 0 and values:
        del values[place]
    elif kind == 1:
        del values[:]
    elif kind == 2 and len(values) > 1:
        order = [*values]
        chance.shuffle(order)
        del values[:]
        values.extend(order)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        values.append(_another(model, field, chance) if kind < 5 or not values else values[place])
    elif kind == 3 or not values:
        values.append(_value(model, field, None, chance))
    else:
        values[place] = _value(model, field, values[place], chance)


def _another(model: onnx.ModelProto, field: FieldDescriptor, chance: random.Random) -> Message:
    """Return a message of the field's kind from anywhere in the model, or an empty one."""
    alike = [part for part in messages(model) if part.DESCRIPTOR.full_name == field.message_type.full_name]
    if alike and chance.random() < 0.9:
        copy = type(alike[0])()
        copy.CopyFrom(chance.choice(alike))
        return copy
    return GetMessageClass(field.message_type)()


def _value(model: onnx.ModelProto, field: FieldDescriptor, now: Any, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(model, chance)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(now or b"", chance)
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return chance.choice((0.0, -0.0, 1.0, -1.0, 1e-45, 3e38, float("inf"), float("-inf"), float("nan")))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return chance.choice([each.number for each in field.enum_type.values])
    if chance.random() < 0.4:
        return chance.randrange(0, 30)  # small ones are versions, element types, axes and sizes
    number = chance.choice(LENGTHS if chance.random() < 0.5 else INTEGERS)
    unsigned = field.type in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
    narrow = field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32)
    limit = 2**31 if narrow else 2**63
    return max(0 if unsigned else -limit, min(number, limit - 1))


def _text(model: onnx.ModelProto, chance: random.Random) -> str:
    """Return a hostile name, or one that stands somewhere in the model: circles and names given twice come of it."""
    if chance.random() < 0.5:
        return chance.choice(TEXTS)
    found = [
        each
        for part in messages(model)
        for field, value in part.ListFields()
        if field.type == FieldDescriptor.TYPE_STRING
        for each in ([value] if isinstance(value, str) else value)
        if isinstance(each, str)
    ]
    return chance.choice(found or [""])


def _bytes(now: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(5)
    if kind == 0:
        return now[: chance.randrange(len(now) + 1)]
    if kind == 1:
        return now + bytes(chance.choice((1, 4, 1000)))
    if kind == 2:
        return b"\xff" * len(now)  # no number, or -1
    if kind == 3:
        return chance.choice(TEXTS).encode("utf-8", "surrogatepass")
    return chance.randbytes(min(len(now), 4096))
