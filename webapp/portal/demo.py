"""The demo data set: simulated droplets, some of them labelled as a person would."""

import csv
import os
import secrets
from pathlib import Path

import numpy as np
from django.conf import settings

from webapp.accounts.models import Group, Membership, User
from webapp.datasets.models import Dataset
from webapp.datasets.services import register_dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit

NAME = "Simulated helium droplets"
GROUP = "Demo"
N_FRAMES = 1200
N_LABELLED = 160
SHAPE = (128, 128)
SEED = 7


def demo_group() -> tuple[Group, User, str]:
    """Return the demo's group, its user and the user's password, made at the first call."""
    group, _ = Group.objects.get_or_create(name=GROUP)
    path = settings.DATA_DIR / "demo-password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    password = path.read_text()
    user, is_new = User.objects.get_or_create(username="demo")
    if is_new or not user.check_password(password):
        user.set_password(password)
        user.save()
    Membership.objects.get_or_create(group=group, user=user, defaults={"role": Membership.Role.OWNER})
    return group, user, password


def simulate_demo(*, group: Group, user: User, n_frames: int) -> Handle:
    """Ask a worker to simulate the demo's frames."""
    params = {"n_frames": n_frames, "shape": list(SHAPE), "seed": SEED, "mix": "balanced"}
    return submit(kind="simulate", group=group, params=params, user=user, title="Simulated frames")


def register_demo(*, simulation: Product, user: User) -> Dataset:
    """Register the simulated file as a person would, from below an allowed root."""
    path = settings.DATA_DIR / "sources" / "demo" / f"droplets-{str(simulation.id)[:8]}.cxi"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.link(simulation.path("simulated.cxi"), path)
    found = Dataset.objects.filter(group=simulation.group, fingerprint=str(simulation.id)).first()
    return found or register_dataset(
        group=simulation.group,
        name=NAME,
        paths=[path],
        user=user,
        roots=[path.parent],
        fingerprint=str(simulation.id),
    )


def some_labels(simulation: Product, folder: Path) -> Path:
    """Write the simulator's own labels of a few random frames, which stand in for a person's."""
    with simulation.path("labels.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    chosen = np.random.default_rng(SEED).permutation(len(rows))[: max(N_LABELLED, len(rows) // 8)]
    path = folder / "labels-given.csv"
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["index", "classes"])
        writer.writerows([rows[row]["index"], rows[row]["classes"]] for row in sorted(chosen))
    return path
