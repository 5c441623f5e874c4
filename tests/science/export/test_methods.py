"""The methods paragraph says what was done, cites what applies, and nothing else."""

import copy
import re

import pytest

from workers.science.export.citations import CITATIONS
from workers.science.export.methods import methods_of

CARD = {
    "dataset": {"name": "run 7"},
    "sources": [{"path": "a.h5"}, {"path": "b.h5"}],
    "hit_threshold": 120.0,
    "n_frames": 12400,
    "n_labelled": 0,
    "counts": {"classes": {}, "clusters": {}},
    "steps": [],
    "networks": [],
}
FACTORVAE = {
    "kind": "factorvae",
    "seed": 3,
    "versions": {"torch": "2.13.0"},
    "figures": {"active_latents": [0, 2, 5]},
}
CLASSIFIER = {
    "kind": "classifier",
    "seed": 4,
    "versions": {"torch": "2.13.0"},
    "recipe": {"shapes": True, "n_unlabelled": 4000},
    "temperature": 1.31,
    "n_labelled": 312,
    "figures": {"metrics": {"macro_f1": 0.871, "macro_average_precision": 0.9, "n_frames": 312}},
}
CLUSTER = {"kind": "cluster", "params": {"recipe": {"min_cluster_size": 20, "method": "leaf"}}}


def card(**changes: object) -> dict:
    return copy.deepcopy(CARD) | changes


def keys(bibtex: str) -> set[str]:
    return set(re.findall(r"@\w+\{(\w+),", bibtex))


def test_of_raw_frames_it_says_no_more_than_that_they_are_there():
    text, bibtex = methods_of(card())
    assert text.startswith(
        "The data set “run 7” holds 12 400 frames from 2 files. Frames with at least 120 lit"
    )
    assert bibtex == ""
    for word in ("FactorVAE", "HDBSCAN", "network learned", "promised", "labelled by hand"):
        assert word not in text


def test_clusters_cite_their_two_methods_with_their_settings():
    counts = {"classes": {}, "clusters": {"-1": 1000, "0": 7000, "1": 4400}}
    text, bibtex = methods_of(card(networks=[FACTORVAE], steps=[CLUSTER], counts=counts))
    assert "A FactorVAE (Kim & Mnih, 2018) was trained" in text
    assert "(seed 3, PyTorch 2.13.0); 3 of its latents carried information." in text
    assert (
        "HDBSCAN (McInnes & Healy, 2017) with method = leaf, min_cluster_size = 20 found 2 clusters" in text
    )
    assert "left 1 000 frames as noise" in text
    assert keys(bibtex) == {"kim2018", "mcinnes2017"}


def test_a_classifier_cites_what_it_does_and_not_what_it_does_not():
    text, bibtex = methods_of(card(networks=[CLASSIFIER], n_labelled=312))
    assert "were given to 312 frames" in text
    assert "macro-F1 was 0.871 and its mean average precision 0.900 (312 frames)" in text
    assert "temperature of 1.31 (Guo et al., 2017)" in text
    assert keys(bibtex) == {"zimmermann2019", "zhou2003", "guo2017"}
    plain = CLASSIFIER | {"recipe": {"shapes": False, "n_unlabelled": 0}, "temperature": None, "figures": {}}
    text, bibtex = methods_of(card(networks=[plain]))
    assert keys(bibtex) == {"zimmermann2019"}
    assert "macro-F1" not in text


def test_a_choice_of_frames_is_told_with_its_numbers():
    selection = {"words": "Frames sorted as Round of run 12", "n_frames": 12400, "of": 48210, "rule": {}}
    text, _ = methods_of(card(selection=selection))
    assert "holds 48 210 frames" in text
    assert "This manifest holds frames sorted as Round of run 12: 12 400 of 48 210 frames." in text


def test_a_promise_is_told_class_by_class_and_so_is_what_is_not_promised():
    kept = {"asked": 0.95, "threshold": 0.913, "purity": [0.971, 0.95, 0.99], "recall": [0.8, 0.7, 0.9]}
    promise = {"level": 0.95, "classes": {"Round": kept, "Bent": {"asked": 0.95, "threshold": None}}}
    text, _ = methods_of(card(promise=promise))
    assert "Frames of Round were kept from a probability of 0.913 on, at 95 % asked for" in text
    assert "its purity was estimated as 97.1 % (95 % to 99 %) and its recall as 80 % (70 % to 90 %)" in text
    assert "No purity is promised for Bent, and the network decided on none of its frames." in text
    assert "Intervals are at a level of 95 %." in text


@pytest.mark.parametrize("key", CITATIONS)
def test_entries_are_bibtex_whose_braces_match(key):
    entry = CITATIONS[key].bibtex
    assert entry.startswith(("@article{", "@inproceedings{", "@misc{"))
    assert entry.count("{") == entry.count("}")
    for name in ("author", "title", "year"):
        assert f"  {name} = {{" in entry
