"""Read many hostile files in one confined process, and write a JSON line on each.

It is called with the folder that it may read, the one that it may write, and the files on standard input; it
confines itself as the child of a worker does for a step that reads other people's files.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.science.io.hostile.cases import SECRET, SECRET_BYTE
from workers.child import confine, out_of_memory
from workers.science.errors import ScienceError
from workers.science.io import describe_source, open_source
from workers.science.io.formats import known_formats

MOST_BYTES = 64 * 2**20


def main(root: str, out: str) -> None:
    """Read the files whose names come in."""
    # what libraries print must not mix with the answers
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known_formats()  # imports all readers
    confine("index.inspect_source", {"roots": [root]}, out)
    for line in sys.stdin:
        path = json.loads(line)
        try:
            said = read_file(path, root)
        except ScienceError as error:
            said = {"outcome": "refused", "text": str(error)}
        except MemoryError:
            call = {"step": "index.inspect_source", "arguments": {"sources": [path]}}
            said = {"outcome": "refused", "text": out_of_memory(call)}
        except BaseException as error:
            said = {"outcome": "crashed", "text": repr(error)[:500]}
        print(json.dumps({"path": path, "peak": peak_bytes(), **said}), file=answers, flush=True)


def read_file(path: str, root: str) -> dict[str, Any]:
    """Describe a file and read all that it claims to hold, up to a bound."""
    description = describe_source(sources=[path], roots=[root])
    total, seen = Checksum(), [json.dumps(description).encode()]
    with open_source(description) as reader:
        frame_bytes = reader.height * reader.width * reader.dtype.itemsize
        n_frames = min(reader.n_frames, max(1, MOST_BYTES // frame_bytes))
        for start in range(0, n_frames, 4):
            frames = reader.read(start, min(start + 4, n_frames))
            seen.append(frames.tobytes())
            total.add(frames)
        mask, labels = reader.read_mask(), reader.read_labels(0, n_frames)
        ids, columns = reader.identify(0, n_frames), reader.read_columns(0, n_frames)
    seen += [np.asarray(item).tobytes() for item in (mask, labels) if item is not None]
    seen += [np.ma.getdata(getattr(ids, name)).tobytes() for name in ("train_id", "pulse_id", "cell_id")]
    seen += [values.tobytes() for values in columns.values()]
    return {
        "outcome": "read",
        "text": json.dumps(description["states"]),
        "n_frames": n_frames,
        "sum": total.value,
        "saw_secret": any(SECRET in content or SECRET_BYTE * 8 in content for content in seen),
    }


def peak_bytes() -> int:
    """Return the largest resident size of this process; `getrusage` would count what it was before exec."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


class Checksum:
    """Tell frames from others: by their shape, and by sums over values weighted by their place."""

    def __init__(self) -> None:
        self.value: list[float] = [0, 0, 0, 0]

    def add(self, frames: np.ndarray) -> None:
        """Take in frames of shape (m, h, w)."""
        n_frames, height, width = frames.shape
        weights = 1 + np.arange(width) % 997
        for number, frame in enumerate(frames, start=self.value[0] + 1):
            rows = np.nan_to_num(frame.astype(np.float64)) @ weights
            self.value[3] += float(rows @ (1 + np.arange(height))) * number
        self.value[:3] = [self.value[0] + n_frames, height, width]


def checksum(frames: np.ndarray) -> list[float]:
    """Return the checksum of frames of shape (n, h, w)."""
    total = Checksum()
    total.add(frames)
    return total.value


if __name__ == "__main__":
    main(*sys.argv[1:])
