"""SHA-256 of the source files, so that a manifest says to the byte what was sorted."""

import hashlib
import os
from typing import Any

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.progress import Progress, silent

BLOCK = 16 * 2**20


def hash_sources(source: dict[str, Any], on_progress: Progress = silent) -> dict[str, str]:
    """Read each file of a source once and return its SHA-256.

    Parameters
    ----------
    source : dict
        Source description; its files are opened below its roots, and must be as they were described.
    on_progress : Progress
        Told of megabytes (10^6 bytes).

    Returns
    -------
    hashes : dict of str to str
        SHA-256 in hexadecimal, by path; without files that are gone, have changed, or lie outside of the
        roots: their frames are unreadable, and nothing was sorted of them.
    """
    guard = Guard(source["roots"], {item["path"]: item["fingerprint"] for item in source["files"]})
    total = sum(item["size"] for item in source["files"])
    hashes, done = {}, 0
    for item in source["files"]:
        digest = hashlib.sha256()
        try:
            descriptor = guard.open_file(item["path"]).descriptor
        except SourceError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                on_progress(done // 10**6, total // 10**6, "MB", note="hashing the source")
        hashes[item["path"]] = digest.hexdigest()
    return hashes
