"""Several processes that train one network, started by torchrun and watched from here.

With a GPU each they talk over NCCL, else over gloo. When one ends badly torchrun ends the others, and what
became of it is said in a sentence. The first process writes the checkpoint, from which the caller goes on.
"""

import ctypes
import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from workers.science.errors import TrainingError
from workers.science.factorvae import LearnRecipe
from workers.science.progress import Progress

_ROOT = Path(__file__).parents[2]
_FAILURE = re.compile(r"rank\s*:\s*(\d+).*?exitcode\s*:\s*(-?\d+)", re.DOTALL)
_PR_SET_PDEATHSIG = 1
GRACE_S = 15


def count_processes(recipe: LearnRecipe) -> int:
    """Return how many processes a recipe asks for on this host.

    Raises
    ------
    TrainingError
        If there are GPUs, but less than processes.
    """
    n_gpus = torch.cuda.device_count()
    if recipe.processes > max(n_gpus, 1) and n_gpus:
        raise TrainingError(
            "Setting 'processes'",
            f"{recipe.processes} is more than the {n_gpus} GPUs that this worker sees",
            "Choose fewer, or 0 for all of them",
        )
    return recipe.processes or max(n_gpus, 1)


def train_in_processes(
    n: int,
    *,
    features: Path,
    recipe: LearnRecipe,
    scratch: Path,
    threads: int,
    on_progress: Progress,
    **arguments: Any,
) -> None:
    """Train to the end in `n` processes; the result is the checkpoint in `scratch`.

    Parameters
    ----------
    n : int
        Processes.
    features : Path
        ``.npy``, float32 of shape (n_frames, n_features).
    recipe : LearnRecipe
        Of the training; each process has batches of its size.
    scratch : Path
        Folder of the checkpoint.
    threads : int
        Threads of all processes together.
    on_progress : Progress
        Told what the first process reports.
    arguments
        What else `train_factorvae` takes, plain JSON values, and `start_from`, a network's folder or None.

    Raises
    ------
    TrainingError
        If a process reported one, was killed or crashed.
    """
    call = {
        **arguments,
        "features": str(features),
        "recipe": asdict(recipe),
        "scratch": str(scratch),
        "threads": max(1, threads // n),
    }
    path = scratch / "processes.json"
    path.write_text(json.dumps(call))
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)]
    command = [sys.executable, *run, "-m", "workers.science.rank_process", str(path)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=end_with_parent,
        ) as process,
    ):
        try:
            said = _listen(process, on_progress)
        finally:
            _end(process)
        if process.returncode or said:
            errors.seek(0)
            raise _failure(said, errors.read(), n)


def _listen(process: subprocess.Popen, on_progress: Progress) -> dict[str, str]:
    """Pass progress on until the output ends; return the error that a process reported, if one did."""
    said: dict[str, str] = {}
    for line in process.stdout or ():
        if not line.startswith('{"'):  # what libraries print
            continue
        message = json.loads(line)
        if "cause" in message:
            said = said or message
        else:
            on_progress(message["done"], message["total"], "steps", note="learning", point=message["point"])
    process.wait()
    return said


def _end(process: subprocess.Popen) -> None:
    """Have torchrun end its processes, where it has not done so."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _failure(said: dict[str, str], errors: str, n: int) -> TrainingError:
    """Return the error for the user: what a process said, or which one ended how."""
    if said:
        return TrainingError(said["subject"], said["cause"], said["remedy"])
    # What torchrun writes of the processes that it ended itself comes before the one that failed first.
    found = _FAILURE.search(errors.rpartition("Root Cause")[2])
    if found is None:
        return TrainingError(
            "Training", f"its {n} processes could not be started", "Look at the worker's log"
        )
    rank, code = int(found[1]), int(found[2])
    how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
    remedy = "Run it again: it goes on from its last checkpoint"
    return TrainingError("Training", f"process {rank + 1} of {n} {how}, and the others were ended", remedy)


def end_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
