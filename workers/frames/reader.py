"""The child: opens one source, gives up all rights but those to read it, and answers until it is ended.

It is forked from the server, which has loaded the libraries but never opened a file with them. Whatever a
damaged or hostile file does to a decoder happens here, and costs one answer.
"""

import json
import logging
import os
import secrets
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.frames.operations import OpenSource
from workers.frames.protocol import Request, RequestError
from workers.science.errors import ScienceError
from workers.science.io import open_source, relocate
from workers.science.io.sandbox import confine, limit_files, limit_memory

logger = logging.getLogger(__name__)

READER_BYTES = 4 * 2**30
MOST_FILES = 512
BEGINS, ENDS = b"b", b"e"  # what the server hears of an answer
LONGEST_TASK = 64 * 1024


def serve(request: Request, channel: socket.socket) -> None:
    """Answer tasks, each with the connection that waits for it, as they come over `channel`."""
    source: OpenSource | None = None
    ahead: Iterator[None] = iter(())
    while True:
        if not select.select([channel], [], [], 0)[0] and next(ahead, _NOTHING) is not _NOTHING:
            continue
        line, descriptors, _, _ = socket.recv_fds(channel, LONGEST_TASK, 1)
        if not line or not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            try:
                source = source or _open(request)
                numbers, facts = _do(source, json.loads(line))
                header: dict[str, Any] = {"ok": True, **facts}
            except Exception as error:
                numbers, header = None, {"ok": False, **_explain(error)}
            channel.send(BEGINS)
            send(connection, header, numbers)
        channel.send(ENDS)
        if source is None:
            return  # it could not be opened; whoever asks next tries again, with a fresh process
        ahead = source.read_ahead()


_NOTHING = object()


def send(connection: socket.socket, header: dict[str, Any], numbers: NDArray | None = None) -> None:
    """Write an answer: its line, then the numbers, little-endian, row by row; a client may have left."""
    array = None
    if numbers is not None:
        array = np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<"))
        header = {**header, "shape": array.shape, "dtype": array.dtype.str, "length": array.nbytes}
    try:
        connection.sendall(json.dumps(header).encode() + b"\n")
        if array is not None and array.size:
            connection.sendall(memoryview(array).cast("B"))
    except OSError as error:
        logger.info("An answer was not taken: %s", error)


def _open(request: Request) -> OpenSource:
    description = json.loads(Path(request.source).read_text())
    description = relocate(description, request.moved)
    limit_memory(READER_BYTES)
    limit_files(MOST_FILES, 0)
    confine(description["roots"])
    return OpenSource(open_source(description))


def _do(source: OpenSource, task: dict[str, Any]) -> tuple[NDArray, dict[str, Any]]:
    operation = task.pop("op")
    return {"frame": source.frame, "mask": source.mask, "pattern": source.pattern}[operation](**task)


def _explain(error: Exception) -> dict[str, str]:
    if isinstance(error, ScienceError):
        return {"kind": "source", "error": str(error)}
    if isinstance(error, RequestError):
        return {"kind": "request", "error": str(error)}
    if isinstance(error, MemoryError):
        cause = f"The frame needs more memory than a reader may have ({READER_BYTES >> 30} GiB)."
        return {"kind": "source", "error": f"{cause} Ask for it binned, or check the file."}
    number = secrets.token_hex(4)
    logger.error("Unexpected error %s in process %d", number, os.getpid(), exc_info=error)
    return {
        "kind": "unexpected",
        "error": f"The reader met an unexpected error; its log has it under {number}.",
    }
