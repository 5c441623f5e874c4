"""Nothing pickled is ever loaded: what is put in the place of a network's files does not run."""

import ast
import io
import json
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.science.detectors import condense_on, train_on
from workers.live.sorter import load_sorter
from workers.science.another_set import classifier_for, embedder_for
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.errors import ScienceError
from workers.science.judged_file import read_judged
from workers.science.reference import load_reference
from workers.science.steps.applicability import judge
from workers.science.steps.classify import classify_range
from workers.science.steps.learn import learn
from workers.science.warm_classifier import read_earlier

ROOT = Path(__file__).resolve().parents[2]
FILES = ("network.safetensors", "card.json", "geometry.npz")
CLASSES = ["empty", "round", "elliptical", "streak"]


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple:
        return (open, (self.mark, "w"))


def evil_files(mark: Path) -> dict[str, bytes]:
    """Return what may be put in the place of a file."""
    torched, array, arrays = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"weights": Evil(mark)}, torched)
    objects = np.array([Evil(mark)], dtype=object)
    np.save(array, objects, allow_pickle=True)
    names = ("mask", "centre", "scale_max", "size", "scale", "indices", "truth", "probabilities")
    np.savez(arrays, **dict.fromkeys(names, objects))
    return {
        "pickle": pickle.dumps(Evil(mark)),
        "torch": torched.getvalue(),
        "npy of objects": array.getvalue(),
        "npz of objects": arrays.getvalue(),
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Frames, a classifier and a FactorVAE."""
    folder = tmp_path_factory.mktemp("home")
    classes = condense_on(folder / "frames", "small", n=120, seed=1)
    train_on(folder / "frames", classes, folder / "classifier", 60)
    for name in ("factorvae", "scratch"):
        (folder / name).mkdir()
    where = {"condensed_dir": str(folder / "frames"), "scratch": str(folder / "scratch")}
    learn(**where, recipe={"n_steps": 5}, seed=0, threads=1, out=str(folder / "factorvae"))
    return folder


def readers(folder: Path, frames: Path, out: Path, kind: str) -> dict:
    """Return everything that reads a network's folder."""
    if kind == "factorvae":
        return {"embed": lambda: embedder_for(folder, frames)}
    candidate = {"id": "x", "network_dir": str(folder), "condensed_dir": None}
    names = {"condensed_dir": str(frames), "threads": 1, "out": str(out)}
    recipe = ClassifierRecipe()
    return {
        "load": lambda: classifier_for(folder, frames),
        "sort": lambda: classify_range(network_dir=str(folder), start=0, stop=4, **names),
        "live": lambda: load_sorter(folder, None),
        "warm start": lambda: read_earlier(folder, recipe, CLASSES, True),
        "judge": lambda: complain(judge(candidates=[candidate], seed=0, **names)),
    }


def complain(found: dict) -> None:
    """Raise what the step that judges many networks says of one that cannot be read."""
    [verdict] = found["verdicts"]
    assert verdict["verdict"] == "unfit", verdict
    raise ScienceError("Network", verdict["sentence"], "Choose another one")


def test_the_trap_would_go_off_if_it_were_unpickled(tmp_path):
    for name, data in evil_files(tmp_path / "owned").items():
        (tmp_path / "owned").unlink(missing_ok=True)
        if name == "torch":
            torch.load(io.BytesIO(data), weights_only=False)
        elif name == "pickle":
            pickle.loads(data)
        else:
            found = np.load(io.BytesIO(data), allow_pickle=True)
            found = found["mask"] if name.startswith("npz") else found
        assert (tmp_path / "owned").exists(), name


@pytest.mark.parametrize("kind", ["classifier", "factorvae"])
@pytest.mark.parametrize("replaced", FILES)
@pytest.mark.parametrize("evil", ["pickle", "torch", "npy of objects", "npz of objects"])
def test_what_stands_in_the_place_of_a_file_does_not_run_and_is_told_in_one_line(
    home, tmp_path, kind, replaced, evil
):
    mark, folder, frames = tmp_path / "owned", tmp_path / "network", tmp_path / "frames"
    shutil.copytree(home / kind, folder)
    shutil.copytree(home / "frames", frames)
    np.savez(frames / "geometry.npz", **np.load(home / "frames" / "geometry.npz"))  # not byte by byte its own
    (folder / replaced).write_bytes(evil_files(mark)[evil])
    for name, read in readers(folder, frames, tmp_path, kind).items():
        if replaced == "geometry.npz" and (kind == "factorvae" or name == "judge"):
            continue  # they go by the geometry of the frames, and never open the network's
        with pytest.raises(ScienceError) as error:
            read()
        assert "\n" not in str(error.value), name
        assert not mark.exists(), name


@pytest.mark.parametrize("evil", ["pickle", "torch", "npy of objects", "npz of objects"])
def test_nor_does_what_stands_in_the_place_of_what_was_said_of_labels_or_of_the_reference(tmp_path, evil):
    mark = tmp_path / "owned"
    for name, read in (
        ("judged.npz", lambda: read_judged(tmp_path, 4)),
        ("reference.safetensors", lambda: load_reference(tmp_path)),
    ):
        (tmp_path / name).write_bytes(evil_files(mark)[evil])
        with pytest.raises(ScienceError) as error:
            read()
        assert "\n" not in str(error.value)
    assert not mark.exists()


def test_weights_of_another_network_are_told_in_one_line(home, tmp_path):
    for kind, read in (("classifier", classifier_for), ("factorvae", embedder_for)):
        folder = tmp_path / kind
        shutil.copytree(home / kind, folder)
        other = "factorvae" if kind == "classifier" else "classifier"
        shutil.copy(home / other / "network.safetensors", folder / "network.safetensors")
        with pytest.raises(ScienceError, match="do not belong together"):
            read(folder, home / "frames")
        card = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps({"kind": card["kind"], "recipe": {"shapes": True}}))
        with pytest.raises(ScienceError) as error:
            read(folder, home / "frames")
        assert "\n" not in str(error.value)


FORBIDDEN = re.compile(r"^(pickle|cPickle|dill|joblib|cloudpickle|shelve|marshal)$")


def unsafe_in(text: str) -> list[str]:
    """Return what in a source file would load something that can run."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if FORBIDDEN.match(name.name.split(".")[0])]
        elif isinstance(node, ast.ImportFrom) and FORBIDDEN.match((node.module or "").split(".")[0]):
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            found += [name] if name in ("torch.load", "torch.save", "pd.read_pickle") else []
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if given.get("allow_pickle") != "False":
                found.append(ast.unparse(node))
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and ast.unparse(node.value) != "False"
        ):
            found.append("allow_pickle")
    return found


def test_no_source_file_loads_what_can_run():
    files = [path for folder in ("webapp", "workers") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    found = {str(path.relative_to(ROOT)): unsafe_in(path.read_text(encoding="utf-8")) for path in files}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.lib.format.read_array(file, allow_pickle=True)",
    ],
)
def test_a_source_file_that_did_would_be_noticed(text):
    assert unsafe_in(text)
