"""Every route, found in the resolver: what strangers, viewers and those not signed in get from it."""

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.webapp.factories import make_user
from tests.webapp.world import World, make_world
from webapp.accounts.models import Group

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frame_server")]
MINE, FOREIGN = "ours-5c1e", "theirs-9d42"

# Which object the first word of a route names; routes that want another one have a line of their own.
OBJECTS = {
    "groups": "group",
    "datasets": "dataset",
    "jobs": "running",
    "live": "session",
    "manifests": "manifest",
}
OTHER_OBJECTS = {
    "datasets:dataset-draft": "draft",
    "datasets:dataset-choose": "draft",
    "datasets:dataset-confirm": "draft",
    "datasets:dataset-discard": "draft",
    "jobs:job-retry": "failed",
    "jobs:product-image": "index",
    "explore:sheet": "condense",
    "explore:picked-frames": "condense",
    "explore:condensed-mask": "condense",
    "datasets:mask-reasons": "condense",
    "datasets:recipe-preview": "plan",
    "explore:condensing-mask": "condense",
    "networks:network-detail": "learn",
    "networks:network-card": "train",
    "networks:network-describe": "train",
    "networks:network-package": "train",
    "networks:network-archive": "train",
    **dict.fromkeys(("labels:label-file", "labels:label-file-take", "labels:label-file-back"), "label-file"),
    "uploads:upload-file": "upload",
    "uploads:set-finish": "upload_set",
    "uploads:set-remove": "upload_set",
}
OTHER_PARAMETERS: dict[str, dict[str, Any]] = {
    "networks:frame-why": {"index": 3},
    "networks:frame-ask-why": {"index": 3},
    "networks:frame-heat": {"index": 3},
    "explore:frame-detail": {"index": 3},
    "explore:frame-raw": {"index": 3},
    "explore:frame-thumb": {"index": 3},
    "explore:frame-npy": {"index": 3},
    "explore:frame-full": {"index": 3},
    "explore:frame-full-npy": {"index": 3},
    "explore:map-points": {"name": "index"},
    "explore:sheet": {"number": 0},
    "datasets:mask-bits": {"version": 1},
    "jobs:product-image": {"name": "mean.png"},
    "labels:frame-labels": {"index": 3},
    "live:session-thumbnail": {"number": 3},
    "manifests:manifest-file": {"name": "manifest.csv"},
}
QUERIES = {
    "networks:frame-heat": {"place": "1"},
    "manifests:dataset-class": {"class": "Round"},
    "labels:label-queue": {"mode": "order"},
    "explore:picked-frames": {"frames": "3,1"},
    "explore:cluster-patterns": {"clusters": "0,-1"},
    "explore:cluster-cut": {"least": "20"},
    "explore:frame-pattern": {"what": "mean", "frames": "0-9"},
}
READ_BY_POST = {"explore:frame-list", "explore:map-members", "explore:map-spread", "labels:label-column"}


@dataclass(frozen=True)
class Route:
    """A named URL pattern."""

    name: str
    path: str
    parameters: tuple[str, ...]

    def url(self, world: World) -> str:
        """Return the address of the route's example in `world`."""
        return reverse(self.name, kwargs=self.example(world))

    def example(self, world: World) -> dict[str, Any]:
        """Return parameters under which the route finds something."""
        values = dict(OTHER_PARAMETERS.get(self.name, {}))
        if "pk" in self.parameters:
            key = OTHER_OBJECTS.get(self.name) or OBJECTS.get(self.path.split("/")[0])
            if key:
                values["pk"] = getattr(world, key).pk if hasattr(world, key) else world.product(key).pk
        missing = set(self.parameters) - set(values)
        assert not missing, (
            f"The route {self.name} ({self.path}) has no example for {', '.join(sorted(missing))}: "
            "name one at the top of this file, so that strangers are tried on it."
        )
        return values


def walk(resolver: URLResolver, namespace: str = "", prefix: str = "") -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from walk(pattern, inner, path)
        elif isinstance(pattern, URLPattern):
            yield Route(namespace + (pattern.name or ""), path, tuple(pattern.pattern.converters))


ROUTES = list(walk(get_resolver()))
WITH_OBJECT = [route for route in ROUTES if route.parameters]
# Signing in and out changes nothing that belongs to a group.
NOT_OF_ACCOUNTS = [route for route in ROUTES if not route.name.startswith("accounts:")]


def sign_in(name: str, group: Group | None, role: str = "member") -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user(name, group, role))
    return client


@pytest.fixture
def foreign(db: None) -> World:
    return make_world(FOREIGN)


@pytest.fixture
def member(foreign: World) -> Client:
    return sign_in("member-of-theirs", foreign.group)


def methods(member: Client, url: str) -> set[str]:
    """Return what the route answers to, as it says itself; sign-in sends everybody on who is in."""
    allowed = member.options(url).headers.get("Allow", "GET, POST")
    return set(allowed.split(", ")) - {"HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end."""

    way: str
    code: int
    target: str
    text: str


def ask(client: Client, member: Client, route: Route, world: World) -> Iterator[Answer]:
    """Ask a route in all the ways that it knows, polls included; what it writes is taken back."""
    url, query, known = route.url(world), QUERIES.get(route.name, {}), methods(member, route.url(world))
    ways = {
        "GET": lambda: client.get(url, query),
        "GET by htmx": lambda: client.get(url, query, headers={"HX-Request": "true"}),
        "POST": lambda: client.post(url),
        "POST of JSON": lambda: client.post(url, "[1]", content_type="application/json"),
    }
    for way, answer_of in ways.items():
        if way.split()[0] in known:
            with transaction.atomic():
                answer = answer_of()
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
                transaction.set_rollback(True)
            target = answer.headers.get("Location", "")
            yield Answer(f"{way} {route.name}", answer.status_code, target, body.decode("utf-8", "replace"))


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """Return every row of the portal's own tables, the links between rows included."""
    tables = [model for model in apps.get_models(include_auto_created=True) if is_ours(model)]
    return {table._meta.label: list(table.objects.order_by("pk").values()) for table in tables}


def is_ours(model: type[models.Model]) -> bool:
    # Who signs in leaves a time in the user's row.
    return model.__module__.startswith("webapp.") and model._meta.label != "accounts.User"


def test_routes_are_found_and_no_two_share_a_name() -> None:
    names = [route.name for route in ROUTES]
    assert len(WITH_OBJECT) > 30
    assert all(names)
    assert len(set(names)) == len(names)


def test_the_tables_name_no_route_that_is_gone() -> None:
    named = {*OTHER_OBJECTS, *OTHER_PARAMETERS, *QUERIES, *READ_BY_POST}
    assert named <= {route.name for route in ROUTES}


def test_a_route_without_an_example_is_refused_with_a_sentence(foreign: World) -> None:
    route = Route("live:session-note", "live/<uuid:pk>/notes/<int:note>/", ("pk", "note"))
    with pytest.raises(AssertionError, match=r"live:session-note .* has no example for note"):
        route.example(foreign)


def test_a_member_gets_something_from_every_example(foreign: World, member: Client) -> None:
    """Without this, the 404 of a stranger would prove nothing."""
    wrong = []
    for route in NOT_OF_ACCOUNTS:
        for answer in ask(member, member, route, foreign):
            is_read = answer.way.startswith("GET")
            if answer.code not in ((200,) if is_read else (200, 302, 400, 412, 422)):
                wrong.append(f"{answer.way}: {answer.code}")
    assert wrong == []


def test_objects_of_another_group_are_not_there(foreign: World, member: Client) -> None:
    stranger, before = sign_in("stranger", make_world(MINE).group), snapshot()
    answers = [answer for route in WITH_OBJECT for answer in ask(stranger, member, route, foreign)]
    assert [f"{answer.way}: {answer.code}" for answer in answers if answer.code != 404] == []
    assert snapshot() == before


def test_pages_show_my_own_group_and_nothing_of_another(foreign: World) -> None:
    mine = make_world(MINE)
    stranger, shown, leaks = sign_in("stranger", mine.group), set(), []
    for route in NOT_OF_ACCOUNTS:
        for answer in ask(stranger, stranger, route, mine):
            leaks += [f"{answer.way} shows {name}" for name in foreign.names if name in answer.text]
            if mine.dataset.name in answer.text:
                shown.add(route.name)
    assert leaks == []
    assert {"portal:home", "networks:network-list", "live:session-list", "jobs:job-list"} <= shown


def test_who_is_in_no_group_sees_empty_lists(foreign: World, member: Client) -> None:
    nobody, wrong = sign_in("nobody", None), []
    for route in NOT_OF_ACCOUNTS:
        for answer in ask(nobody, member, route, foreign) if not route.parameters else ():
            leaks = [name for name in foreign.names if name in answer.text]
            if answer.code >= 500 or leaks:
                wrong.append(f"{answer.way}: {answer.code}, shows {leaks}")
    assert wrong == []


def test_who_is_not_signed_in_is_sent_to_sign_in(foreign: World, member: Client) -> None:
    before, wrong = snapshot(), []
    for route in ROUTES:
        for answer in ask(Client(raise_request_exception=False), member, route, foreign):
            is_sent = answer.code == 302 and answer.target.startswith(reverse("accounts:login"))
            if not is_sent and not (route.name == "accounts:login" and answer.code == 200):
                wrong.append(f"{answer.way}: {answer.code}")
            wrong += [f"{answer.way} shows {name}" for name in foreign.names if name in answer.text]
    assert wrong == []
    assert snapshot() == before


def test_a_viewer_reads_every_page_and_is_refused_every_write(foreign: World, member: Client) -> None:
    viewer, wrong = sign_in("viewer", foreign.group, "viewer"), []
    for route in NOT_OF_ACCOUNTS:
        for answer in ask(viewer, member, route, foreign):
            if route.name in READ_BY_POST:
                expected = {200, 400}
            elif route.name.startswith("notices:"):  # of the person alone
                expected = {200, 302, 422}
            else:
                expected = {200} if answer.way.startswith("GET") else {403}
            if answer.code not in expected:
                wrong.append(f"{answer.way}: {answer.code}")
    assert wrong == []


def test_a_viewer_changes_nothing_with_requests_that_a_member_may_send(foreign: World) -> None:
    """The walk above takes back what is written; here every request is whole, and nothing is taken back."""
    viewer, before = sign_in("viewer", foreign.group, "viewer"), snapshot()
    for url, body in whole_requests(foreign):
        assert viewer.post(url, **body).status_code == 403, url
    assert snapshot() == before


def test_the_same_requests_of_a_member_do_change_something(foreign: World, member: Client) -> None:
    for url, body in whole_requests(foreign):
        before = snapshot()
        with transaction.atomic():
            assert member.post(url, **body).status_code in (200, 201, 302), url
            assert snapshot() != before, url
            transaction.set_rollback(True)


def whole_requests(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return writing requests that lack nothing but the right to write."""
    act = {
        "scope": {"frames": [20]},
        "operation": "set",
        "classes": ["Streak"],
        "client_id": new_id(),
    }
    undo = {"undoes": str(world.label_event.client_id), "client_id": new_id()}
    pk, source = [world.dataset.pk], str(world.dataset.source_files.get().path)
    folder = {"folder": world.session.watched, "sorter": str(world.product("train").pk), "name": "night"}
    yield reverse("labels:label-apply", args=pk), as_json(act)
    yield reverse("labels:label-undo", args=pk), as_json(undo)
    yield reverse("labels:class-add", args=pk), {"data": {"name": "Bent"}}
    classes = world.dataset.scheme.classes
    changed = {"name": [f"{entry['name']} 2" for entry in classes]}
    changed |= {name: [entry[name] for entry in classes] for name in ("key", "colour")}
    yield reverse("labels:scheme-edit", args=pk), {"data": changed}
    read = {"clustering": world.product("cluster").pk, "min_samples": 7}
    yield reverse("explore:cluster-again", args=pk), {"data": read}
    yield reverse("explore:clustering-choose", args=pk), {"data": read}
    cluster = {"clustering": str(world.product("cluster").pk), "cluster": 0, "name": "Rings"}
    yield reverse("explore:operation-add", args=pk), as_json(cluster | {"kind": "rename"})
    yield reverse("labels:cluster-promote", args=pk), as_json(cluster)
    told = [world.product("label-file").pk]
    yield reverse("labels:label-file-take", args=told), {"data": {"classes": ["Round"]}}
    yield reverse("networks:dataset-learn", args=pk), {"data": {"seed": 9, "n_steps": 100}}
    network = [world.product("train").pk]
    yield reverse("networks:network-describe", args=network), {"data": {"name": "The good one"}}
    yield reverse("networks:network-archive", args=network), {"data": {"archived": "1"}}
    yield reverse("manifests:dataset-train", args=pk), {}
    yield reverse("manifests:dataset-write", args=pk), {}
    yield reverse("portal:dataset-sort", args=pk), {}
    yield reverse("datasets:dataset-register"), {"data": {"paths": source, "group": str(world.group.pk)}}
    told = f"filename {in_base64('a.h5')},group {in_base64(world.group.pk)}"
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": told}
    yield reverse("uploads:upload-create"), {"headers": tus, "data": "", "content_type": "text/plain"}
    yield reverse("uploads:set-remove", args=[world.upload_set.pk]), {}
    yield reverse("datasets:dataset-confirm", args=[world.draft.pk]), {}
    yield reverse("jobs:job-cancel", args=[world.running.pk]), {}
    yield reverse("jobs:job-retry", args=[world.failed.pk]), {}
    yield reverse("live:session-list"), {"data": folder}
    yield reverse("live:session-stop", args=[world.session.pk]), {}


def in_base64(value: object) -> str:
    return base64.b64encode(str(value).encode()).decode()


def new_id() -> str:
    return str(uuid.uuid4())


def as_json(sent: dict[str, Any]) -> dict[str, Any]:
    return {"data": json.dumps(sent), "content_type": "application/json"}


def test_an_object_of_another_group_is_not_found_by_way_of_my_own(foreign: World) -> None:
    """Identifiers in bodies and queries are names of objects, too."""
    mine = make_world(MINE)
    me, pk = sign_in("stranger", mine.group), [mine.dataset.pk]
    clustering, drawn = foreign.product("cluster"), foreign.product("project")
    scope = {"cluster": 0, "clustering": str(clustering.pk)}
    act = {"operation": "set", "classes": ["Streak"], "client_id": new_id(), "scope": scope}
    undo = {"undoes": str(foreign.label_event.client_id), "client_id": new_id()}
    live = {"folder": mine.session.watched, "sorter": str(foreign.product("train").pk), "name": "night"}
    source = str(mine.dataset.source_files.get().path)
    points = reverse("explore:map-points", args=[*pk, "cluster"])
    before = snapshot()
    answers = {
        "map": me.get(points, {"clustering": clustering.pk, "map": drawn.pk}),
        "frames": me.post(reverse("explore:frame-list", args=pk), **as_json({"scope": scope})),
        "members": me.post(reverse("explore:map-members", args=pk), **as_json({"scope": scope})),
        "apply": me.post(reverse("labels:label-apply", args=pk), **as_json(act)),
        "undo": me.post(reverse("labels:label-undo", args=pk), **as_json(undo)),
        "live": me.post(reverse("live:session-list"), live),
        "register": me.post(
            reverse("datasets:dataset-register"), {"paths": source, "group": str(foreign.group.pk)}
        ),
    }
    codes = {name: answer.status_code for name, answer in answers.items()}
    assert codes == {
        "map": 404,
        "frames": 400,
        "members": 400,
        "apply": 400,
        "undo": 400,
        "live": 422,
        "register": 422,
    }
    assert snapshot() == before
