"""A mask that a person drew, as the step gets it: a picture, and whose it is."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.science.synthetic import diffraction_frames, write_cxi
from workers.science.errors import RecipeError, SourceError
from workers.science.preprocess import load_geometry
from workers.science.steps.condense import plan_condense
from workers.science.steps.index import index_range, inspect_source, merge_index


def test_a_drawn_mask_is_read_from_its_picture_and_named_in_what_was_done(tmp_path):
    frames, _ = diffraction_frames(40, 32)
    for name in ("inspect", "part", "index", "drawn"):
        (tmp_path / name).mkdir()
    path = write_cxi(tmp_path / "a.cxi", frames)
    source = inspect_source(sources=[path], roots=[str(tmp_path)], out=str(tmp_path / "inspect"))
    index_range(source=source, start=0, stop=40, out=str(tmp_path / "part"))
    merge_index(parts=[str(tmp_path / "part")], source=source, out=str(tmp_path / "index"))
    drawn = np.zeros((32, 32), bool)
    drawn[3:5, 10:20] = True
    Image.fromarray(drawn).save(tmp_path / "mask.png")
    recipe = {"drawn_mask": "f" * 64}
    given = {"source": source, "index_dir": str(tmp_path / "index"), "recipe": recipe}
    words = "drawn by vera, version 2"
    mask = str(tmp_path / "mask.png")
    plan_condense(**given, drawn_mask=mask, drawn_words=words, out=str(tmp_path / "drawn"))
    assert not load_geometry(tmp_path / "drawn").mask[drawn].any()
    found = json.loads((tmp_path / "drawn" / "geometry.json").read_text())
    assert f"{words}: 20 px" in found["done"]
    with pytest.raises(RecipeError, match="no mask of this data set"):
        plan_condense(**given, out=str(tmp_path / "drawn"))
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"version 2.*Draw it again"):
        plan_condense(**given, drawn_mask=mask, drawn_words=words, out=str(tmp_path / "drawn"))
