"""A tenant's server over real TLS, with a certificate of its own authority, that behaves by the path it is asked under.

Answers for: every way in which a hook can go wrong. Must not know: what asks it.
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GOES_ON_FOR_S = 4.0
"""How long a server that hangs or drips keeps at it: four times the budget."""


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def content(self) -> dict[str, object]:
        read: dict[str, object] = json.loads(self.body)
        return read


@dataclass
class HookServer:
    """``said``: the JSON that ``/say`` answers."""

    port: int
    ca_file: Path
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    said: object = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, *, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"


def certificates(folder: Path) -> tuple[Path, Path]:
    """An authority, and a certificate of it for ``localhost``: the authority's file, and the server's with its key."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def signed(subject: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=2))
        )
        for each in extensions:
            builder = builder.add_extension(each, critical=isinstance(each, x509.BasicConstraints))
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca_file, own_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(signed(issuer, ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=0), identifier))
    own_file.write_bytes(
        signed(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
            key.public_key(),
            x509.SubjectAlternativeName([x509.DNSName("localhost")]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
        )
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ca_file, own_file


@contextmanager
def hook_server(folder: Path) -> Iterator[HookServer]:
    ca_file, own_file = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_file)
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        server = HookServer(listening.getsockname()[1], ca_file)
        listening.settimeout(0.1)

        def accept() -> None:
            while not server.stopping.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                server.connections += 1
                thread = threading.Thread(target=_serve, args=(connection, context, server, server.connections))
                thread.start()
                threads.append(thread)

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            server.stopping.set()
            accepting.join()
            for thread in threads:
                thread.join()


def _serve(connection: socket.socket, context: ssl.SSLContext, server: HookServer, number: int) -> None:
    connection.settimeout(0.1)
    with connection, suppress(OSError):
        connection.settimeout(5)
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.settimeout(0.1)
            first = True
            while (request := _read(secured, server, number)) is not None:
                server.received.append(request)
                # A server whose keep-alive ran out just when the next question came.
                if not first and request.path == "/first-only":
                    return
                first = False
                if not _answer(secured, request.path, server):
                    return


def _read(secured: ssl.SSLSocket, server: HookServer, number: int) -> Received | None:
    content = b""
    while True:
        head, found, body = content.partition(b"\r\n\r\n")
        if found:
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            if len(body) >= int(headers.get("content-length", 0)):
                return Received(first.split(" ")[1], headers, body, number)
        try:
            part = secured.recv(65536)
        except TimeoutError:
            if server.stopping.is_set():
                return None
            continue
        if not part:
            return None
        content += part


def _answer(secured: ssl.SSLSocket, path: str, server: HookServer) -> bool:
    """False where the connection is to be closed."""
    plain = {
        "/allow": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/first-only": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/once": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/veto": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        "/error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "/redirect": b"HTTP/1.1 302 Found\r\nLocation: /allow\r\nContent-Length: 0\r\n\r\n",
        "/garbage": b"\x00\xffgarbage\r\n\r\nmore",
        "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "/compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    }
    match path.partition("?")[0]:
        case "/say":
            body = server.said if isinstance(server.said, bytes) else json.dumps(server.said).encode()
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return True
        case "/hang":
            server.stopping.wait(GOES_ON_FOR_S)
        case "/drip":
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            _drip(secured, b"x" * 40, server)
        case "/drip-head":
            _drip(secured, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", server)
        case "/big":
            secured.settimeout(5)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
            secured.sendall(b"x" * 10_000_000)
        case "/reset":
            secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case known if known in plain:
            secured.sendall(plain[known])
            return known in ("/allow", "/first-only", "/veto", "/error", "/redirect", "/compressed")
    return False


def _drip(secured: ssl.SSLSocket, content: bytes, server: HookServer) -> None:
    for place in range(len(content)):
        secured.sendall(content[place : place + 1])
        if server.stopping.wait(0.1):
            return
