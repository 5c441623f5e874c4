"""What fits said of labels that they had not seen, beside a classifier, as the training writes it."""

import numpy as np

from webapp.jobs.models import Product


def judge(network: Product, doubted: dict[int, float], *, given: str, said: str, n: int) -> None:
    """Write that the first `n` frames were labelled `given`, and how little that is believed of some."""
    classes = network.facts["classes"]
    truth = np.zeros((n, len(classes)), bool)
    truth[:, classes.index(given)] = True
    probabilities = np.full(truth.shape, 0.05, np.float32)
    probabilities[:, classes.index(given)] = 0.9
    for frame, sure in doubted.items():
        probabilities[frame, classes.index(given)] = sure
        probabilities[frame, classes.index(said)] = 0.95 - sure / 2
    np.savez(network.folder / "judged.npz", indices=np.arange(n), truth=truth, probabilities=probabilities)
