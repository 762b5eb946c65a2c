import datetime
import hashlib
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from roomtape.child.dtls import CertificateCheck, matches
from roomtape.child.sdp import fingerprints
from roomtape.errors import FingerprintMismatch, RecorderError
from tests.unit.child.offers import page_offer


def self_signed() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guest")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=30))
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


PEM, OTHER_PEM = self_signed(), self_signed()


def colons(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)).upper()


def digest(pem: str, name: str = "sha-256") -> str:
    return hashlib.new(name.replace("-", ""), ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def described(pem: str, name: str = "sha-256") -> str:
    return f"v=0\r\na=fingerprint:{name} {colons(digest(pem, name))}\r\n"


class Decoder:
    """Stands for a `dtlsdec`: one property, one notification."""

    def __init__(self) -> None:
        self._pem: str | None = None
        self._notify: list[Callable[[Any, Any], None]] = []

    def connect(self, signal: str, handler: Callable[[Any, Any], None]) -> None:
        assert signal == "notify::peer-pem"
        self._notify.append(handler)

    def get_property(self, name: str) -> str | None:
        assert name == "peer-pem"
        return self._pem

    def receive(self, pem: str | None) -> None:
        self._pem = pem
        for handler in self._notify:
            handler(self, None)


class Watched:
    """A check that watches one decoder, and what it reports."""

    def __init__(self, sdp: str) -> None:
        self.errors: list[RecorderError] = []
        self.verified = 0
        self.check = CertificateCheck(self.errors.append, self._on_verified)
        self.decoder = Decoder()
        self.check.expect(sdp)
        self.check.watch(self.decoder)

    def _on_verified(self) -> None:
        self.verified += 1


@pytest.mark.parametrize("name", ["sha-256", "SHA-256", "sha-384", "sha-512"])
def test_the_described_certificate_matches(name: str) -> None:
    assert matches(PEM, fingerprints(described(PEM, name)))
    assert not matches(OTHER_PEM, fingerprints(described(PEM, name)))


def test_one_of_several_fingerprints_is_enough() -> None:
    assert matches(PEM, fingerprints(described(OTHER_PEM) + described(PEM)))


@pytest.mark.parametrize("name", ["sha-1", "md5"])
def test_weak_hashes_are_not_believed(name: str) -> None:
    assert not matches(PEM, fingerprints(described(PEM, name)))


def test_a_digest_under_another_hashs_name_does_not_match() -> None:
    assert not matches(PEM, {"sha-512": {digest(PEM)}})
    assert not matches(PEM, {})


@given(st.text() | st.text().map(lambda body: f"-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----"))
def test_what_is_no_certificate_matches_nothing(pem: str) -> None:
    assert not matches(pem, fingerprints(described(PEM)))


def test_the_right_certificate_verifies() -> None:
    watched = Watched(described(PEM))
    assert not watched.check.verified
    watched.decoder.receive(PEM)
    assert watched.check.verified
    assert (watched.verified, watched.errors) == (1, [])


def test_a_forged_certificate_is_reported_and_verifies_nothing() -> None:
    watched = Watched(described(PEM))
    watched.decoder.receive(OTHER_PEM)
    assert not watched.check.verified
    assert watched.verified == 0
    assert [type(error) for error in watched.errors] == [FingerprintMismatch]


def test_a_second_connection_with_a_forged_certificate_takes_the_trust_away() -> None:
    watched = Watched(described(PEM))
    watched.decoder.receive(PEM)
    second = Decoder()
    watched.check.watch(second)
    second.receive(OTHER_PEM)
    assert not watched.check.verified
    assert len(watched.errors) == 1


def test_a_later_description_must_name_the_certificate_that_was_verified() -> None:
    watched = Watched(described(PEM))
    watched.decoder.receive(PEM)
    watched.check.expect(described(OTHER_PEM) + described(PEM))
    for other in (described(OTHER_PEM), "v=0\r\n"):
        with pytest.raises(FingerprintMismatch):
            watched.check.expect(other)
    assert watched.check.verified
    watched.decoder.receive(PEM)
    assert not watched.errors, "the former description is still in force"


def test_no_certificate_yet_means_nothing() -> None:
    watched = Watched(described(PEM))
    watched.decoder.receive(None)
    assert not watched.check.verified
    assert watched.errors == []


def test_the_description_in_force_counts() -> None:
    watched = Watched(described(OTHER_PEM))
    watched.check.expect(described(PEM))
    watched.decoder.receive(PEM)
    assert watched.check.verified


@pytest.mark.parametrize(
    "sdp",
    ["v=0\r\n", described(PEM, "sha-1"), "a=fingerprint:sha-256\r\n", "a=fingerprint:"],
    ids=["none", "of a weak hash", "empty", "nothing at all"],
)
def test_a_description_without_a_usable_fingerprint_is_refused(sdp: str) -> None:
    check = CertificateCheck(lambda _: None, lambda: None)
    with pytest.raises(FingerprintMismatch):
        check.expect(sdp)


def test_a_pages_offer_has_one() -> None:
    Watched(page_offer())
