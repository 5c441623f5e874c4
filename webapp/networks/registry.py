"""The table of all networks: searched, filtered, sorted, with where each is used."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from webapp.accounts.models import User
from webapp.datasets.lineage import choices_of, order_by_choice
from webapp.datasets.models import Dataset
from webapp.jobs.models import ACTIVE, Product
from webapp.networks.selectors import KIND_WORDS, KINDS

PER_PAGE = 50
SORTS = {"made": "newest first", "figure": "best figure first", "name": "by name"}
STATES = {"used": "offered", "archived": "archived", "all": "all"}
_CARD = "facts__figures__metrics__"


@dataclass(frozen=True)
class Wish:
    """What the list is asked for."""

    words: str = ""
    kind: str = ""
    dataset: UUID | None = None
    mine: bool = False
    state: str = "used"
    sort: str = "made"

    @classmethod
    def of(cls, given: Any) -> "Wish":
        """Read a query; what cannot be read is left out."""
        kind, state, sort = (given.get(name, "") for name in ("kind", "state", "sort"))
        try:
            dataset = UUID(given.get("dataset", "")) if given.get("dataset") else None
        except ValueError:
            dataset = None
        return cls(
            words=given.get("q", "").strip()[:200],
            kind=kind if kind in KINDS else "",
            dataset=dataset,
            mine=given.get("mine") == "1",
            state=state if state in STATES else "used",
            sort=sort if sort in SORTS else "made",
        )

    @property
    def is_usual(self) -> bool:
        """Whether nothing was filtered."""
        return self == Wish(sort=self.sort)


@dataclass
class Row:
    """A network as the table shows it."""

    pk: UUID
    name: str
    title: str
    note: str
    is_archived: bool
    kind: str
    dataset_id: UUID | None
    dataset: str
    group: str
    n_frames: int | None
    n_labelled: int | None
    classes: list[str]
    macro_f1: float | None
    interval: list[float] | None
    n_active: int | None
    made_by: str
    made_at: datetime
    used: list[tuple[str, str, UUID]] = field(default_factory=list)

    @property
    def called(self) -> str:
        """The name that people gave, else the automatic title."""
        return self.name or self.title

    @property
    def kind_words(self) -> str:
        """What sort of network it is."""
        return KIND_WORDS[self.kind]


def rows_for(user: User, wish: Wish) -> list[Row]:
    """Return the networks that a person may see and asks for, in the order asked for."""
    found = Product.objects.for_user(user).filter(kind__in=KINDS).order_by("-created_at").distinct()
    if wish.kind:
        found = found.filter(kind=wish.kind)
    if wish.dataset:
        found = found.filter(dataset=wish.dataset)
    if wish.mine:
        found = found.filter(created_by=user)
    if wish.state != "all":
        archived = Q(entry__is_archived=True)
        found = found.filter(archived) if wish.state == "archived" else found.exclude(archived)
    rows = [_row(values) for values in _values(found)]
    for word in wish.words.lower().split():
        rows = [row for row in rows if word in _text(row)]
    if wish.sort == "figure":
        rows.sort(key=lambda row: (row.kind != "train", -(row.macro_f1 or 0), -(row.n_active or 0)))
    elif wish.sort == "name":
        rows.sort(key=lambda row: row.called.lower())
    return rows


def datasets_of(user: User) -> list[tuple[UUID, str]]:
    """Return the data sets that networks learned from, by name."""
    found = Product.objects.for_user(user).filter(kind__in=KINDS, dataset__isnull=False).order_by()
    return sorted(set(found.values_list("dataset_id", "dataset__name")), key=lambda pair: pair[1].lower())


def _values(found: Any) -> Any:
    """Return what the table needs, without the curves of the cards."""
    return found.annotate(
        classes=F("facts__classes"),
        data=F("facts__data"),
        active=F("facts__figures__active_latents"),
        macro_f1=F(f"{_CARD}macro_f1"),
        interval=F(f"{_CARD}intervals__macro_f1"),
    ).values(
        *("pk", "name", "kind", "dataset_id", "dataset__name", "group__name", "created_at"),
        *("created_by__username", "entry__name", "entry__note", "entry__is_archived"),
        *("classes", "data", "active", "macro_f1", "interval"),
    )


def _row(values: dict[str, Any]) -> Row:
    data, active = values["data"] or {}, values["active"]
    return Row(
        pk=values["pk"],
        name=values["entry__name"] or "",
        title=values["name"] or f"{values['kind']} {str(values['pk'])[:8]}",
        note=values["entry__note"] or "",
        is_archived=bool(values["entry__is_archived"]),
        kind=values["kind"],
        dataset_id=values["dataset_id"],
        dataset=values["dataset__name"] or "",
        group=values["group__name"],
        n_frames=data.get("n_frames"),
        n_labelled=data.get("n_labelled"),
        classes=values["classes"] or [],
        macro_f1=values["macro_f1"],
        interval=values["interval"],
        n_active=len(active) if active is not None else None,
        made_by=values["created_by__username"] or "",
        made_at=values["created_at"],
    )


def _text(row: Row) -> str:
    parts = [row.name, row.title, row.note, row.dataset, row.group, row.made_by, *row.classes]
    return " ".join(parts).lower()


def tell_uses(rows: list[Row]) -> None:
    """Write into rows on which data sets their networks are current, and which live sessions use them."""
    wanted = {str(row.pk): row for row in rows}
    uses = {"classify": "sorts", "cluster": "clusters"}
    asked = Product.objects.filter(kind__in=uses, inputs__network__in=list(wanted))
    datasets = Dataset.objects.filter(pk__in=set(asked.values_list("dataset_id", flat=True)))
    products: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    fields = ("id", "kind", "inputs", "dataset_id", "created_at")
    for product in Product.objects.filter(dataset__in=datasets).order_by("-created_at").values(*fields):
        products[product["dataset_id"]].append(product)
    for dataset in datasets:
        ordered = order_by_choice(products[dataset.pk], *choices_of(dataset))
        for kind, words in uses.items():
            current = next((product for product in ordered if product["kind"] == kind), None)
            row = wanted.get(str(current["inputs"].get("network"))) if current else None
            if row is not None:
                row.used.append((words, dataset.name, dataset.pk))
    live = Product.objects.filter(pk__in=list(wanted), live_sessions__job__state__in=ACTIVE)
    for pk, name, session in live.values_list("pk", "live_sessions__name", "live_sessions__pk"):
        wanted[str(pk)].used.append(("live", name, session))
