"""`manage.py simulate`: wide-angle diffraction frames of helium droplets, with the truth about each."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webapp.accounts.services import operators_group
from webapp.jobs.models import Product
from webapp.jobs.services import submit
from webapp.portal.files import copy_whole
from webapp.portal.follow import Follower, JobFailedError
from webapp.portal.workforce import workforce
from webapp.supervisor.broker import NoBrokerError
from webapp.supervisor.group import Stopped, prepare_database


class Command(BaseCommand):
    """Simulate frames."""

    help = "Simulate frames and write DIR/simulated.cxi and DIR/labels.csv."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")
        parser.add_argument("--frames", type=int, default=2000)
        parser.add_argument("--size", type=int, default=128, help="side of a frame in pixels")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--mix", choices=("balanced", "real"), default="balanced")

    def handle(self, *args: Any, out: Path, **options: Any) -> None:
        params = {
            "n_frames": options["frames"],
            "shape": [options["size"], options["size"]],
            "seed": options["seed"],
            "mix": options["mix"],
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            prepare_database()
            with workforce(self.stderr.write) as force:
                handle = submit(
                    kind="simulate", group=operators_group(), params=params, title="Simulated frames"
                )
                Follower(tend=force.tend).follow([handle])
            product = Product.objects.get(pk=handle.id)
            for name in ("simulated.cxi", "labels.csv"):
                copy_whole(product.path(name), out / name)
        except (JobFailedError, NoBrokerError, OSError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        except (Stopped, KeyboardInterrupt):
            sys.exit(130)
        self.stdout.write(f"{options['frames']} frames: {out / 'simulated.cxi'}")
