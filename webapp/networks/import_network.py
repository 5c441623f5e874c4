"""Take a network that was exported elsewhere into the registry."""

import os
import shutil
import uuid
from typing import IO

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import Group, User
from webapp.jobs.models import Product
from webapp.jobs.services import product_key
from webapp.networks.card_check import kind_of
from webapp.networks.models import NetworkChange, NetworkEntry
from webapp.networks.package import Package, read_package, write_files


def import_network(*, group: Group, file: IO[bytes], user: User | None = None) -> tuple[Product, bool]:
    """Check a package and register its network; return it, and whether it is new to the group.

    Raises
    ------
    PackageError
        If the package is not one to be trusted.
    """
    package = read_package(file)
    kind = kind_of(package.card)
    params = {"imported": package.sha256, "learned_from": package.learned_from}
    key = product_key(kind, {}, {"imported": package.sha256})
    number = uuid.uuid4()
    place = settings.DATA_DIR / "products" / kind / f"{number}-1"
    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)  # two clicks make one network
        known = Product.objects.filter(group=group, key=key).first()
        if known is not None:
            return known, False
        try:
            product = _register(package, place, number, kind, group, params, key, user)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    return product, True


def _register(
    package: Package,
    place: os.PathLike,
    number: uuid.UUID,
    kind: str,
    group: Group,
    params: dict[str, str],
    key: str,
    user: User | None,
) -> Product:
    aside = place.with_name(f".{place.name}")
    aside.mkdir(parents=True)
    try:
        files = write_files(package, aside)
        aside.rename(place)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    product = Product.objects.create(
        id=number,
        kind=kind,
        group=group,
        name=package.title or "Imported network",
        params=params,
        key=key,
        folder_name=str(place.relative_to(settings.DATA_DIR)),
        files=files,
        facts=package.card,
        created_by=user,
    )
    NetworkEntry.objects.create(network=product, note=package.note)
    words = f"took it in from a file; SHA-256 of its parts {package.sha256}"
    NetworkChange.objects.create(network=product, words=words, created_by=user)
    return product
