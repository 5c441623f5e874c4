"""What people do to networks in the registry: name them, note something, archive them; and the log of it."""

from django.db import transaction

from webapp.accounts.models import User
from webapp.jobs.models import Product, ProductQuerySet
from webapp.networks.models import NetworkChange, NetworkEntry

MOST_LISTED = 100


def entry_of(network: Product) -> NetworkEntry:
    """Return what the registry knows of a network; empty, and not stored, where nobody said anything."""
    found = NetworkEntry.objects.filter(network=network).first()
    return found or NetworkEntry(network=network)


def called(network: Product) -> str:
    """Return what people call a network, else its automatic title."""
    return str(entry_of(network))


def offered(networks: ProductQuerySet) -> ProductQuerySet:
    """Return those of the networks that are not archived."""
    return networks.exclude(entry__is_archived=True)


@transaction.atomic
def describe_network(*, network: Product, name: str, note: str, user: User | None = None) -> NetworkEntry:
    """Give a network a name and a note of people's own; empty ones are taken away."""
    entry = _locked(network)
    name, note = " ".join(name.split())[:200], note.strip()[:2000]
    if name != entry.name:
        said = f"named it “{name}”" if name else "took the name away"
        _log(network, f"{said}, before “{entry.name}”" if entry.name else said, user)
    if note != entry.note:
        _log(network, f"noted: {note}" if note else f"took the note away: {entry.note}", user)
    entry.name, entry.note = name, note
    entry.save()
    return entry


@transaction.atomic
def archive_network(*, network: Product, is_archived: bool, user: User | None = None) -> NetworkEntry:
    """Offer a network no more, or again; nothing is deleted, and what uses it goes on."""
    entry = _locked(network)
    if entry.is_archived != is_archived:
        entry.is_archived = is_archived
        entry.save()
        _log(network, "archived it" if is_archived else "took it out of the archive", user)
    return entry


def log_of(network: Product) -> list[NetworkChange]:
    """Return who did what to a network, the last first."""
    rows = NetworkChange.objects.filter(network=network).select_related("created_by")
    return list(rows[:MOST_LISTED])


def _locked(network: Product) -> NetworkEntry:
    Product.objects.select_for_update().get(pk=network.pk)
    return NetworkEntry.objects.get_or_create(network=network)[0]


def _log(network: Product, words: str, user: User | None) -> None:
    NetworkChange.objects.create(network=network, words=words, created_by=user)
