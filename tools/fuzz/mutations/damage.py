"""Bytes changed anywhere in a file: flipped, replaced, cut, repeated, inserted; numbers in headers set to extremes."""

from __future__ import annotations

import random
import struct

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
"""Numbers that lengths and sizes in headers are set to."""

_TEXTS = (b"-1", b"99999999999", b"nan", b"null", b"[]", b"{}", b'"', b"\x00", b"../x", b"1e999")


def damage(content: bytes, chance: random.Random) -> bytes:
    """Return a file with one to eight changes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        if not changed:
            break
        # Headers stand at the ends of files, where most of what can be misread is.
        near = chance.choice((64, 512, len(changed)))
        place = min(chance.randrange(near), len(changed) - 1)
        if chance.random() < 0.3:
            place = len(changed) - 1 - place
        _change(changed, place, chance)
    return bytes(changed)


def _change(content: bytearray, place: int, chance: random.Random) -> None:
    kind = chance.randrange(7)
    length = chance.choice((1, 2, 4, 8, 64))
    if kind == 0:
        content[place] ^= 1 << chance.randrange(8)
    elif kind == 1:
        content[place : place + length] = chance.randbytes(length)
    elif kind == 2:
        del content[place : place + length]
    elif kind == 3:
        content[place:place] = content[place : place + length]
    elif kind == 4:
        del content[place:]
    elif kind == 5:
        form = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
        number = chance.choice(EXTREMES) & ((1 << 8 * struct.calcsize(form)) - 1)
        content[place : place + struct.calcsize(form)] = struct.pack(form, number)
    else:
        text = chance.choice(_TEXTS)
        content[place : place + len(text)] = text
