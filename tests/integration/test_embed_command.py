"""`manage.py embed` writes the latents of frames, and refuses in one line what it cannot use."""

from io import StringIO
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import call_command

from tests.webapp.factories import make_dataset, make_group, make_product
from workers.science.embed import embed_frames, load_embedder
from workers.science.preprocess import condense_frames, load_geometry
from workers.science.steps.learn import learn

SIDE = 32
QUICK = {"n_steps": 6, "n_latents": 3, "hidden_width": 16, "discriminator_width": 8}


def run(*arguments):
    said = StringIO()
    call_command("embed", *map(str, arguments), stdout=said)
    return said.getvalue()


def refusal(*arguments):
    with pytest.raises(SystemExit) as end:
        call_command("embed", *map(str, arguments), stderr=(said := StringIO()))
    assert end.value.code == 2
    lines = said.getvalue().strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The folder of a FactorVAE that learned from frames of 32 x 32 pixels."""
    folder = tmp_path_factory.mktemp("network")
    condensed, out, scratch = folder / "condensed", folder / "out", folder / "scratch"
    for place in (condensed, out, scratch):
        place.mkdir()
    np.save(condensed / "condensed.npy", np.random.default_rng(0).integers(0, 255, (60, SIDE, SIDE), "u1"))
    facts = {"centre": (15.5, 15.5), "scale_max": 200.0, "size": SIDE, "crop": float(SIDE)}
    np.savez(condensed / "geometry.npz", mask=np.ones((SIDE, SIDE), bool), **facts)
    paths = {"condensed_dir": str(condensed), "scratch": str(scratch), "out": str(out)}
    learn(recipe=QUICK, seed=0, threads=1, **paths)
    return out


@pytest.fixture
def frames(tmp_path):
    counts = np.random.default_rng(1).poisson(20, (40, SIDE, SIDE)).astype(np.uint16)
    np.save(tmp_path / "frames.npy", counts)
    return tmp_path / "frames.npy"


def test_latents_are_those_of_the_network_and_nothing_else_is_left(network, frames, tmp_path):
    said = run(frames, "--network", network, "--out", tmp_path / "latents.npy", "--threads", 1)
    latents = np.load(tmp_path / "latents.npy")
    condensed = condense_frames(np.load(frames), load_geometry(network))
    assert latents.dtype == np.float32
    assert np.allclose(latents, embed_frames(condensed, load_embedder(network)), atol=1e-5)
    assert "40 frames: " in said
    assert sorted(file.name for file in tmp_path.iterdir()) == ["frames.npy", "latents.npy"]


@pytest.mark.django_db
def test_a_registered_network_is_found_by_its_id_and_a_classifier_is_refused(network, frames, tmp_path):
    dataset = make_dataset(make_group(), 4)

    def copy_network(out):
        for file in network.iterdir():
            (out / file.name).write_bytes(file.read_bytes())

    product = make_product(dataset, "learn", copy_network, {}, {})
    run(frames, "--network", product.pk, "--out", tmp_path / "latents.npy", "--threads", 1)
    assert np.load(tmp_path / "latents.npy").shape == (40, 3)
    classifier = make_product(
        dataset, "train", lambda out: (out / "card.json").write_text('{"kind": "classifier"}'), {}, {}
    )
    line = refusal(frames, "--network", classifier.pk, "--out", tmp_path / "other.npy")
    assert "which has no latents" in line
    assert "no network is registered" in refusal(
        frames, "--network", uuid4(), "--out", tmp_path / "other.npy"
    )


def test_what_cannot_be_used_is_refused_and_nothing_is_written(network, frames, tmp_path):
    out = ("--out", tmp_path / "latents.npy")
    assert "neither a network's folder nor an id" in refusal(frames, "--network", tmp_path, *out)
    assert "absent.npy" in refusal(tmp_path / "absent.npy", "--network", network, *out)
    assert "no file can be written" in refusal(
        frames, "--network", network, "--out", tmp_path / "a" / "b.npy"
    )
    np.save(tmp_path / "wide.npy", np.zeros((3, SIDE, 2 * SIDE), np.uint16))
    assert "pixels" in refusal(tmp_path / "wide.npy", "--network", network, *out)
    assert not (tmp_path / "latents.npy").exists()
