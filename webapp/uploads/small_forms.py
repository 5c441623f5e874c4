"""Files of forms, such as a CSV of labels: small ones only, for whoever asks for any page may send one."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler

MOST_BYTES = 512 * 10**6


class SmallFormHandler(TemporaryFileUploadHandler):
    """Keeps the files of a form aside, unless the body is larger than any form of the portal can be."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *_: Any, **__: Any) -> None:
        """Refuse a large body before any of it is on the disk, also where nobody is signed in."""
        if content_length > MOST_BYTES:
            raise RequestDataTooBig(f"A form of {content_length} bytes is larger than any of the portal.")
