"""Damaged files of each layout are read or refused with a line, whatever place the damage is at."""

import random
from pathlib import Path

import numpy as np
import pytest

from tests.science.io.written_files import (
    tagged_stack,
    write_cheetah,
    write_cxidb94,
    write_fermi,
    write_sacla,
)
from tests.science.io.written_runs import write_camera
from tests.science.synthetic import diffraction_frames
from workers.science.errors import SourceError
from workers.science.io import describe_source, open_source

FRAMES = diffraction_frames(6, 16)[0]
PLANE = np.zeros((16, 16), "u2")
WRITERS = {
    "cxidb94.cxi": lambda path: write_cxidb94(path, FRAMES, np.eye(6, 11)),
    "cheetah.cxi": lambda path: write_cheetah(path, FRAMES, PLANE, PLANE, n_unused=2),
    "tagged.cxi": lambda path: tagged_stack(path, FRAMES, np.eye(2, 6), ["a", "b"]),
    "fermi.h5": lambda path: write_fermi(path, FRAMES, 3),
    "sacla.h5": lambda path: write_sacla(path, FRAMES, n_lost=1),
    "RAW-R0001-DA01-S00000.h5": lambda path: write_camera(
        path, "A/B/C:output", "data/image", [1, 2], FRAMES[:2]
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_damage_anywhere_costs_at_most_the_file(tmp_path, name):
    whole = Path(WRITERS[name](tmp_path / name)).read_bytes()
    chance, refusals = random.Random(name), []
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 4, 16])):
            place = chance.randrange(min(len(whole), 16_000))  # where HDF5 keeps what it knows of its data
            damaged[place] ^= 1 << chance.randrange(8)
        (tmp_path / name).write_bytes(damaged)
        try:
            description = describe_source(sources=[str(tmp_path / name)], roots=[str(tmp_path)])
            with open_source(description) as reader:
                n_frames = min(10, reader.n_frames)
                assert reader.read(0, n_frames).shape[0] == n_frames
                assert len(reader.identify(0, n_frames).source) == n_frames
                assert set(reader.read_columns(0, n_frames)) == set(description["columns"])
                reader.read_mask()
                reader.read_labels(0, n_frames)
        except SourceError as error:
            refusals.append(str(error))
    assert refusals
    assert all(str(tmp_path) in line and "\n" not in line for line in refusals)
