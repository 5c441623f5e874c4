"""From labels to a manifest with a promised purity, by real workers: sorted, audited, written."""

import json
import uuid
from collections import Counter

import numpy as np
import pyarrow.parquet
import pytest

from tests.integration.conftest import condensed_dataset, settled
from tests.science.synthetic import CLASSES, diffraction_frames
from webapp.accounts.models import Group, User
from webapp.jobs.models import Product
from webapp.labels.audits import frames_of
from webapp.labels.readings import record_reading
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.promise_audits import audit_views, begin_audit
from webapp.manifests.promises import promise_from, table_of
from webapp.manifests.services import train_and_sort, write_newest_manifest

N_FRAMES = 320
ASKED = {"purity": "80"}


@pytest.mark.timeout(600)
def test_an_audited_class_is_promised_in_the_manifest_as_it_was_read(group, tmp_path):
    beam_time = Group.objects.create(name="beam time")
    frames, truth = diffraction_frames(N_FRAMES, 64, seed=5)
    dataset = condensed_dataset(group, beam_time, tmp_path / "run.cxi", frames)
    create_scheme(dataset=dataset, names=CLASSES, exclusive=(), single_label=True)
    for number, name in enumerate(CLASSES):
        rows = np.flatnonzero(truth == number)[:15]
        label_frames(dataset=dataset, frames=rows, operation="set", classes=[name])
    train_and_sort(dataset=dataset, recipe={"n_unlabelled": 100})
    settled(group)

    table = table_of(dataset)
    assert table.facts["n_labels"] == 15 * len(CLASSES)
    name = CLASSES[0]
    proposed = table.worth_an_audit(name, 80)
    person = User.objects.create(username="ada")
    audit = begin_audit(
        dataset=dataset,
        classification=table.classification,
        name=name,
        asked=0.8,
        threshold=proposed["threshold"],
        user=person,
    )
    assert audit.n_selected == proposed["expected"]
    for frame in frames_of(audit).tolist():
        record_reading(
            dataset=dataset,
            frames=np.array([frame]),
            operation="set",
            classes=[CLASSES[truth[frame]]],
            purpose="picked",
            user=person,
            client_id=uuid.uuid4(),
        )
    share = float((truth[frames_of(audit)] == 0).mean())
    view = audit_views(dataset, table.classification)[name]
    assert view.low == view.high == pytest.approx(share)  # it was read to the end

    promise = promise_from(dataset, ASKED)
    assert promise["classes"][name]["by"] == "audit"
    write_newest_manifest(dataset=dataset, promise=promise)
    settled(group)
    manifest = Product.objects.filter(dataset=dataset).of_kind("manifest").first()
    card = json.loads(manifest.path("manifest.json").read_text())
    assert card["promise"]["classes"][name]["audit"]["n"] == audit.n_selected
    assert card["promise"]["classes"][name]["audit"]["seed"] == str(audit.seed)
    assert "blind audit" in card["methods"]
    rows = pyarrow.parquet.read_table(manifest.path("manifest.parquet")).to_pydict()
    by_network = Counter(c for c, label in zip(rows["classes"], rows["label"], strict=True) if not label)
    assert by_network[name] == promise["classes"][name]["expected"] == audit.n_selected
    kept = {each for each, told in promise["classes"].items() if told["kept"]}
    assert set(by_network) <= kept | {""}
