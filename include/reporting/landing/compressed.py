"""Require that compressed CSV files are whole.

DuckDB reads the rest of a file that was cut off without an error.
"""

import gzip
import zlib
from collections.abc import Iterable
from typing import BinaryIO

from reporting.landing.files import CUT_OFF, DeliveredFile, Feed

PIECE = 1 << 20  # bytes
# RFC 8878, section 3.1: how a frame begins, and the bytes of its fields by their flags
ZSTD_FRAME = 0xFD2FB528
SKIPPABLE_FRAMES = range(0x184D2A50, 0x184D2A60)
DICTIONARY_ID = (0, 1, 2, 4)
CONTENT_SIZE = (0, 2, 4, 8)
RUN_LENGTH_BLOCK = 1


def require_whole(feed: Feed, files: Iterable[DeliveredFile]) -> None:
    """Raise BrokenDelivery naming the first compressed file that is cut off or damaged."""
    check = {"gzip": _read_gzip, "zstd": _walk_zstd}
    for file in files:
        if file.compression in check:
            try:
                with feed.zone.open_bytes(file.path) as content:
                    check[file.compression](content)
            except (EOFError, OSError, zlib.error):
                raise feed.fault(file.path, CUT_OFF) from None


def _read_gzip(file: BinaryIO) -> None:
    """Read to the end of each member, which holds its length and checksum."""
    with gzip.open(file) as content:
        while content.read(PIECE):
            pass


def _walk_zstd(file: BinaryIO) -> None:
    """Skip from block to block to the end of each frame; EOFError if the file ends before."""
    while begin := file.read(4):
        magic = int.from_bytes(begin, "little")
        if magic in SKIPPABLE_FRAMES:
            _skip(file, _number(file, 4))
        elif magic == ZSTD_FRAME:
            _walk_frame(file)
        else:
            raise EOFError


def _walk_frame(file: BinaryIO) -> None:
    flags = _number(file, 1)
    is_single_segment = bool(flags & 32)
    size = CONTENT_SIZE[flags >> 6] or is_single_segment
    _skip(file, (not is_single_segment) + DICTIONARY_ID[flags & 3] + size)
    is_last = False
    while not is_last:
        block = _number(file, 3)
        is_last = bool(block & 1)
        _skip(file, 1 if (block >> 1) & 3 == RUN_LENGTH_BLOCK else block >> 3)
    _skip(file, 4 * bool(flags & 4))  # the checksum


def _number(file: BinaryIO, size: int) -> int:
    return int.from_bytes(_exactly(file, size), "little")


def _skip(file: BinaryIO, size: int) -> None:
    while size:
        size -= len(_exactly(file, min(size, PIECE)))


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise EOFError
    return found
