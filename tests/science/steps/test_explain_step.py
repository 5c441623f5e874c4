import numpy as np
import pytest

from tests.science.steps.test_classify import N, data, train  # noqa: F401, the fixture is used by its name
from workers.science.errors import RecipeError
from workers.science.steps.explain import explain


def test_a_frame_is_explained_for_all_classes_and_the_step_says_how(data):  # noqa: F811
    train(data, recipe={})
    out = data / "explained"
    out.mkdir()
    folders = {"condensed_dir": str(data / "condensed"), "network_dir": str(data / "network")}
    facts = explain(**folders, frame=41, threads=1, out=str(out))
    heat = np.load(out / "heat.npy", allow_pickle=False)
    assert heat.shape == (2, 48, 48)
    assert heat[1].max() == 255  # frame 41 is a streak
    assert facts["classes"] == ["ring", "streak"]
    assert facts["probabilities"][1] > 0.5
    assert "streak" not in facts["silent"]
    assert facts["method"].startswith("what the class loses")
    with pytest.raises(RecipeError, match=f"no frame {N}"):
        explain(**folders, frame=N, threads=1, out=str(out))
