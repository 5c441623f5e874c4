"""What the commands have in common that run one step in a child process: how they end."""

import sys
from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from webapp.datasets.ask import StepFailed, StepRefused


class StepCommand(BaseCommand):
    """A command whose `run` does the work; what it refuses, and what fails, is said in one line."""

    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        try:
            if given.threads < 1:
                raise StepRefused(f"--threads {given.threads}: nothing can run on none. Give 1 or more.")
            self.run(given)
        except StepRefused as error:
            self._end(2, str(error))
        except (OSError, DatabaseError) as error:
            self._end(2, self.words_of(error, given))
        except StepFailed as error:
            self._end(1, str(error))
        except KeyboardInterrupt:
            self._end(130, "Stopped.")

    def run(self, given: Namespace) -> None:
        """Do the work, or raise `StepRefused` or `StepFailed`."""
        raise NotImplementedError

    def words_of(self, error: OSError | DatabaseError, given: Namespace) -> str:
        """Say what the system refused, and what to do."""
        return f"{type(error).__name__}: {error}. Mend that, then run the command again."

    def _end(self, code: int, line: str) -> None:
        self.stderr.write(" ".join(line.split()))
        sys.exit(code)
