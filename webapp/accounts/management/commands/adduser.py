"""`manage.py adduser NAME --group G --role member`: the password is asked for, or read from a pipe."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.models import Membership, User
from webapp.accounts.services import create_user


class Command(BaseCommand):
    """Add a person."""

    help = "Add a person, and make them a member of a group, which is made if it is not there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the name, the group and the role."""
        parser.add_argument("name")
        parser.add_argument("--group", default="", help="name of the group")
        parser.add_argument(
            "--role", default=Membership.Role.MEMBER, choices=Membership.Role.values, help="role in the group"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the name and the password, and add the person."""
        name = options["name"]
        try:
            User.username_validator(name)
        except ValidationError as error:
            raise CommandError(f"“{name}” cannot be a name: {' '.join(error.messages)}") from error
        if User.objects.filter(username=name).exists():
            raise CommandError(f"There is a {name} already. Choose another name.")
        password = self._ask_password()
        try:
            validate_password(password, User(username=name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        create_user(username=name, password=password, group_name=options["group"], role=options["role"])
        where = f", {options['role']} of {options['group']}" if options["group"] else ", in no group yet"
        self.stdout.write(f"Added {name}{where}.")

    def _ask_password(self) -> str:
        """Return a password: never from an argument, which other users of the machine could see."""
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\n")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Once more: "):
            raise CommandError("The two passwords differ. Nothing was added.")
        return password
