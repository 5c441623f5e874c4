"""Lists of trains and pulses of each class, by which EXtra-data selects from a run."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import RecipeError
from workers.science.export.frame_list import FrameList


def write_lists(out: Path, frames: FrameList) -> dict[str, str]:
    """Write ``trains.json`` and ``trains.csv``: for each class its trains, and the pulses of each.

    Raises
    ------
    RecipeError
        If the frames carry no train ids.
    """
    train, pulse = frames.ids["train_id"], frames.ids["pulse_id"]
    if (train < 0).any():
        raise RecipeError("Train lists", "not every frame has a train id", "Leave this format out")
    groups = [("all frames", "", np.arange(len(frames)))]
    groups += [(f"class {name}", name, rows) for name, _, rows in frames.by_class()]
    lists = {name: _pulses(train[rows], pulse[rows]) for _, name, rows in groups}
    told = {"frames": _as_json(lists[""]), "classes": {n: _as_json(v) for n, v in lists.items() if n}}
    text = json.dumps(told, indent=1, ensure_ascii=False)
    (out / "trains.json").write_text(text + "\n", encoding="utf-8")
    with (out / "trains.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("class,train_id,pulse_ids\r\n")
        for name, trains in lists.items():
            if name:
                file.writelines(_row(name, key, values) for key, values in trains.items())
    n_trains = len(lists[""])
    return {
        "trains.json": f"Pulses of each of {n_trains} trains, for all frames and for each class.",
        "trains.csv": "The same by class, a row a train; run.select_trains(by_id[...]) takes the trains.",
    }


def _pulses(train: NDArray[np.int64], pulse: NDArray[np.int64]) -> dict[int, list[int]]:
    """Return the pulses of each train, in order; empty where frames are whole trains."""
    order = np.lexsort((pulse, train))
    train, pulse = train[order], pulse[order]
    starts = np.flatnonzero(np.r_[True, train[1:] != train[:-1]]) if len(train) else np.zeros(0, int)
    parts = np.split(pulse, starts[1:])
    return {int(train[at]): part[part >= 0].tolist() for at, part in zip(starts, parts, strict=False)}


def _as_json(trains: dict[int, list[int]]) -> dict[str, list[int]]:
    return {str(train): pulses for train, pulses in trains.items()}


def _row(name: str, train: int, pulses: list[int]) -> str:
    quoted = name.replace('"', '""')
    # A spreadsheet runs a field that begins with one of these.
    safe = f"'{quoted}" if quoted.lstrip()[:1] in tuple("=+-@＝＋－＠") else quoted
    return f'"{safe}",{train},{" ".join(map(str, pulses))}\r\n'
