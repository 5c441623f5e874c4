"""Why, what next and what is doubtful, by real workers: a training, wrong labels found, a frame explained."""

import numpy as np
import pytest

from tests.integration.conftest import condensed_dataset, settled
from tests.science.synthetic import CLASSES, diffraction_frames
from webapp.accounts.models import Group, User
from webapp.datasets.columns import columns_of
from webapp.datasets.lineage import newest
from webapp.labels.queues import Queue, desk_of, next_frames
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.services import train_and_sort
from webapp.networks.coach import coach_of
from webapp.networks.explanations import ask_why, class_heats, explanation_of
from webapp.networks.figures import figures_of

N_FRAMES, N_LABELS = 320, 15


@pytest.mark.timeout(600)
def test_wrong_labels_come_first_and_it_is_told_why_and_what_more_labels_would_bring(group, tmp_path):
    beam_time = Group.objects.create(name="beam time")
    frames, truth = diffraction_frames(N_FRAMES, 64, seed=5)
    dataset = condensed_dataset(group, beam_time, tmp_path / "run.cxi", frames)
    create_scheme(dataset=dataset, names=CLASSES, exclusive=(), excludes=(), single_label=True)
    rows = [np.flatnonzero(truth == number)[:N_LABELS] for number in range(len(CLASSES))]
    wrong = {int(rows[0][3]), int(rows[1][7])}
    for number, name in enumerate(CLASSES):
        right = np.array([row for row in rows[number] if row not in wrong])
        label_frames(dataset=dataset, frames=right, operation="set", classes=[name])
    label_frames(dataset=dataset, frames=np.array(sorted(wrong)), operation="set", classes=[CLASSES[2]])
    train_and_sort(dataset=dataset, recipe={"n_unlabelled": 100})
    settled(group)

    ada = User.objects.create(username="ada")
    doubted = next_frames(desk_of(dataset, dataset.scheme, ada), Queue("doubtful", 1), 0, 4)[0].tolist()
    assert wrong <= set(doubted)
    network = newest(dataset, "train")
    coach = coach_of(network)
    assert {row.name for row in coach.advice} == set(CLASSES)
    assert coach.chart.n_now == N_LABELS * len(CLASSES)
    assert figures_of(network).macro_f1.low is not None

    frame = int(rows[0][0])
    ask_why(columns=columns_of(dataset), frame=frame, user=ada)
    settled(group)
    product = explanation_of(columns_of(dataset), frame)
    heats = class_heats(columns_of(dataset), frame, product)
    assert [heat.is_decided for heat in heats] == [True] + [False] * (len(CLASSES) - 1)
    heat = np.load(product.folder / "heat.npy", allow_pickle=False)
    assert heat.shape == (
        len(CLASSES),
        *np.load(newest(dataset, "condense").folder / "condensed.npy", mmap_mode="r").shape[1:],
    )
    assert heat[heats[0].place].max() == 255
