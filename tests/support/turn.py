"""A real TURN server (coturn) on this machine, for probes and for relay-only recordings."""

import hashlib
import socket
import ssl
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final

from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from roomtape.ice.servers import turn_uri
from roomtape.model import TurnServer, TurnTransport

LOOPBACK: Final = "127.0.0.1"
READY_LIMIT_S: Final = 10.0
STOP_LIMIT_S: Final = 5.0
ATTEMPTS: Final = 3
"""Starts, each on new ports: between finding a free port and using it, someone else may take it."""


class Coturn:
    """Runs turnserver with one user: UDP and TCP on `port`, TLS (self-signed) on `tls_port`. Relays to loopback too.

    `host` is this machine's own address: libnice binds its sockets to a network interface, and such a socket reaches
    127.0.0.1 by TCP alone. coturn refuses user names with blanks, quotes or colons; passwords are free.
    """

    def __init__(self, user: str, password: str, realm: str = "roomtape.test", host: str | None = None) -> None:
        self.user, self.password, self.realm = user, password, realm
        self.host = host or own_address()
        self.port = 0
        self.tls_port = 0
        self._folder = tempfile.TemporaryDirectory(prefix="coturn-")
        self._process: subprocess.Popen[bytes] | None = None

    def server(self, transport: TurnTransport = TurnTransport.UDP) -> TurnServer:
        """The server with its right credential."""
        port = self.tls_port if transport is TurnTransport.TLS else self.port
        return TurnServer(self.host, port, transport, self.user, self.password)

    def uri(self, transport: TurnTransport = TurnTransport.UDP) -> str:
        """The same for `--turn-server`."""
        return turn_uri(self.server(transport))

    def log_text(self) -> str:
        log = self._path("turn.log")
        return log.read_text(errors="replace") if log.exists() else ""

    def die(self) -> None:
        """Be killed in the middle of everything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def revive(self) -> None:
        """Be there again, on the same ports, knowing nothing of what was before."""
        assert self._launch(), self.log_text()

    def __enter__(self) -> "Coturn":
        try:
            _write_certificate(self._path("cert.pem"), self._path("key.pem"))
            for _ in range(ATTEMPTS):
                if self._start():
                    return self
                self._stop()
            raise RuntimeError(f"turnserver did not start; it says:\n{self.log_text()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._folder.cleanup()

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name

    def _start(self) -> bool:
        """Whether a new process answers on all of its ports in time."""
        self.port, self.tls_port = free_port(self.host), free_port(self.host)
        self._path("turn.conf").write_text(self._configuration())
        return self._launch()

    def _launch(self) -> bool:
        with self._path("output").open("wb") as output:
            self._process = subprocess.Popen(
                ["turnserver", "-c", str(self._path("turn.conf"))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder.name,
            )
        deadline = time.monotonic() + READY_LIMIT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._answers():
                return self._process.poll() is None
            time.sleep(0.05)
        return False

    def _answers(self) -> bool:
        plain, tls = (self.host, self.port), (self.host, self.tls_port)
        return _answers_udp(plain) and _answers_tcp(plain) and _answers_tls(tls)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _configuration(self) -> str:
        # The key instead of the password (RFC 8489 section 18.5.1.1), so that it may hold any character.
        key = hashlib.md5(f"{self.user}:{self.realm}:{self.password}".encode()).hexdigest()
        return "\n".join(
            (
                f"listening-ip={self.host}",
                f"relay-ip={self.host}",
                f"listening-port={self.port}",
                f"tls-listening-port={self.tls_port}",
                f"cert={self._path('cert.pem')}",
                f"pkey={self._path('key.pem')}",
                "lt-cred-mech",
                f"realm={self.realm}",
                f"user={self.user}:0x{key}",
                "allow-loopback-peers",
                "no-cli",
                "no-rfc5780",
                "no-dtls",
                "relay-threads=1",
                f"userdb={self._path('users.db')}",
                f"pidfile={self._path('turn.pid')}",
                f"log-file={self._path('turn.log')}",
                "simple-log",
                "verbose",
                "",
            )
        )


def own_address() -> str:
    """The IPv4 address that this machine would use to reach others; 127.0.0.1 without a network. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.connect(("198.51.100.1", 9))  # for documentation only (RFC 5737)
        except OSError:
            return LOOPBACK
        address: str = udp.getsockname()[0]
        return address


def free_port(host: str = LOOPBACK) -> int:
    """A port that is free for UDP and TCP alike."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((host, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port on {host}")


def _answers_udp(address: tuple[str, int]) -> bool:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.2)
        try:
            udp.connect(address)
            udp.send(bytes(request))
            return stun.parse_message(udp.recv(1500)).transaction_id == request.transaction_id
        except (OSError, ValueError):
            return False


def _answers_tcp(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=0.5):
            return True
    except OSError:
        return False


def _answers_tls(address: tuple[str, int]) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(address, timeout=0.5) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _write_certificate(certificate: Path, key: Path) -> None:
    """A self-signed certificate for a day and its key, as PEM files."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
