"""A client of tus on bare sockets that breaks off wherever a test wants, and the server that it talks to."""

import hashlib
import os
import signal
import socket
import struct
import subprocess
import time
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

import numpy as np
from django.conf import settings
from django.test import Client

from tests.webapp.factories import make_group, make_user
from webapp.supervisor.group import web_command

MiB = 2**20
TOKEN = "t" * 32


class Generated:
    """Bytes that are made where they are needed: random, and every MiB bears its number."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.noise = size, np.random.default_rng(seed).bytes(MiB - 8)

    def block(self, start: int, stop: int) -> bytes:
        """Return the bytes of `[start, stop)`."""
        first = start // MiB
        numbers = range(first, -(-stop // MiB))
        whole = b"".join(struct.pack(">Q", number) + self.noise for number in numbers)
        return whole[start - first * MiB : stop - first * MiB]

    def sha256(self) -> str:
        """Return the checksum of all."""
        sum_ = hashlib.sha256()
        for start in range(0, self.size, MiB):
            sum_.update(self.block(start, min(start + MiB, self.size)))
        return sum_.hexdigest()


class WebServer:
    """The portal's web server as the supervisor starts it."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = probe.getsockname()
        self.environment = environment
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, and wait for its first answer."""
        command = web_command(f"{self.address[0]}:{self.address[1]}")
        self.process = subprocess.Popen(command, env=self.environment, start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                connection = HTTPConnection(*self.address, timeout=20)
                connection.request("OPTIONS", "/uploads/")
                assert connection.getresponse().status == 204
                return
            except (OSError, HTTPException):
                assert self.process.poll() is None, "the web server ended by itself"
                time.sleep(0.1)
        raise AssertionError("the web server did not answer")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it with all its processes."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(timeout=30)

    def peak_bytes(self) -> int:
        """Return the largest resident size that a process of the server ever had."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        peaks = []
        for pid in (str(self.process.pid), *children):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
        return max(peaks)


class TusClient:
    """A person who is signed in, and sends files."""

    def __init__(self, server: WebServer) -> None:
        self.address = server.address
        self.group = make_group("cut off")
        signed_in = Client()
        signed_in.force_login(make_user(f"person {os.urandom(4).hex()}", self.group))
        session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
        self.headers = {
            "Host": f"{self.address[0]}:{self.address[1]}",
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Tus-Resumable": "1.0.0",
        }

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send a request without a body; return status, headers and body of the answer."""
        connection = HTTPConnection(*self.address, timeout=60)
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent | {"Content-Length": "0"})
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def create(self, size: int, **told: str) -> str:
        """Begin an upload; return its path."""
        told = {"filename": "run.h5", "group": str(self.group.pk)} | told
        metadata = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in told.items())
        status, headers, body = self.ask(
            "POST", "/uploads/", Upload_Length=str(size), Upload_Metadata=metadata
        )
        assert status == 201, body
        return headers["Location"]

    def offset(self, path: str) -> int:
        """Ask how far an upload is."""
        status, headers, _ = self.ask("HEAD", path)
        assert status == 200
        return int(headers["Upload-Offset"])

    def open_patch(
        self, path: str, offset: int, length: int, checksum_of: bytes | None = None
    ) -> socket.socket:
        """Send the head of a PATCH alone."""
        head = self.headers | {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
            "Upload-Offset": str(offset),
        }
        if checksum_of is not None:
            head["Upload-Checksum"] = f"sha256 {b64encode(hashlib.sha256(checksum_of).digest()).decode()}"
        lines = [f"PATCH {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        connection = socket.create_connection(self.address, 60)
        connection.sendall("\r\n".join(lines).encode())
        return connection

    def patch(self, path: str, offset: int, body: bytes, checked: bool = False) -> int:
        """Send a whole PATCH; return the status of the answer."""
        with self.open_patch(path, offset, len(body), body if checked else None) as connection:
            connection.sendall(body)
            return status_of(connection)


def status_of(connection: socket.socket) -> int:
    """Read an answer from a connection."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def break_off(connection: socket.socket, harshly: bool) -> None:
    """End a connection: with a reset, or as if all had been said."""
    if harshly:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
