"""The peer's DTLS certificate against the fingerprint in its session description (RFC 8827 section 5, RFC 8122).

GStreamer 1.22 makes the handshake with any certificate, so whoever sits on the network path could stand in for the
guest. Here the certificate that `dtlsdec` received is hashed and compared.
"""

import hashlib
import ssl
from collections.abc import Callable
from typing import Any, Final

from roomtape.child.sdp import fingerprints
from roomtape.errors import FingerprintMismatch, RecorderError

HASHES: Final = ("sha-256", "sha-384", "sha-512")
"""Hash names accepted in a=fingerprint, as in the registry of RFC 8122; weaker ones are not believed."""


def matches(pem: str, expected: dict[str, set[str]]) -> bool:
    """Whether the certificate `pem` has one of the expected fingerprints. An unreadable certificate has none."""
    try:
        der = ssl.PEM_cert_to_DER_cert(pem)
    except ValueError:
        return False
    return any(hashlib.new(name.replace("-", ""), der).hexdigest() in expected.get(name, ()) for name in HASHES)


class CertificateCheck:
    """Watches each `dtlsdec` of a webrtcbin. Media and data may be used only once `verified`."""

    def __init__(self, report: Callable[[RecorderError], None], on_verified: Callable[[], None]) -> None:
        self._report = report
        self._on_verified = on_verified
        self._expected: dict[str, set[str]] = {}
        self._pem = ""
        self.verified = False

    def expect(self, sdp: str) -> None:
        """Take the fingerprints of the remote description in force.

        Raises:
            FingerprintMismatch: it has none that can be checked, or not that of the certificate that has been verified.
                The former ones stay in force.
        """
        named = fingerprints(sdp)
        if not any(named.get(name) for name in HASHES):
            raise FingerprintMismatch("the session description has no usable certificate fingerprint")
        if self.verified and not matches(self._pem, named):
            raise FingerprintMismatch("the session description names another certificate than the connection has")
        self._expected = named

    def watch(self, dtlsdec: Any) -> None:
        dtlsdec.connect("notify::peer-pem", lambda element, _: self._received(element.get_property("peer-pem")))

    def _received(self, pem: str | None) -> None:
        """Runs on the handshake's thread, so that no media gets past it."""
        if pem is None:
            return
        if matches(pem, self._expected):
            self._pem, self.verified = pem, True
            self._on_verified()
        else:
            self.verified = False
            self._report(
                FingerprintMismatch("the peer's DTLS certificate is not the one its description names: dropped")
            )
