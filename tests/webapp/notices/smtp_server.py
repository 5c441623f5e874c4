"""A mail server on the loopback that takes mails, refuses some, or never says a word."""

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage


class _Talk(socketserver.StreamRequestHandler):
    server: "SmtpServer"

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        if self.server.is_mute:
            self.server.is_released.wait(20)
            return
        self.say("220 loopback ready")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            self.answer(verb.upper(), rest)

    def answer(self, verb: str, rest: str) -> None:
        if verb == "RCPT" and any(name in rest for name in self.server.refused):
            self.say("550 no such person")
        elif verb == "DATA":
            self.say("354 go on")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b"."))
            self.server.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
            self.say("250 taken")
        else:
            self.say("250 fine")


class SmtpServer(socketserver.ThreadingTCPServer):
    """The server; use it in a `with`. `mails` are those that it has taken."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, refused: tuple[str, ...] = (), is_mute: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.refused, self.is_mute = refused, is_mute
        self.mails: list[EmailMessage] = []
        self.is_released = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def __enter__(self) -> "SmtpServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_released.set()
        self.shutdown()
        self.server_close()
