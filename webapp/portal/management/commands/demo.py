"""`manage.py demo`: simulate, sort, show, serve."""

import json
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from webapp.datasets.models import Dataset
from webapp.datasets.services import inspect_source
from webapp.jobs.models import Product
from webapp.labels.services import import_labels_csv
from webapp.portal import demo
from webapp.portal.follow import Follower, JobFailedError
from webapp.portal.services import Line, sort_dataset
from webapp.supervisor.broker import NoBrokerError
from webapp.supervisor.group import AlreadyRunningError, PortTakenError, ProcessGroup, Stopped


class Command(BaseCommand):
    """The demo."""

    help = "Start everything, simulate a data set, sort it, and serve it until Ctrl+C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--frames", type=int, default=demo.N_FRAMES, help="how many to simulate")
        parser.add_argument("--no-serve", action="store_true", help="end when the manifest is written")

    def handle(self, *args: Any, frames: int, no_serve: bool, **options: Any) -> None:
        address = "" if no_serve else settings.ADDRESS
        try:
            with ProcessGroup(address=address, say=self.stderr.write) as group:
                self._show(group, frames, address)
                while address:
                    group.tend()
                    time.sleep(0.5)
        except (AlreadyRunningError, PortTakenError, NoBrokerError, JobFailedError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        except Stopped:
            self.stdout.write("Stopped. The next start goes on where this one ended.")
            sys.exit(0 if address else 130)

    def _show(self, group: ProcessGroup, frames: int, address: str) -> None:
        team, user, password = demo.demo_group()
        if address:
            self.stdout.write(f"http://{address}   user: {user.username}   password: {password}")
            self.stdout.write("You can look on in the browser while it works.\n")
        follower = Follower(tend=group.tend)
        simulated = demo.simulate_demo(group=team, user=user, n_frames=frames)
        follower.follow([simulated])
        simulation = Product.objects.get(pk=simulated.id)
        dataset = demo.register_demo(simulation=simulation, user=user)
        follower.follow([inspect_source(dataset=dataset, user=user)])
        dataset.refresh_from_db()
        import_labels_csv(dataset=dataset, file=demo.some_labels(simulation, settings.DATA_DIR), user=user)
        line = sort_dataset(dataset=dataset, user=user)
        follower.follow(line.handles)
        self._report(dataset, line)
        if address:
            self.stdout.write(f"\nhttp://{address}   user: {user.username}   password: {password}")
            self.stdout.write("Ctrl+C ends everything.")

    def _report(self, dataset: Dataset, line: Line) -> None:
        clustering = Product.objects.get(pk=line.clustering.id)
        clusters = json.loads(clustering.path("clusters.json").read_text())
        self.stdout.write(f"\n{dataset.name}: {dataset.n_frames} frames in {len(clusters)} clusters")
        self.stdout.write(f"{'cluster':>8} {'frames':>8} {'share':>7} {'persistence':>12} {'exemplar':>9}")
        for cluster in clusters:
            exemplar = cluster["exemplars"][0] if cluster["exemplars"] else ""
            self.stdout.write(
                f"{cluster['id']:>8} {cluster['size']:>8} {cluster['size'] / dataset.n_frames:>7.1%} "
                f"{cluster['persistence']:>12.3f} {exemplar:>9}"
            )
        n_noise = clustering.facts["n_noise"]
        self.stdout.write(f"{'noise':>8} {n_noise:>8} {n_noise / dataset.n_frames:>7.1%}")
        manifest = Product.objects.get(pk=line.manifest.id)
        self.stdout.write(f"\nManifest: {manifest.path('manifest.csv')}")
