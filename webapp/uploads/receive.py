"""Take in the body of one PATCH: block by block, and with a checksum all of it or nothing."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webapp.uploads.storage import BLOCK_BYTES, PartFile, blocks_of

ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


class CutOff(Exception):
    """The connection ended before the body did."""


class ChecksumMismatch(Exception):
    """The bytes that arrived are not those that were sent."""


@dataclass(frozen=True)
class Checksum:
    """What the sender says about the body."""

    algorithm: str
    digest: bytes


def receive(
    part: PartFile, *, read: Callable[[int], bytes], offset: int, length: int, checksum: Checksum | None
) -> int:
    """Append a body of `length` bytes at `offset`; return the new offset when it is on the disk.

    Without a checksum, what arrived before a cut is kept. With one it cannot be verified, so it is not.
    """
    token, _ = part.take_turn(offset)
    if checksum is None:
        for block in _blocks(read, length):
            part.append(token, offset, block)
            offset += len(block)
    else:
        offset = _receive_verified(part, token, offset, _blocks(read, length), checksum)
    part.sync()
    return offset


def _receive_verified(
    part: PartFile, token: bytes, offset: int, blocks: Iterator[bytes], checksum: Checksum
) -> int:
    """Keep the body aside, in a file without a name, until its checksum is known."""
    sum_ = ALGORITHMS[checksum.algorithm]()
    with tempfile.TemporaryFile(dir=part.path.parent) as aside:
        for block in blocks:
            sum_.update(block)
            aside.write(block)
        if sum_.digest() != checksum.digest:
            raise ChecksumMismatch
        length = aside.tell()
        aside.seek(0)
        part.append_all(token, offset, blocks_of(aside))
    return offset + length


def _blocks(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length:
        block = read(min(BLOCK_BYTES, length))
        if not block:
            raise CutOff
        length -= len(block)
        yield block
