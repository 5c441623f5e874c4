"""Writes about networks: learn, embed, train, classify."""

from typing import Any

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.jobs.services import Handle, submit


def learn_patterns(
    *,
    dataset: Dataset,
    condensation: Handle,
    recipe: dict[str, Any] | None = None,
    seed: int = 0,
    start_from: Handle | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for a FactorVAE trained on the condensed frames, from the weights of another one if named."""
    inputs = {"condensation": condensation} | ({"start_from": start_from} if start_from else {})
    return submit(
        kind="learn",
        group=dataset.group,
        dataset=dataset,
        inputs=inputs,
        params={"recipe": recipe or {}, "seed": seed},
        user=user,
        title=f"{dataset.name[:150]}: FactorVAE, seed {seed}",
    )


def embed_frames(
    *, dataset: Dataset, condensation: Handle, network: Handle, user: User | None = None
) -> Handle:
    """Ask for the latents of all frames."""
    return submit(
        kind="embed",
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": condensation, "network": network},
        user=user,
    )


def train_classifier(
    *,
    dataset: Dataset,
    condensation: Handle,
    labels_as_of: int,
    recipe: dict[str, Any] | None = None,
    seed: int = 0,
    start_from: Handle | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for a classifier trained on the labels up to event `labels_as_of`, from another one if named."""
    return submit(
        kind="train",
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": condensation} | ({"start_from": start_from} if start_from else {}),
        params={"recipe": recipe or {}, "seed": seed, "labels_as_of": labels_as_of},
        user=user,
        title=f"{dataset.name[:130]}: classifier, labels up to {labels_as_of}, seed {seed}",
    )


def classify_frames(
    *, dataset: Dataset, condensation: Handle, network: Handle, user: User | None = None
) -> Handle:
    """Ask for the class probabilities of all frames."""
    return submit(
        kind="classify",
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": condensation, "network": network},
        user=user,
    )
