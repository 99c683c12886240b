"""Certificates for servers and clients, of authorities that a test makes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme


class Certificate(NamedTuple):
    """The files of a certificate and of its key, which only this user can read."""

    file: Path
    key: Path


class Authority:
    """An authority whose own certificate lies in `file`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def certify(self, name: str, *, has_ended: bool = False) -> Certificate:
        """Certify a host, or a client who is then called `name`."""
        until = datetime.now(UTC) - timedelta(days=1) if has_ended else None
        begin = datetime.now(UTC) - timedelta(days=2) if has_ended else None
        made = self._authority.issue_cert(name, common_name=name, not_before=begin, not_after=until)
        stem = f"{name}-ended" if has_ended else name
        certificate = Certificate(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        made.cert_chain_pems[0].write_to_path(certificate.file)
        certificate.key.touch(mode=0o600)
        made.private_key_pem.write_to_path(certificate.key)
        return certificate
