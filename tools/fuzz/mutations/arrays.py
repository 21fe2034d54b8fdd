"""NumPy arrays changed as what they are: headers as text, archives with members that lie or unfold."""

from __future__ import annotations

import functools
import io
import random
import struct
import warnings
import zipfile
import zlib

from tools.fuzz.mutations.damage import damage

_BLOCK = 1 << 24
_MAGIC = b"\x93NUMPY"

_SHAPES = (
    "()", "(0,)", "(2,)", "(2, 28, 28)", "(2, 784)", "(-1,)", "(2, -28, -28)", "(2147483648,)",
    "(9223372036854775807,)", "(18446744073709551616,)", "(4294967296, 4294967296)", "(2, 0)", "(2.0,)", "(True,)",
    "('a',)", "((2,),)", "[2]", "None", "2", "(" + "1, " * 100 + ")", "(" + "9" * 400 + ",)", "(2**80,)", "(1 << 40,)",
)  # fmt: skip

_TYPES = (
    "'|u1'", "'<f4'", "'>f8'", "'|O'", "'<U4'", "'|S9'", "'<U99999999'", "'<c8'", "'<M8[s]'", "'|V0'", "'|V7'", "'|S0'",
    "'|b1'", "'<f2'", "'<g16'", "[('a', '<f4'), ('b', '|O')]", "[('a', '<f4', (2147483648,))]", "('<f4', (2, 2))",
    "{'names': ['a'], 'formats': ['<f4'], 'offsets': [2147483648]}", "'no'", "''", "None", "42", "'float32, object'",
)  # fmt: skip


def change_array(content: bytes, chance: random.Random) -> bytes:
    """Return an array with another header, or other bytes behind it."""
    _, body = _split(content)
    if chance.random() < 0.2:
        body = body[: chance.randrange(len(body) + 1)]
    order = chance.choice(("False", "True", "False", "2", "None"))
    shape = chance.choice(_SHAPES) if chance.random() < 0.7 else "(2, 28, 28)"
    kind = chance.choice(_TYPES) if chance.random() < 0.6 else "'|u1'"
    told = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if chance.random() < 0.1:
        told = chance.choice(
            (
                "{}",
                "",
                "[",
                "(" * 5000,
                "{" * 300,
                "__import__('os')",
                "{'descr': 1}",
                told[:-1],
                "-" * 9000 + "1",
                "'\0'",
            )
        )
    return _with_header(told.encode(), body, chance.choice((1, 1, 1, 2, 3, 0, 9)))


def _split(content: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack("<H", content[8:10])
    return content[10 : 10 + length], content[10 + length :]


def _with_header(told: bytes, body: bytes, version: int) -> bytes:
    form = "<H" if version == 1 else "<I"
    told = told[: 0xFFFF - 1] + b"\n"
    return _MAGIC + bytes([version, 0]) + struct.pack(form, len(told)) + told + body


def change_archive(content: bytes, chance: random.Random) -> bytes:
    """Return an archive with other members, or one of them damaged, doubled, renamed, or grown beyond all measure."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    kind = chance.randrange(10)
    place = chance.randrange(len(members))
    name, inside = members[place]
    if kind == 0:
        return _bomb(name)
    if kind == 1:
        return _lying(content, chance)
    if kind == 2:
        members.insert(place, (name, inside))
    elif kind == 3:
        members[place] = (
            chance.choice(("../x.npy", "/x.npy", "x.npy", "\n.npy", ".npy", "a" * 9999 + ".npy", "n")),
            inside,
        )
    elif kind == 4:
        members.extend((f"{number}.npy", inside) for number in range(chance.choice((1, 5000))))
    elif kind == 5:
        del members[place]
    elif kind == 6:
        members[place] = (name, damage(inside, chance))
    else:
        members[place] = (name, change_array(inside, chance))
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    return _archive(members, packing)


def _archive(members: list[tuple[str, bytes]], packing: int) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as archive:
        warnings.simplefilter("ignore")  # of a name that is there already
        for name, inside in members:
            archive.writestr(zipfile.ZipInfo(name), inside, packing)  # not of the time that it is
    return made.getvalue()


def _lying(content: bytes, chance: random.Random) -> bytes:
    """Return an archive whose directory says of a member what is not so: its sizes, encryption, method, place."""
    changed = bytearray(content)
    at = content.find(b"PK\1\2")
    offset, form = chance.choice(((8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I"), (42, "<I"), (28, "<H")))
    numbers = {"<H": (0, 1, 8, 12, 14, 99, 0xFFFF), "<I": (0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)}
    struct.pack_into(form, changed, at + offset, chance.choice(numbers[form]))
    return bytes(changed)


@functools.cache
def _bomb(name: str) -> bytes:
    """Return an archive with one member that is 20 GB of zeros, as its header promises, in 20 MB."""
    count = 1200
    size = count * _BLOCK
    header = _with_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size >> 2}, 4), }}".encode(), b"", 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH)
    # Behind a full flush nothing refers to what came before: the same bytes can stand there again and again.
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = first + block * count + packer.flush()
    total = len(header) + size
    label = name.encode()
    # The sizes take more than 32 bits, and so stand in a field of their own.
    wide = struct.pack("<HHQQ", 1, 16, total, len(packed))
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0, 8, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(label), len(wide))
    entry = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        b"PK\1\2", 45, 45, 0, 8, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(label), len(wide), 0, 0, 0, 0, 0,
    )  # fmt: skip
    start = len(local) + len(label) + len(wide) + len(packed)
    length = len(entry) + len(label) + len(wide)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, length, start, 0)
    return local + label + wide + packed + entry + label + wide + end
