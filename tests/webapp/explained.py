"""An explanation of a frame, with files as the step writes them, for the tests of pages."""

import numpy as np

from tests.webapp.factories import make_product
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, product_key


def explain(dataset: Dataset, frame: int) -> Product:
    """Add what spoke for the classes of a frame; for the last class nothing did."""
    classification = dataset.products.filter(kind="classify").order_by("-created_at").first()
    network, condensation = classification.input("network"), classification.input("condensation")
    classes, side = (
        network.facts["classes"],
        np.load(condensation.folder / "condensed.npy", mmap_mode="r").shape[1],
    )
    probabilities = np.load(classification.folder / "probabilities.npy")[frame]
    rows, columns = np.indices((side, side)) - side / 2
    heat = np.stack(
        [np.clip(255 - 12 * np.hypot(rows - 4 * place, columns), 0, 255) for place in range(len(classes))]
    )
    heat[-1] = 0
    facts = {
        "classes": classes,
        "probabilities": [round(float(p), 4) for p in probabilities],
        "silent": [classes[-1]],
        "method": "what the class loses where parts of rings are smoothed away",
    }
    inputs = {"condensation": condensation, "network": network}
    params = {"frame": frame}
    product = make_product(
        dataset,
        "explain",
        lambda out: np.save(out / "heat.npy", heat.astype(np.uint8)),
        facts,
        inputs,
        params,
    )
    product.key = product_key("explain", {name: Handle.of(one) for name, one in inputs.items()}, params)
    product.save()
    return product
