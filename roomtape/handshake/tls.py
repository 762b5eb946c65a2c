"""The server's certificate: given, or self-made and kept in a state folder."""

import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roomtape.config import ServeSettings
from roomtape.errors import ConfigError

CERTIFICATE_FILE: Final = "handshake-certificate.pem"
KEY_FILE: Final = "handshake-key.pem"
VALIDITY: Final = timedelta(days=397)
"""Clients distrust certificates that live much longer than a year."""
RENEWAL: Final = timedelta(days=14)
"""A self-made certificate with less than this to live is replaced."""
CLOCK_SKEW: Final = timedelta(hours=1)


def ssl_context(settings: ServeSettings, state_dir: Path) -> ssl.SSLContext | None:
    """How the server speaks TLS; None if it does not. A certificate may be given without `tls`.

    Raises:
        ConfigError: a file cannot be used or written.
    """
    if settings.certificate is not None:
        return _load(Path(settings.certificate), Path(settings.key or settings.certificate))
    if settings.key is not None:
        raise ConfigError("a key needs its certificate: give both")
    if not settings.tls:
        return None
    return _load(*self_made(state_dir, settings.host, datetime.now(UTC)))


def self_made(state_dir: Path, host: str, now: datetime) -> tuple[Path, Path]:
    """Paths of a certificate for this machine and `host`, and of its key (mode 0600); made unless a good one is there.

    Raises:
        ConfigError: the folder cannot be written.
    """
    certificate, key = state_dir / CERTIFICATE_FILE, state_dir / KEY_FILE
    names = _names(host)
    try:
        if not _is_good(certificate, key, names, now):
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            private = ec.generate_private_key(ec.SECP256R1())
            _write(key, _pem(private), 0o600)
            _write(certificate, _certificate(private, names, now), 0o644)
    except OSError as error:
        raise ConfigError(f"cannot keep a certificate in {state_dir}: {error.strerror}") from error
    return certificate, key


def _load(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty passphrase keeps OpenSSL from asking for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise ConfigError(
            f"{certificate} and {key} are not a certificate and its unencrypted key in PEM form"
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot read {certificate} and {key}: {error.strerror}") from error
    return context


def _is_good(certificate: Path, key: Path, names: list[x509.GeneralName], now: datetime) -> bool:
    """Whether both are there, belong together, cover `names` and last."""
    try:
        _load(certificate, key)
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
        covered = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ConfigError, ValueError, x509.ExtensionNotFound):
        return False
    # Debian's cryptography 38 knows only the form without a time zone, which later ones deprecate.
    end: datetime = getattr(made, "not_valid_after_utc", None) or made.not_valid_after.replace(tzinfo=UTC)
    return now + RENEWAL <= end and set(names) <= set(covered)


def _certificate(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "roomtape handshake server")])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _names(host: str) -> list[x509.GeneralName]:
    """What clients may call this server (RFC 6125); names that a certificate cannot hold are left out."""
    texts = dict.fromkeys(("localhost", "127.0.0.1", "::1", socket.gethostname(), host.strip("[]")))
    return [name for name in map(_general_name, texts) if name is not None]


def _general_name(text: str) -> x509.GeneralName | None:
    try:
        address = ip_address(text)
    except ValueError:
        return x509.DNSName(text) if text and text.isascii() else None
    return None if address.is_unspecified else x509.IPAddress(address)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """The whole file or none of it, and never readable by more than `mode` says."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)
