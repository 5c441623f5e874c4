"""A frame server for the tests of a module, and sources for it."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.frames.served import ServedFrames
from workers.science.io import describe_source

SHAPE = (40, 24)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the server."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[ServedFrames]:
    """A server with short limits."""
    served = ServedFrames(data, "--frame-s", "3", "--readers", "3")
    yield served
    served.stop()


@pytest.fixture
def frames() -> NDArray:
    """Frames of which every pixel is different."""
    return np.arange(30 * SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(30, *SHAPE)


@pytest.fixture
def register(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write frames to a file below a root, and its description as the dry run does."""

    def write(frames: NDArray, name: str = "run", mask: NDArray | None = None, **chunking: Any) -> Path:
        path = tmp_path / "root" / f"{name}.h5"
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "w") as file:
            detector = file.create_group("entry_1/instrument_1/detector_1")
            detector.create_dataset("data", data=frames, **chunking)
            if mask is not None:
                detector["mask"] = mask
        return describe(path)

    def describe(path: Path) -> Path:
        folder = data / "products" / "inspect" / f"{tmp_path.name}-{path.stem}"
        folder.mkdir(parents=True)
        found = describe_source(sources=[str(path)], roots=[str(path.parent)])
        (folder / "source.json").write_text(json.dumps(found))
        return folder / "source.json"

    return write


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
