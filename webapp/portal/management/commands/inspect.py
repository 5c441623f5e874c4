"""`manage.py inspect`: what the readers find in files, before anything is registered."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webapp.datasets.ask import TIMEOUT_S, StepFailed, StepRefused, ask_step
from webapp.portal.inspection import describe_in_words
from webapp.portal.sources import in_order, roots_of


class Command(BaseCommand):
    """Look into files through the guard, in a child process, and print what is there."""

    help = "Print the frames, mask, identifiers and warnings that a reader finds in SOURCE."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sources", nargs="+", metavar="SOURCE", help="a file, a folder, or a pattern in quotes"
        )
        parser.add_argument("--path", default="", metavar="DATASET_PATH", help="the frames inside the file")
        parser.add_argument("--json", action="store_true", help="print the whole description as JSON")
        parser.add_argument(
            "--root",
            action="append",
            default=[],
            metavar="DIR",
            help="folder below which files may be opened (default: the folders of the sources)",
        )
        parser.add_argument("--timeout", type=float, default=TIMEOUT_S, metavar="S", help="wait so long")

    def handle(self, *args: Any, **options: Any) -> None:
        sources = in_order(options["sources"])
        roots = [str(Path(root).absolute()) for root in options["root"]] or roots_of(sources)
        arguments = {"sources": sources, "roots": roots, "dataset_path": options["path"] or None}
        try:
            found = ask_step("index.inspect_source", arguments, timeout_s=options["timeout"])
        except StepRefused as error:
            self._end(2, str(error))
        except StepFailed as error:
            self._end(1, str(error))
        except KeyboardInterrupt:
            self._end(130, "Stopped.")
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        else:
            self.stdout.write(describe_in_words(found))

    def _end(self, code: int, line: str) -> None:
        self.stderr.write(" ".join(line.split()))
        sys.exit(code)
