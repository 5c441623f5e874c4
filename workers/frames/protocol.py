"""The language of the frame server: one line of JSON there; one line of JSON and raw numbers back.

A request names the operation and the source description:

    {"op": "frame", "source": "/data/products/inspect/…/source.json", "index": 12}

Where a secret is set, the line begins with the HMAC-SHA256 of its JSON, in hex, and a space. An answer's
line has ``ok``, and either ``length`` (bytes that follow), ``shape`` and ``dtype``, or ``error`` (a sentence)
and ``kind`` (why). A connection carries one request.
"""

import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPERATIONS = ("frame", "mask", "pattern", "status")
PATTERNS = ("sum", "mean", "maximum")
LONGEST_REQUEST = 2**20
MOST_FRAMES = 2000
MOST_BINNED = 64


class RequestError(ValueError):
    """A request that cannot be understood or is not allowed; the text is for who wrote the client."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    `source` is the path of a source description; `moved` says where its files lie now, as
    `workers.science.io.relocate` takes it. `task` is what the reader of the source is to do.
    """

    operation: str
    source: str = ""
    moved: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What requests share that one reader can answer; patterns, which take long, have their own."""
        kind = "pattern" if self.operation == "pattern" else "frame"
        return kind, json.dumps([self.source, self.moved], sort_keys=True)


def parse_request(line: bytes, *, data_folder: Path, secret: bytes = b"") -> Request:
    """Understand one line, or say what is wrong with it."""
    asked = _load(_checked(line, secret))
    operation = asked.get("op")
    if operation not in OPERATIONS:
        raise RequestError(f"op is one of {', '.join(OPERATIONS)}")
    if operation == "status":
        return Request(operation)
    task = {"frame": _frame_task, "mask": _mask_task, "pattern": _pattern_task}[operation](asked)
    return Request(
        operation,
        _source(asked, data_folder),
        _moved(asked.get("moved")),
        {"op": operation, **task},
    )


def sign(line: bytes, secret: bytes) -> bytes:
    """Put the proof in front of a line that its sender knows the secret."""
    return hmac.new(secret, line, "sha256").hexdigest().encode() + b" " + line


def _checked(line: bytes, secret: bytes) -> bytes:
    if not secret:
        return line
    proof, _, line = line.partition(b" ")
    if not hmac.compare_digest(proof, hmac.new(secret, line, "sha256").hexdigest().encode()):
        raise RequestError("the request is not signed with the secret of this server")
    return line


def _load(line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError as error:
        raise RequestError("the request is no line of JSON") from error
    if not isinstance(asked, dict):
        raise RequestError("the request is no JSON object")
    return asked


def _source(asked: dict[str, Any], data_folder: Path) -> str:
    source = asked.get("source")
    if not isinstance(source, str) or "\0" in source:
        raise RequestError("source is the path of a source description")
    real = Path(source).resolve()
    if real.name != "source.json" or not real.is_relative_to(data_folder.resolve()):
        raise RequestError(f"{source} is no source description below the data folder")
    return str(real)


def _moved(moved: Any) -> dict[str, Any]:
    if not moved:
        return {}
    try:
        places = [
            moved["roots"],
            *((place["path"], place["fingerprint"]) for place in moved["files"].values()),
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise RequestError("moved has roots, and path and fingerprint of each of its files") from error
    if not all(isinstance(text, str) for texts in places for text in texts):
        raise RequestError("moved names its places by text")
    return moved


def _frame_task(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": _whole(asked, "index"),
        "bin": _whole(asked, "bin", least=1, most=MOST_BINNED, default=1),
        "plain": asked.get("plain") is True,
    }


def _mask_task(asked: dict[str, Any]) -> dict[str, Any]:
    return {"bin": _whole(asked, "bin", least=1, most=MOST_BINNED, default=1)}


def _pattern_task(asked: dict[str, Any]) -> dict[str, Any]:
    frames = asked.get("frames")
    if not isinstance(frames, list) or not 1 <= len(frames) <= MOST_FRAMES:
        raise RequestError(f"frames is a list of 1 to {MOST_FRAMES} numbers")
    if not all(type(frame) is int and frame >= 0 for frame in frames):
        raise RequestError("frames are whole numbers")
    if asked.get("what") not in PATTERNS:
        raise RequestError(f"what is one of {', '.join(PATTERNS)}")
    return {"frames": sorted(set(frames)), "what": asked["what"]}


def _whole(
    asked: dict[str, Any], name: str, least: int = 0, most: int = 2**53, default: int | None = None
) -> int:
    value = asked.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise RequestError(f"{name} is a whole number from {least} to {most}")
    return value
