import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from roomtape.config import ServeSettings
from roomtape.errors import ConfigError
from roomtape.handshake.tls import VALIDITY, self_made, ssl_context


def names_in(certificate: Path) -> x509.SubjectAlternativeName:
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    return made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_without_tls_there_is_no_context(tmp_path: Path) -> None:
    assert ssl_context(ServeSettings(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_is_made_for_this_machine_and_the_host(tmp_path: Path) -> None:
    certificate, key = self_made(tmp_path / "new" / "folder", "meet.example", datetime.now(UTC))
    names = names_in(certificate)
    assert {"localhost", "meet.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert {ip_address("127.0.0.1"), ip_address("::1")} <= set(names.get_values_for_type(x509.IPAddress))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(certificate.parent.stat().st_mode) == 0o700
    assert sorted(certificate.parent.iterdir()) == sorted((certificate, key))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "bücher.example", "[::1]", "192.0.2.7"])
def test_any_host_gives_a_usable_certificate(tmp_path: Path, host: str) -> None:
    certificate, _ = self_made(tmp_path, host, datetime.now(UTC))
    addresses = names_in(certificate).get_values_for_type(x509.IPAddress)
    assert not any(address.is_unspecified for address in addresses)
    assert (ip_address("192.0.2.7") in addresses) == (host == "192.0.2.7")
    assert ssl_context(ServeSettings(tls=True, host=host), tmp_path) is not None


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    certificate, key = self_made(tmp_path, "localhost", datetime.now(UTC))
    before = certificate.read_bytes(), key.read_bytes()
    self_made(tmp_path, "127.0.0.1", datetime.now(UTC) + timedelta(days=300))
    assert (certificate.read_bytes(), key.read_bytes()) == before


def test_a_certificate_is_replaced_before_it_expires(tmp_path: Path) -> None:
    certificate, _ = self_made(tmp_path, "localhost", datetime.now(UTC))
    before = certificate.read_bytes()
    self_made(tmp_path, "localhost", datetime.now(UTC) + VALIDITY - timedelta(days=1))
    assert certificate.read_bytes() != before


def test_a_certificate_without_the_host_is_replaced(tmp_path: Path) -> None:
    certificate, _ = self_made(tmp_path, "localhost", datetime.now(UTC))
    self_made(tmp_path, "meet.example", datetime.now(UTC))
    assert "meet.example" in names_in(certificate).get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("which", [0, 1])
def test_damaged_files_are_replaced(tmp_path: Path, which: int) -> None:
    self_made(tmp_path, "localhost", datetime.now(UTC))[which].write_text("damaged")
    assert ssl_context(ServeSettings(tls=True), tmp_path) is not None


def test_a_key_of_another_certificate_is_replaced(tmp_path: Path) -> None:
    _, stranger = self_made(tmp_path / "other", "localhost", datetime.now(UTC))
    _, key = self_made(tmp_path / "mine", "localhost", datetime.now(UTC))
    key.write_bytes(stranger.read_bytes())
    assert ssl_context(ServeSettings(tls=True), tmp_path / "mine") is not None
    assert key.read_bytes() != stranger.read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot keep a certificate in .*file: File exists"):
        self_made(tmp_path / "file", "localhost", datetime.now(UTC))


def test_given_files_are_used_without_asking_for_tls(tmp_path: Path) -> None:
    certificate, key = self_made(tmp_path, "localhost", datetime.now(UTC))
    context = ssl_context(ServeSettings(certificate=str(certificate), key=str(key)), tmp_path / "unused")
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert not (tmp_path / "unused").exists()


def test_certificate_and_key_may_share_a_file(tmp_path: Path) -> None:
    certificate, key = self_made(tmp_path, "localhost", datetime.now(UTC))
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    assert ssl_context(ServeSettings(certificate=str(both)), tmp_path) is not None


def test_a_key_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a key needs its certificate"):
        ssl_context(ServeSettings(key="key.pem"), tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*gone.pem.*: No such file"):
        ssl_context(ServeSettings(certificate=str(tmp_path / "gone.pem")), tmp_path)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    certificate, _ = self_made(tmp_path, "localhost", datetime.now(UTC))
    _, stranger = self_made(tmp_path / "other", "localhost", datetime.now(UTC))
    with pytest.raises(ConfigError, match="are not a certificate and its unencrypted key"):
        ssl_context(ServeSettings(certificate=str(certificate), key=str(stranger)), tmp_path)


def test_an_encrypted_key_is_refused_without_asking_on_the_terminal(tmp_path: Path) -> None:
    certificate, key = self_made(tmp_path, "localhost", datetime.now(UTC))
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(ConfigError, match="unencrypted"):
        ssl_context(ServeSettings(certificate=str(certificate), key=str(key)), tmp_path)
