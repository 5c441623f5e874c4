"""Networks as one file: out, in again, and what is refused."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from safetensors.numpy import save

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.jobs.models import Product
from webapp.networks.applicability import networks_for
from webapp.networks.describe import describe_network
from webapp.networks.import_network import import_network
from webapp.networks.package import PackageError, check_arrays, check_safetensors, read_package, write_package

pytestmark = pytest.mark.django_db
ABOUT = "fringe-network.json"


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def network(group):
    """A classifier with weights."""
    network = make_classified(make_sorted_dataset(group, 300, "run 7")).input("network")
    weights = save({"good": np.ones((4, 4), np.uint8), "shapes.linear.bias": np.zeros(3, np.float32)})
    change(network, "network.safetensors", weights)
    return network


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def change(network, name, data):
    (network.folder / name).write_bytes(data)
    network.files[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    network.save()


def packed(network):
    out = io.BytesIO()
    write_package(network, "a note", "The good one", out)
    return out.getvalue()


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def joined(parts, seal=True):
    """Return a zip of parts, with the SHA-256 that they have."""
    parts = dict(parts)
    if seal:
        about = json.loads(parts[ABOUT])
        about["sha256"] = {
            name: hashlib.sha256(data).hexdigest() for name, data in parts.items() if name != ABOUT
        }
        parts[ABOUT] = json.dumps(about).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def refused(data):
    """Return why a package is refused, in one line."""
    with pytest.raises(PackageError) as error:
        read_package(io.BytesIO(data))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_network_goes_out_as_the_same_bytes_and_comes_in_with_card_name_and_note(network):
    data = packed(network)
    assert data == packed(network)
    other = make_group("another facility")
    copy, is_new = import_network(group=other, file=io.BytesIO(data))
    assert is_new
    assert (copy.kind, copy.name, copy.dataset, copy.group) == ("train", "The good one", None, other)
    assert copy.entry.note == "a note"
    assert copy.facts["classes"] == network.facts["classes"]
    assert copy.facts["figures"]["metrics"]["macro_f1"] == 0.85
    assert copy.params["learned_from"] == "run 7"
    for name in ("network.safetensors", "card.json", "geometry.npz"):
        assert copy.path(name).read_bytes() == network.path(name).read_bytes()
        assert copy.files[name] == network.files[name]
    again, is_new = import_network(group=other, file=io.BytesIO(data))
    assert (again, is_new) == (copy, False)


def test_classes_that_exclude_each_other_come_along(network, group):
    card = json.loads((network.folder / "card.json").read_text())
    card["recipe"] |= {"exclusive": ["Empty"], "excludes": [["Round", "Streak"]]}
    change(network, "card.json", json.dumps(card).encode())
    copy, _ = import_network(group=make_group("another facility"), file=io.BytesIO(packed(network)))
    assert copy.facts["recipe"]["excludes"] == [["Round", "Streak"]]


def test_a_factorvae_comes_in_as_well_and_is_offered(network, group):
    learned = Product.objects.get(kind="learn")
    other = make_group("another facility")
    copy, _ = import_network(group=other, file=io.BytesIO(packed(learned)))
    dataset = make_sorted_dataset(other, 300, "new run")
    assert networks_for(dataset, "learn") == [copy]
    assert copy.facts["figures"]["active_latents"] == list(range(8))


def test_the_pages_export_and_import(signed_in, network, group):
    describe_network(network=network, name="Fine / one", note="n")
    answer = signed_in.get(reverse("networks:network-package", args=[network.pk]))
    data = b"".join(answer.streaming_content)
    assert 'filename="Fine---one.zip"' in answer.headers["Content-Disposition"]
    Product.objects.filter(pk=network.pk).delete()
    file = SimpleUploadedFile("network.zip", data)
    answer = signed_in.post(reverse("networks:network-import"), {"group": group.pk, "package": file})
    copy = Product.objects.get(params__learned_from="run 7")
    assert answer.url == reverse("networks:network-detail", args=[copy.pk])
    text = signed_in.get(answer.url).content.decode()
    assert "The network is in the registry." in text
    assert "took it in from a file" in text
    file = SimpleUploadedFile("holiday.zip", b"not a zip")
    signed_in.post(reverse("networks:network-import"), {"group": group.pk, "package": file})
    text = signed_in.get(reverse("networks:network-list")).content.decode()
    assert "holiday.zip: This is no zip file that can be read" in text


def test_who_may_not_write_imports_nothing(client, network, group):
    data, foreign = packed(network), make_group("other")
    bob, eve = make_user("bob", group, role="viewer"), make_user("eve", foreign)
    n = Product.objects.count()
    for person, where, code in ((bob, group, 403), (bob, foreign, 403), (eve, group, 302)):
        client.force_login(person)
        file = SimpleUploadedFile("network.zip", data)
        answer = client.post(reverse("networks:network-import"), {"group": where.pk, "package": file})
        assert answer.status_code == code
    assert Product.objects.count() == n


@pytest.mark.parametrize(
    "name",
    ["../network.safetensors", "/etc/passwd", "network.pt", "a/card.json", "card.json\\..\\x", "run.py"],
)
def test_a_name_that_is_no_part_of_a_network_is_refused(network, name):
    assert "is no part of a network" in refused(joined(parts_of(packed(network)) | {name: b"x"}))


def test_a_part_that_was_changed_is_refused(network):
    parts = parts_of(packed(network))
    for name in ("card.json", "geometry.npz", "network.safetensors"):
        changed = parts | {name: parts[name] + b" "}
        assert f"{name} is not what was exported" in refused(joined(changed, seal=False))
    unknown = parts | {"judged.npz": b"x"}
    assert "judged.npz is not what was exported" in refused(joined(unknown, seal=False))


def test_a_part_that_is_missing_or_there_twice_is_refused(network):
    parts = parts_of(packed(network))
    for name in ("card.json", "geometry.npz", "network.safetensors"):
        assert f"lacks {name}" in refused(joined({key: data for key, data in parts.items() if key != name}))
    assert "fringe-network.json is missing" in refused(joined({"card.json": b"{}"}, seal=False))
    out = io.BytesIO(joined(parts))
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("card.json", b"{}")
    assert "holds card.json twice" in refused(out.getvalue())


def test_a_bomb_is_refused_after_as_much_as_there_may_be(network):
    parts = parts_of(packed(network))
    assert "card.json is larger than 20 MB" in refused(joined(parts | {"card.json": bytes(21 << 20)}))
    inner = io.BytesIO()
    archive = zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("mask.npy", "w", force_zip64=True) as member:
        for _ in range(33):
            member.write(bytes(16 << 20))
    assert "geometry.npz unpacks to more" in refused(joined(parts | {"geometry.npz": inner.getvalue()}))


class Evil:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return (open, (str(settings.DATA_DIR / "owned"), "w"))


@pytest.mark.parametrize("name", ["network.safetensors", "card.json", "geometry.npz", "judged.npz"])
def test_a_pickle_in_the_place_of_a_part_does_not_run_and_is_refused(network, name):
    arrays = io.BytesIO()
    np.savez(arrays, mask=np.array([Evil()], dtype=object), judged=np.array([Evil()], dtype=object))
    parts = parts_of(packed(network))
    for evil in (pickle.dumps(Evil()), arrays.getvalue()):
        refused(joined(parts | {name: evil}))
    assert not (settings.DATA_DIR / "owned").exists()


def test_weights_whose_header_lies_are_refused():
    good = save({"a": np.zeros((2, 2), np.float32), "b": np.zeros(3, np.int64)})
    check_safetensors("w", good)
    size = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + size])

    def altered(**changes):
        text = json.dumps(header | {"a": header["a"] | changes}).encode()
        return len(text).to_bytes(8, "little") + text + good[8 + size :]

    lies = [
        altered(data_offsets=[0, 1 << 40]),
        altered(data_offsets=[8, 24]),
        altered(data_offsets=[-8, 8]),
        altered(shape=[2, 3]),
        altered(shape=[2.0, 2]),
        altered(dtype="PICKLE"),
        good[:-1],
        good + b"x",
        b"\xff" * 8 + good[8:],
        b"",
        (3).to_bytes(8, "little") + b"[1]",
    ]
    for data in lies:
        with pytest.raises(PackageError):
            check_safetensors("w", data)


def test_arrays_of_numbers_pass():
    out = io.BytesIO()
    np.savez(out, mask=np.ones((3, 3), bool), scale="log")
    check_arrays("geometry.npz", out.getvalue())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "something"),
        (("classes",), ["a", "a"]),
        (("classes",), "Round"),
        (("thresholds",), [0.5]),
        (("single_label",), "yes"),
        (("recipe", "exclusive"), ["Nothing"]),
        (("recipe", "excludes"), [["Round", "Nothing"]]),
        (("recipe", "excludes"), ["Round"]),
        (("recipe", "exclusive"), "Round"),
        (("recipe", "deep"), {"a": {"b": 1}}),
        (("figures", "metrics", "macro_f1"), "0.9"),
        (("figures", "metrics", "confusion"), [[1]]),
        (("figures", "metrics", "per_class"), []),
        (("figures", "metrics"), [1]),
        (("data",), []),
        (("curve",), [1, 2]),
        (("seed",), -1),
        (("warnings",), ["two\nlines"]),
    ],
)
def test_a_card_that_pages_could_not_show_is_refused(network, path, value):
    parts = parts_of(packed(network))
    card = json.loads(parts["card.json"])
    where = card
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = value
    assert "Its card is damaged" in refused(joined(parts | {"card.json": json.dumps(card).encode()}))


def test_a_card_with_numbers_that_are_none_is_refused(network):
    parts = parts_of(packed(network))
    text = parts["card.json"].replace(b'"seconds": 3.0', b'"seconds": NaN')
    assert text != parts["card.json"]
    assert "card.json is missing or no JSON" in refused(joined(parts | {"card.json": text}))
