"""`manage.py relink` refuses what it cannot use, in one line."""

import pytest
from django.core.management import call_command

from tests.webapp.factories import make_dataset, make_group

pytestmark = pytest.mark.django_db


def refusal(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        call_command("relink", *(str(argument) for argument in arguments))
    assert end.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_path_that_is_not_there_is_named(capsys, tmp_path):
    assert "gone.h5: the file does not exist" in refusal(capsys, "run 7", tmp_path / "gone.h5")


def test_a_data_set_that_is_not_there_is_named(capsys, tmp_path):
    (tmp_path / "run.h5").touch()
    assert "run 8: there is no such data set" in refusal(capsys, "run 8", tmp_path / "run.h5")


def test_a_name_that_several_data_sets_have_is_refused(capsys, tmp_path):
    (tmp_path / "run.h5").touch()
    for _ in range(2):
        make_dataset(make_group(), n_frames=4)
    assert "run 7: several data sets" in refusal(capsys, "run 7", tmp_path / "run.h5")
