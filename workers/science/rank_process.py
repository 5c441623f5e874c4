"""One of the processes that torchrun starts: ``python -m workers.science.rank_process CALL.json``.

The first one prints a JSON line for each report of progress; who meets an error for the user prints that.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workers.science.errors import ScienceError
from workers.science.factorvae import LearnRecipe
from workers.science.processes import end_with_parent
from workers.science.ranks import joined_ranks
from workers.science.recipe import read_recipe
from workers.science.train import train_factorvae
from workers.science.warm_start import read_weights


def report(
    done: int, total: int, unit: str = "frames", *, note: str = "", point: dict[str, Any] | None = None
) -> None:
    """Print progress as a line."""
    say({"done": done, "total": total, "point": point})


def say(message: dict[str, Any]) -> None:
    """Print a line by one write: processes share the pipe, and the end of a line must not come by itself."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(path: str) -> int:
    """Train as the file says."""
    end_with_parent()
    call = json.loads(Path(path).read_text())
    torch.set_num_threads(call.pop("threads"))
    features = np.load(call.pop("features"), mmap_mode="r", allow_pickle=False)
    recipe, scratch = read_recipe(LearnRecipe, call.pop("recipe")), Path(call.pop("scratch"))
    start_from = call.pop("start_from")
    if start_from:
        call |= {"weights": read_weights(start_from, recipe, features.shape[-1])}
    with joined_ranks() as ranks:
        try:
            train_factorvae(features, recipe, scratch=scratch, on_progress=report, ranks=ranks, **call)
        except ScienceError as error:
            say({"subject": error.subject, "cause": error.cause, "remedy": error.remedy})
            return 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(code)  # threads of the process group may still run, and abort when the interpreter goes
