"""Start the frame server: `python -m workers.frames --listen PATH_OR_HOST:PORT --data FOLDER`."""

import argparse
import logging
import sys
from pathlib import Path

from workers.frames.server import FrameServer, Limits, listen_on
from workers.science.io.bitshuffle import load_bitshuffle
from workers.science.io.formats import known_formats


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m workers.frames", description=__doc__)
    parser.add_argument("--listen", required=True, help="path of a unix socket, or host:port")
    parser.add_argument("--data", required=True, type=Path, help="folder of everything that Fringe writes")
    parser.add_argument("--secret-file", type=Path, help="key of signed requests; needed for host:port")
    parser.add_argument("--readers", type=int, default=Limits.n_readers, help="how many processes at most")
    parser.add_argument("--frame-s", type=float, default=Limits.frame_s, help="longest time for one frame")
    given = parser.parse_args(arguments)
    if "/" not in given.listen and not given.secret_file:
        parser.error("--secret-file is needed where others can reach the server")
    secret = given.secret_file.read_text().strip().encode() if given.secret_file else b""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    listener = listen_on(given.listen)
    load_readers()
    limits = Limits(n_readers=given.readers, frame_s=given.frame_s)
    FrameServer(listener, given.data, secret, limits).run()
    return 0


def load_readers() -> None:
    """Load every reader and its compiled loops, so that children begin with what they need."""
    known_formats()
    for n_bytes in (1, 2, 4, 8):  # a confined child could compile them, but not keep them for the next
        load_bitshuffle(n_bytes)


if __name__ == "__main__":
    sys.exit(main())
