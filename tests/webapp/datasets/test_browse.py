import os

import pytest
from django.urls import reverse

from tests.sources import CASES, lay_out
from tests.webapp.factories import make_group, make_user
from webapp.datasets import browse, expand
from webapp.datasets.browse import PathRefused, list_folder, resolve_allowed
from webapp.datasets.expand import check_sources
from workers.science.io import expand as readers


@pytest.fixture
def root(tmp_path, settings):
    root = tmp_path / "allowed"
    (root / "night").mkdir(parents=True)
    for name in ("b.h5", "a.CXI", "notes.txt", ".hidden.h5"):
        (root / "night" / name).write_bytes(b"x" * 10)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "other.h5").write_bytes(b"x")
    settings.ALLOWED_ROOTS = [root]
    return root


def names(listing):
    return [entry.name for entry in listing.entries]


def test_only_folders_and_readable_files_are_shown(root):
    (root / "night" / "inner").mkdir()
    assert names(list_folder(str(root / "night"))) == ["inner", "a.CXI", "b.h5"]


def test_links_that_lead_outside_are_neither_shown_nor_followed(root):
    (root / "night" / "out").symlink_to(root.parent / "secret")
    (root / "night" / "out.h5").symlink_to(root.parent / "secret" / "other.h5")
    (root / "night" / "again.h5").symlink_to(root / "night" / "b.h5")
    assert names(list_folder(str(root / "night"))) == ["a.CXI", "again.h5", "b.h5"]
    for path in ("night/out", "night/out/other.h5", "night/out.h5"):
        with pytest.raises(PathRefused):
            resolve_allowed(str(root / path))


@pytest.mark.parametrize("text", ["", "night", "..", "/etc/passwd", "/", "\0", "/proc/self/environ"])
def test_paths_outside_of_the_roots_are_refused(root, text):
    with pytest.raises(PathRefused):
        resolve_allowed(text)


def test_dots_do_not_lead_out(root):
    with pytest.raises(PathRefused):
        resolve_allowed(f"{root}/night/../../secret/other.h5")
    assert resolve_allowed(f"{root}/night/../night/b.h5") == root / "night" / "b.h5"


def test_a_root_whose_name_begins_like_another_folder_does_not_open_it(root):
    (root.parent / "allowed-not").mkdir()
    with pytest.raises(PathRefused):
        resolve_allowed(str(root.parent / "allowed-not"))


def test_a_refusal_does_not_tell_whether_a_file_outside_is_there(root):
    with pytest.raises(PathRefused) as there:
        resolve_allowed(str(root.parent / "secret" / "other.h5"))
    with pytest.raises(PathRefused) as missing:
        resolve_allowed(str(root.parent / "secret" / "absent.h5"))
    assert str(there.value).replace("other", "absent") == str(missing.value)


def test_a_loop_of_links_is_refused(root):
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(PathRefused):
        resolve_allowed(str(root / "loop"))


@pytest.mark.parametrize("case", CASES)
def test_folders_patterns_and_lists_stand_for_what_the_readers_take(tmp_path, settings, case):
    root = lay_out(tmp_path)
    settings.ALLOWED_ROOTS = [root]
    asked, expected = CASES[case]
    texts = [f"{root}/{name}" for name in asked]
    if expected is None:
        with pytest.raises(PathRefused) as error:
            check_sources(texts)
        assert "other.h5" not in str(error.value)
    else:
        assert check_sources(texts) == [root / name for name in expected]


def test_the_portal_and_the_readers_know_the_same_endings_limits_and_order():
    assert readers.SUFFIXES == browse.SUFFIXES
    assert readers.MAX_FILES == expand.MAX_FILES
    names = ["run_10", "Run_9", "run_2", "run_02", "a", "10", "9", "1²"]
    assert sorted(names, key=readers.natural_key) == sorted(names, key=browse.natural_key)


def test_a_listing_is_in_natural_order(root):
    for name in ("run_10.tif", "run_9.cbf", "run_1.npy"):
        (root / "night" / name).write_bytes(b"x")
    assert names(list_folder(str(root / "night")))[2:] == ["run_1.npy", "run_9.cbf", "run_10.tif"]


def test_patterns_do_not_look_into_uploads_of_other_groups(tmp_path, settings):
    settings.ALLOWED_ROOTS = [tmp_path]
    settings.DATA_DIR = tmp_path / "data"
    (settings.DATA_DIR / "uploads").mkdir(parents=True)
    (settings.DATA_DIR / "uploads" / "a.h5").write_bytes(b"x")
    for text in ("*/*/*.h5", "data/uploads/*.h5", "data/up*/a.h5", "data/uploads"):
        with pytest.raises(PathRefused):
            check_sources([f"{tmp_path}/{text}"])


def test_too_many_and_too_long_names_are_refused(root, monkeypatch):
    monkeypatch.setattr(expand, "MAX_FILES", 1)
    with pytest.raises(PathRefused, match="more than 1 files"):
        check_sources([str(root / "night")])
    monkeypatch.setattr(expand, "MAX_LENGTH", 5)
    with pytest.raises(PathRefused, match="longer than 5"):
        check_sources([str(root / "night" / "b.h5")])


def test_the_same_file_named_twice_is_taken_once(root):
    path = str(root / "night" / "b.h5")
    assert check_sources([path, path]) == [root / "night" / "b.h5"]


def test_what_is_no_readable_file_by_its_name_is_refused(root):
    (root / "empty").mkdir()
    os.mkfifo(root / "pipe.h5")
    for name in ("night/notes.txt", "empty", "pipe.h5"):
        with pytest.raises(PathRefused):
            check_sources([str(root / name)])


@pytest.mark.django_db
def test_the_page_says_which_root_is_missing(client, root, settings):
    settings.ALLOWED_ROOTS = [root, root.parent / "gone"]
    client.force_login(make_user("ada", make_group()))
    text = client.get(reverse("datasets:folder-browse")).content.decode()
    assert f'data-folder="{root}"' in text
    assert f'data-folder="{root.parent / "gone"}"' not in text
    assert "is not there" in text


@pytest.mark.django_db
def test_the_listing_refuses_in_words(client, root):
    client.force_login(make_user("ada", make_group()))
    answer = client.get(reverse("datasets:folder-browse"), {"path": "/etc"})
    assert answer.status_code == 200
    assert "inside of an allowed folder" in answer.content.decode()
    assert "passwd" not in answer.content.decode()


@pytest.mark.django_db
def test_strangers_do_not_browse(client, root):
    assert client.get(reverse("datasets:folder-browse")).status_code == 302
