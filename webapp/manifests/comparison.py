"""Classifiers against each other on labelled frames that none of them learned from."""

import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.decisions import decide, rule_of_card
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import label_state, last_event_id
from webapp.labels.state_cache import current_labels
from webapp.manifests.reuse import listed
from webapp.networks.applicability import networks_for
from webapp.networks.paired import Answers, Pair, Scores, compare

FEWEST, MOST = 2, 6
MOST_NAMED = 60
MOST_LISTED = 30
FEWEST_FRAMES = 10


@dataclass(frozen=True)
class Choice:
    """A classifier that may be compared here; `problem` says why it cannot be (yet)."""

    network: Product
    is_foreign: bool
    judged: Path | None
    problem: str = ""
    must_judge: bool = False


@dataclass(frozen=True)
class PairRow:
    """Two networks, and where to look at the frames on which one of them alone is right."""

    first: Product
    second: Product
    pair: Pair
    first_scope: str
    second_scope: str

    @property
    def words(self) -> str:
        """Which of the two is better on these frames."""
        size = self.pair.size
        if self.pair.better == 0:
            return f"not told apart (difference {size.low:+.2f} to {size.high:+.2f})"
        name = self.first if self.pair.better > 0 else self.second
        return f"{name} by {size.value:.2f} ({size.low:.2f} to {size.high:.2f})"


@dataclass(frozen=True)
class Comparison:
    """Figures of networks on the same frames; `problem` instead of them where they cannot be compared."""

    networks: list[Product]
    classes: list[str]
    left_out: list[str]
    n_frames: int = 0
    scores: list[Scores] | None = None
    pairs: list[PairRow] | None = None
    support: list[int] | None = None
    problem: str = ""

    @property
    def rows(self) -> list[tuple[Product, Scores]]:
        """Each network with its figures."""
        return list(zip(self.networks, self.scores or [], strict=False))

    @property
    def class_rows(self) -> list[tuple[str, int, list[tuple[Any, Any]]]]:
        """Each class with how many frames have it, and F1 and average precision of each network."""
        scores = self.scores or []
        return [
            (name, (self.support or [])[place], [(one.f1[place], one.ap[place]) for one in scores])
            for place, name in enumerate(self.classes)
        ]


def choices_for(dataset: Dataset) -> list[Choice]:
    """Return the classifiers that know these frames or could be asked about them, own ones first."""
    own = Product.objects.filter(dataset=dataset).of_kind("train").select_related("dataset")[:MOST_LISTED]
    foreign = networks_for(dataset, "train")
    return [_own(product) for product in own] + [_foreign(dataset, product) for product in foreign]


def _own(network: Product) -> Choice:
    path = network.folder / "judged.npz"
    if not path.is_file():
        return Choice(network, False, None, "It does not say what it was judged by. Train again.")
    return Choice(network, False, path)


def _foreign(dataset: Dataset, network: Product) -> Choice:
    condensation = newest(dataset, "condense")
    if condensation is None:
        return Choice(network, True, None, "The frames are not condensed yet.")
    learned = (network.facts.get("data") or {}).get("sha256")
    if learned and learned == (condensation.files.get("condensed.npy") or {}).get("sha256"):
        return Choice(network, True, None, "It learned from these very frames, under another name.")
    inputs = {"inputs__network": str(network.pk), "inputs__condensation": str(condensation.pk)}
    judged = Product.objects.filter(dataset=dataset, kind="judge", **inputs).first()
    if judged is None:
        return Choice(network, True, None, "It has not been asked about these frames yet.", must_judge=True)
    is_behind = judged.params.get("labels_as_of", 0) < last_event_id(dataset)
    words = "It has not been asked about the newest labels." if is_behind else ""
    return Choice(network, True, judged.folder / "judged.npz", words, must_judge=is_behind)


def judge_here(*, dataset: Dataset, networks: list[Product], user: User | None = None) -> list[Handle]:
    """Ask what networks of other data sets say of the frames that are labelled here."""
    condensation, as_of = newest(dataset, "condense"), last_event_id(dataset)
    if condensation is None or not as_of:
        return []
    return [
        submit(
            kind="judge",
            group=dataset.group,
            dataset=dataset,
            inputs={"condensation": Handle.of(condensation), "network": Handle.of(network)},
            params={"labels_as_of": as_of},
            user=user,
            title=f"{network} on the labels of {dataset.name}"[:200],
        )
        for network in networks
    ]


def judging_jobs(dataset: Dataset) -> list[Job]:
    """Return the jobs that ask networks about labelled frames now."""
    return list(Job.objects.active().filter(dataset=dataset, kind="judge"))


def compare_networks(dataset: Dataset, chosen: list[Choice]) -> Comparison:
    """Compare classifiers on the frames that are labelled now and that none of them learned from."""
    networks, scheme = [one.network for one in chosen], ClassScheme.objects.filter(dataset=dataset).first()
    missing = next((one for one in chosen if one.judged is None), None)
    if missing is not None:
        return Comparison(networks, [], [], problem=f"{missing.network}: {missing.problem}")
    if scheme is None:
        return Comparison(networks, [], [], problem="This data set has no classes and no labels yet.")
    columns = [_columns(scheme, network) for network in networks]
    classes = [name for name in scheme.names if all(name in known for known in columns)]
    left_out = sorted({name for known in columns for name in known} - set(classes), key=scheme.names.index)
    if not classes:
        names = [listed(network.facts["classes"]) for network in networks]
        return Comparison(networks, [], left_out, problem=f"They share no class: {'; '.join(names)}.")
    as_of = current_labels(dataset).state.last_event
    judged = tuple(str(one.judged) for one in chosen)
    try:
        found = _compared(
            dataset.pk, as_of, judged, tuple(network.pk for network in networks), tuple(classes)
        )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return Comparison(
            networks, classes, left_out, problem="What they said of these frames cannot be read. Train again."
        )
    frames, truth, scores, pairs = found
    if scores is None:
        return Comparison(
            networks,
            classes,
            left_out,
            n_frames=len(frames),
            problem=f"Only {len(frames)} labelled frames are new to all of them; {FEWEST_FRAMES} are needed.",
        )
    rows = [
        PairRow(
            networks[pair.first],
            networks[pair.second],
            pair,
            _scope(frames[pair.first_alone]),
            _scope(frames[pair.second_alone]),
        )
        for pair in pairs
    ]
    support = truth.sum(axis=0).tolist()
    return Comparison(networks, classes, left_out, len(frames), scores, rows, support)


def _columns(scheme: ClassScheme, network: Product) -> dict[str, int]:
    """Return in which column a network says of a class of the scheme, by present or former name."""
    called = {entry["name"]: entry["name"] for entry in scheme.classes}
    for entry in scheme.classes:
        for former in entry.get("former", []):
            called.setdefault(former, entry["name"])
    names = network.facts["classes"]
    return {called[name]: place for place, name in enumerate(names) if name in called}


@lru_cache(maxsize=32)
def _compared(
    dataset_pk: Any, as_of: int, judged: tuple[str, ...], networks: tuple[Any, ...], classes: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, list[Scores] | None, list[Pair]]:
    """Score once: products never change, and labels are named by their last event."""
    dataset = Dataset.objects.get(pk=dataset_pk)
    scheme, state = ClassScheme.objects.get(dataset=dataset), label_state(dataset, as_of)
    said = [_read(path) for path in judged]
    frames = state.indices()
    for indices, _ in said:
        frames = np.intersect1d(frames, indices)
    bits = np.array([scheme.bits([name]) for name in classes], dtype=np.int64)
    truth = (state.masks[frames][:, None] & bits) != 0
    if len(frames) < FEWEST_FRAMES:
        return frames, truth, None, []
    answers = []
    for pk, (indices, probabilities) in zip(networks, said, strict=True):
        network = Product.objects.get(pk=pk)
        order = np.argsort(indices, kind="stable")
        rows = probabilities[order[np.searchsorted(indices[order], frames)]]
        facts, columns = network.facts, _columns(scheme, network)
        decision = decide(rows, rule_of_card(facts))
        places = [columns[name] for name in classes]
        answers.append(Answers(decision[:, places], rows[:, places].astype(np.float64)))
    return frames, truth, *compare(truth, answers)


def _read(path: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as kept:
        return kept["indices"].astype(np.int64), kept["probabilities"]


def _scope(frames: np.ndarray) -> str:
    """Return the scope of the first of some frames, as an address takes it."""
    named = {"frames": frames[:MOST_NAMED].tolist()}
    return quote(json.dumps(named, separators=(",", ":"))) if len(frames) else ""
