"""What a manifest is written from: the arguments fit the step, and the step writes from them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.webapp.factories import make_group, make_product, make_sorted_dataset
from tests.webapp.manifests.products import CLASSES, classify, label_some
from webapp.datasets.lineage import choose_condensation
from webapp.jobs.models import Job
from webapp.labels.services import add_class
from webapp.manifests.card import manifest_arguments
from webapp.manifests.services import write_newest_manifest
from workers.science.steps.manifest import write_manifest

pytestmark = pytest.mark.django_db


def write(dataset, tmp_path) -> dict:
    job = write_newest_manifest(dataset=dataset).job
    (job.folder / "scratch").mkdir(parents=True)
    write_manifest(**manifest_arguments(Job.objects.get(pk=job.pk)), out=str(tmp_path))
    return json.loads((tmp_path / "manifest.json").read_text())


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), n_frames=60)


def test_a_manifest_of_clusters_alone_is_written(dataset, tmp_path):
    card = write(dataset, tmp_path)
    assert card["n_frames"] == 60
    assert [network["kind"] for network in card["networks"]] == ["factorvae"]
    assert [step["kind"] for step in card["steps"]][:1] == ["inspect"]


def test_a_manifest_of_labels_and_classes_is_written_also_when_the_scheme_has_grown(dataset, tmp_path):
    label_some(dataset)
    classification = classify(dataset)
    rule = {"classes": list(CLASSES), "single_label": False, "thresholds": [0.5] * 3, "exclusive": []}
    (classification.folder / "classification.json").write_text(json.dumps(rule))
    add_class(scheme=dataset.scheme, name="Bent")
    card = write(dataset, tmp_path)
    assert card["n_labelled"] == 24
    assert card["labels_as_of_event"] > 0
    assert {network["kind"] for network in card["networks"]} == {"factorvae", "classifier"}
    probabilities = np.load(classification.path("probabilities.npy"))
    # Frames that people labelled keep their label.
    assert card["counts"]["classes"]["Disc"] >= 12 + int((probabilities[24:, 0] >= 0.5).sum())


def test_measures_of_the_present_condensation_stand_in_the_manifest(dataset, tmp_path):
    index, condensation = (dataset.products.get(kind=kind) for kind in ("index", "condense"))

    def measure(of):
        columns = {"ring_spacing": np.arange(60.0)}
        make_product(
            dataset,
            "measure",
            lambda out: pq.write_table(pa.table(columns), out / "measures.parquet"),
            {"size_unit": "nm"},
            {"index": index, "condensation": of},
        )

    other = make_product(dataset, "condense", lambda out: None, {}, {"index": index})
    choose_condensation(dataset=dataset, condensation=condensation.pk)
    measure(other)
    assert "measures" not in write_newest_manifest(dataset=dataset).job.inputs
    measure(condensation)
    card = write(dataset, tmp_path)
    assert card["columns"][-1] == "ring_spacing"
    assert card["size_unit"] == "nm"
    assert "measure" in [step["kind"] for step in card["steps"]]
