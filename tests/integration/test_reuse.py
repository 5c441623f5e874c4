"""A network of one run sorts the next one without any label there, and its latents cluster it."""

import json

import numpy as np
import pytest

from tests.integration.conftest import condensed_dataset, settled
from tests.science.synthetic import CLASSES, diffraction_frames
from webapp.accounts.models import Group
from webapp.datasets.columns import columns_of
from webapp.datasets.decisions import decide, decision_rule
from webapp.datasets.lineage import newest
from webapp.datasets.scopes import frames_of_scope
from webapp.explore.reuse import cluster_with_network
from webapp.jobs.models import Product
from webapp.jobs.services import Handle
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.reuse import sort_with_network
from webapp.manifests.services import train_and_sort
from webapp.networks.applicability import candidates_for, see_which_fit
from webapp.networks.services import learn_patterns
from webapp.portal.line import line_of

N_FRAMES = 240


def register(group, beam_time, path, side, seed):
    """Register a run of a detector of that size up to its condensed frames; return it and the truth."""
    frames, classes = diffraction_frames(N_FRAMES, side, seed=seed)
    frames[:, side // 2 + 4 : side // 2 + 4 + side // 24] = 0  # a gap, at another place on each
    return condensed_dataset(group, beam_time, path, frames), classes


@pytest.mark.timeout(600)
def test_a_network_is_found_to_fit_sorts_without_a_label_and_is_named_in_the_manifest(group, tmp_path):
    beam_time = Group.objects.create(name="beam time")
    first, truth = register(group, beam_time, tmp_path / "first.cxi", 64, seed=1)
    create_scheme(dataset=first, names=CLASSES, exclusive=(), single_label=True)
    for number, name in enumerate(CLASSES):
        frames = np.flatnonzero(truth == number)[:20]
        label_frames(dataset=first, frames=frames, operation="set", classes=[name])
    condensation = Handle.of(newest(first, "condense"))
    train_and_sort(dataset=first, recipe={"n_unlabelled": 100})
    learn_patterns(dataset=first, condensation=condensation, recipe={"n_steps": 40})
    second, unseen = register(group, beam_time, tmp_path / "second.cxi", 96, seed=2)
    settled(group)

    see_which_fit(dataset=second)
    settled(group)
    [offer] = candidates_for(second, "train")
    assert offer.fits, offer.sentence
    assert offer.likeness["alike"] > 0.5
    [seeing] = candidates_for(second, "learn")
    assert seeing.fits
    assert seeing.answers is None

    sort_with_network(dataset=second, network=offer.network)
    settled(group)
    second.refresh_from_db()
    columns = columns_of(second)
    said = decide(np.asarray(columns.class_probabilities), decision_rule(columns.products["classify"]))
    assert (said.argmax(axis=1) == unseen).mean() > 0.9
    assert second.scheme.names == list(CLASSES)
    assert len(frames_of_scope(columns, {"predicted": "streak"})) > 40
    manifest = newest(second, "manifest")
    card = json.loads(manifest.path("manifest.json").read_text())
    entry = next(one for one in card["networks"] if one["id"] == str(offer.network.pk))
    assert entry["is_of_another_data_set"]
    assert entry["learned_from"]["name"] == "first"

    cluster_with_network(dataset=second, network=seeing.network)
    settled(group)
    assert newest(second, "cluster").input("network") == seeing.network
    states = {step.place.name: step.state for step in line_of(second)}
    assert (states["learn"], states["sort"], states["clusters"]) == ("done", "done", "done")
    assert not Product.objects.filter(dataset=second, kind__in=("learn", "train")).exists()
