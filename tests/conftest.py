"""Fixtures that many tests share; imports of Django stay inside, so that science is tested without it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def frame_server() -> Iterator[None]:
    """The server of full-resolution frames, as the supervisor starts it, for the portal's tests."""
    from django.conf import settings

    from tests.frames.served import ServedFrames
    from webapp.supervisor.broker import make_runtime_dir

    make_runtime_dir()
    served = ServedFrames(settings.DATA_DIR, address=settings.FRAME_SERVER)
    yield
    served.stop()
