"""`python -m workers.science.shapenet`: simulate particles, train the shape network, store its weights."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file

from workers.science.shapenet.examples import write_examples
from workers.science.shapenet.network import WEIGHTS, as_tensors
from workers.science.shapenet.train import ShapeRecipe, train_shapes


def main() -> None:
    """Read the arguments and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--examples", type=Path, default=Path("data/shapenet"), help="where particles are kept"
    )
    parser.add_argument("--particles", type=int, default=98_304)
    parser.add_argument("--steps", type=int, default=ShapeRecipe.n_steps)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    examples = write_examples(given.examples, given.particles, given.seed, processes=cores, on_progress=_say)
    recipe = replace(ShapeRecipe(), n_steps=given.steps, seed=given.seed)
    network, found = train_shapes(examples, recipe, on_progress=_say)
    save_file(as_tensors(network), str(given.out))
    print(f"{found:.3f} of the held-back particles found; weights in {given.out}")


def _say(done: int, total: int, unit: str = "", note: str = "") -> None:
    print(f"{done} of {total} {unit} ({note})", flush=True)


if __name__ == "__main__":
    main()
