"""Rate of the simulator: `python -m benchmarks.simulation --frames 400`."""

import argparse
import tempfile
import time

from workers.science.steps.simulate import simulate


def main(arguments: list[str] | None = None) -> None:
    """Simulate and write frames of 128 x 128 with one and with two threads, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=400)
    given = parser.parse_args(arguments)
    print(f"Simulation of {given.frames} frames of 128 x 128, written as CXI")
    for threads in (1, 2):
        with tempfile.TemporaryDirectory() as out:
            started = time.perf_counter()
            simulate(
                n_frames=given.frames, shape=(128, 128), seed=0, mix="balanced", out=out, threads=threads
            )
            seconds = time.perf_counter() - started
        print(f"  {threads} threads: {given.frames / seconds:6.1f} frames/s")


if __name__ == "__main__":
    main()
