"""PNG images and IDX files changed as what they are: chunks and sizes that promise what is not there."""

from __future__ import annotations

import functools
import gzip
import random
import struct
import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_SIDES = (0, 1, 28, 4096, 8000, 100_000, 2**31 - 1, 2**32 - 1)
_DIMENSIONS = (0, 1, 2, 28, 2**16, 2**31, 2**32 - 1)


def change_png(content: bytes, chance: random.Random) -> bytes:
    """Return a PNG with chunks changed, dropped, doubled, put elsewhere or added; checksums are right."""
    if not content.startswith(_PNG):
        return content
    chunks = _chunks(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        kind = chance.randrange(6)
        place = chance.randrange(len(chunks))
        if kind < 2:
            told = list(struct.unpack(">IIBBBBB", chunks[0][1])) if len(chunks[0][1]) == 13 else [28, 28, 8, 0, 0, 0, 0]
            field = chance.randrange(7)
            told[field] = chance.choice(_SIDES if field < 2 else (0, 1, 2, 3, 4, 6, 8, 16, 255))
            chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *told))
        elif kind == 2 and len(chunks) > 1:
            del chunks[place]
        elif kind == 3:
            chunks.insert(place, chunks[chance.randrange(len(chunks))])
        elif kind == 4:
            added = _added(chance)
            chunks[1:1] = [added] * (chance.choice((1, 1, 5000)) if len(added[1]) < 200 else chance.choice((1, 50)))
        else:
            name, inside = chunks[place]
            chunks[place] = (name, inside[: chance.randrange(len(inside) + 1)])
    return _PNG + b"".join(_chunk(name, inside) for name, inside in chunks)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], len(_PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _chunk(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))


def _added(chance: random.Random) -> tuple[bytes, bytes]:
    packed = _zeros()
    return chance.choice(
        (
            (b"tEXt", b"a\0" + b"b" * 100),
            (b"zTXt", b"a\0\0" + packed),
            (b"iTXt", b"a\0\1\0\0\0" + packed),
            (b"iCCP", b"a\0\0" + packed),
            (b"PLTE", bytes(chance.choice((0, 1, 3, 768, 900)))),
            (b"tRNS", bytes(chance.choice((0, 1, 2, 6, 300)))),
            (b"acTL", struct.pack(">II", chance.choice((0, 1, 2**31 - 1)), 0)),
            (b"fcTL", struct.pack(">IIIIIHHBB", 0, 28, 28, chance.choice((0, 2**31)), 0, 0, 0, 9, 9)),
            (b"eXIf", b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0112, 3, 1, chance.choice((0, 6, 99, 2**31)))),
            (b"IDAT", packed),
            (b"gAMA", bytes(4)),
        )
    )


@functools.cache
def _zeros() -> bytes:
    """Return 16 MiB of zeros, packed."""
    return zlib.compress(bytes(1 << 24), 9)


def change_idx(content: bytes, chance: random.Random) -> bytes:
    """Return an IDX file, or a packed one, whose header says something else."""
    packed = content.startswith(b"\x1f\x8b")
    plain = gzip.decompress(content) if packed else content
    count = chance.choice((0, 1, 2, 3, 4, 5, 255))
    kind = chance.choice((8, 8, 8, 9, 0x0B, 0x0C, 0x0D, 0x0E, 0x0A, 0, 255))
    lengths = [chance.choice(_DIMENSIONS) for _ in range(min(count, 5))]
    body = plain[16:]
    if chance.random() < 0.1:
        body = b""
    elif packed and chance.random() < 0.2:
        body = bytes(1 << 26)
    changed = bytes([0, 0, kind, count]) + b"".join(struct.pack(">I", each) for each in lengths) + body
    return gzip.compress(changed, 1, mtime=0) if packed else changed
