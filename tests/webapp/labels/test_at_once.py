"""Several people who label at the same moment lose nothing, and nobody's act comes twice."""

import uuid
from threading import Thread

import numpy as np
import pytest
from django.db import connection

from tests.webapp.factories import make_group
from webapp.datasets.models import Dataset
from webapp.labels.models import LabelEvent
from webapp.labels.services import create_scheme, label_frames
from webapp.labels.state_cache import current_labels, replay


@pytest.mark.django_db(transaction=True)
def test_acts_of_many_threads_are_stored_once_each() -> None:
    dataset = Dataset.objects.create(group=make_group(), name="run 7", is_draft=False, n_frames=200)
    create_scheme(dataset=dataset)
    same, errors = uuid.uuid4(), []

    def work(number: int) -> None:
        own = Dataset.objects.get(pk=dataset.pk)
        try:
            for step in range(6):
                frame = np.array([8 * number + step])
                label_frames(dataset=own, frames=frame, operation="set", classes=["Round"])
                label_frames(
                    dataset=own, frames=np.array([199]), operation="set", classes=["Bent"], client_id=same
                )
                current_labels(own)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert LabelEvent.objects.count() == 8 * 6 + 1
    assert current_labels(dataset).n_labelled == 49
    np.testing.assert_array_equal(current_labels(dataset).state.masks, replay(dataset).state.masks)
