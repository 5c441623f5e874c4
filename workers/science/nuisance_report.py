"""The nuisance report: for each cluster and each latent, how much is run, cell, brightness, size."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.nuisance import Told, count_members, explain_latents, halve, tell_beyond, tell_clusters
from workers.science.nuisance_columns import Binned
from workers.science.nuisance_words import STRONG, find_reasons, say
from workers.science.progress import Progress, silent


@dataclass(frozen=True)
class _Found:
    """What one nuisance says of all clusters."""

    binned: Binned
    told: Told
    counts: NDArray[np.float64]


def report_nuisances(
    nuisances: list[Binned],
    labels: NDArray[np.integer],
    latents: NDArray[np.float32],
    active: list[int],
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Say how much of each cluster and of each latent the nuisances explain.

    Time and memory grow with the number of frames by the bins of each nuisance only: one table of counts for
    the clusters, one of sums for the latents.

    Parameters
    ----------
    nuisances : list of Binned
        All of them; those with a problem are listed with it.
    labels : ndarray of shape (n,), int
        Cluster of each frame, -1 for noise.
    latents : ndarray of shape (n, d), float32
        May be a memory map.
    active : list of int
        Latents that the network uses.
    on_progress : Progress

    Returns
    -------
    report : dict
        Plain JSON values. ``nuisances``: list of ``{"name", "title", "unit", "kind", "words", "problem",
        "known"}``. ``clusters``: list of ``{"id", "size", "told", "explained", "words", "artefact",
        "sorted_by"}``, by cluster, noise (-1) last; ``told`` and ``explained`` have a number from 0 to 1 for
        each nuisance, null where too few frames are known; ``words`` a phrase where it differs from the rest;
        ``artefact`` and ``sorted_by`` are sentences, empty where nothing tells the cluster. Noise has
        neither. ``latents``: list of ``{"id", "active", "explained"}``. ``strong``: from where on a nuisance
        tells a cluster.
    """
    used = [binned for binned in nuisances if not binned.problem]
    n_groups = int(labels.max(initial=-1)) + 2
    places = (np.asarray(labels, np.int32) + 1).astype(np.int32)  # noise is the first group
    sizes = np.bincount(places, minlength=n_groups)
    found = []
    for at, binned in enumerate(used):
        on_progress(at, len(used) + 1, "nuisances", note="comparing clusters")
        found.append(_find(binned, used, places, sizes))
    on_progress(len(used), len(used) + 1, "nuisances", note="comparing latents")
    explained = explain_latents(used, latents)
    groups = [*range(1, n_groups), *([0] if sizes[0] else [])]
    return {
        "n_frames": len(labels),
        "strong": STRONG,
        "nuisances": [_describe(binned) for binned in nuisances],
        "clusters": [_cluster(group, int(sizes[group]), found) for group in groups],
        "latents": [
            {"id": latent, "active": latent in active, "explained": _by_name(used, explained[:, latent])}
            for latent in range(latents.shape[1])
        ],
    }


def _find(
    binned: Binned, used: list[Binned], places: NDArray[np.int32], sizes: NDArray[np.integer]
) -> _Found:
    counts = count_members(binned, places, len(sizes), halve(len(places)))
    told = tell_clusters(binned, counts, sizes)
    cause = next((other for other in used if other.nuisance.name == binned.nuisance.follows), None)
    if cause is not None:
        beyond = tell_beyond(binned, cause, places, len(sizes))
        told = Told(np.minimum(told.told, beyond), told.shift, told.explained)
    return _Found(binned, told, counts.sum(axis=0))


def _cluster(group: int, size: int, found: list[_Found]) -> dict[str, Any]:
    used = [item.binned for item in found]
    told = _by_name(used, [item.told.told[group] for item in found])
    words = {
        item.binned.nuisance.name: phrase
        for item in found
        if (phrase := say(item.binned, item.told, item.counts, group))
    }
    titles = {item.binned.nuisance.name: item.binned.nuisance.title.lower() for item in found}
    sentences = {"artefact": "", "sorted_by": ""}
    for name, start in (("artefact", "Looks like an artefact"), ("sorted_by", "Sorted by")):
        nuisances = [binned.nuisance for binned in used]
        reasons = find_reasons(nuisances, told, artefact=name == "artefact") if group else []
        if reasons:
            named = f" {' and '.join(titles[reason] for reason in reasons)}" if name == "sorted_by" else ""
            sentences[name] = f"{start}{named}: {'; '.join(words[reason] for reason in reasons)}."
    return {
        "id": group - 1,
        "size": size,
        "told": told,
        "explained": _by_name(used, [item.told.explained[group] for item in found]),
        "words": words,
        **sentences,
    }


def _describe(binned: Binned) -> dict[str, Any]:
    nuisance = binned.nuisance
    return {
        **{name: getattr(nuisance, name) for name in ("name", "title", "unit", "kind")},
        "words": binned.words,
        "problem": binned.problem,
        "known": round(binned.known, 4),
    }


def _by_name(used: list[Binned], values: Any) -> dict[str, float | None]:
    """Return numbers by the name of each nuisance, None where there is none."""
    pairs = zip(used, values, strict=True)
    return {
        binned.nuisance.name: round(float(value), 4) if np.isfinite(value) else None
        for binned, value in pairs
    }
