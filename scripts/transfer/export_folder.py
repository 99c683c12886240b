"""A folder of exported files with a manifest: their digests, signed with the key of the anchors."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models.errors import HotlineError
from models.i18n import _
from models.private_files import make_private_folder, write_private
from models.queries.chain_proof import ChainProof
from models.security.anchors import private_key, public_key
from models.settings import Settings
from scripts.output_files import OutputFile, require_outside_home

MANIFEST, SIGNATURE, PROOFS = "manifest.json", "manifest.sig", "proofs.jsonl"
_SIGNED = b"hotline export\n"
_PIECE_BYTES = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What was exported, when and by whom, and the SHA-256 of each file.

    `key` is the public key that anchors and the manifest are signed with.
    """

    made_at: datetime
    by: str
    texts: str
    key: str
    tickets: int | None = None
    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    files: dict[str, str] = {}


class ExportAltered(HotlineError):
    """A folder is not as it was exported."""

    def __init__(self, why: str) -> None:
        super().__init__(_("the folder is not as it was exported: {why}").format(why=why))


class ExportFolder:
    """A folder that is being filled; it appears under its name once it is complete."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path, self._settings = path, settings

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """Open a new file in the folder."""
        with OutputFile(self._path / name, self._settings).open() as file:
            yield file

    def sign(self, manifest: Manifest, key: bytes) -> None:
        """Write the manifest with the digests of all files, and its signature."""
        files = {path.name: file_digest(path) for path in sorted(self._path.iterdir())}
        signed = msgspec.structs.replace(manifest, files=files, key=public_key(key).hex())
        content = msgspec.json.format(msgspec.json.encode(signed)) + b"\n"
        write_private(self._path / MANIFEST, content)
        write_private(self._path / SIGNATURE, private_key(key).sign(_SIGNED + content))


@contextmanager
def new_folder(path: Path, settings: Settings) -> Iterator[ExportFolder]:
    """Give a folder to be filled, which gets its name at the end and is removed on an error.

    Raises HotlineError where it is there already or cannot be made.
    """
    require_outside_home(path, settings)
    if path.exists():
        raise HotlineError(_("{path} is there already").format(path=path))
    draft = path.with_name(path.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        make_private_folder(draft)
        yield ExportFolder(draft, settings)
        draft.rename(path)
    except OSError as error:
        raise HotlineError(f"{path}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def check_folder(path: Path, key: bytes | None) -> Manifest:
    """Check a folder without a store: digests, signature, and proofs; returns its manifest.

    `key` is the public key that the store is known by; without one the manifest's is taken. Raises
    ExportAltered.
    """
    try:
        content = (path / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
        signature = (path / SIGNATURE).read_bytes()
        names = {file.name for file in path.iterdir()} - {MANIFEST, SIGNATURE}
    except (OSError, msgspec.DecodeError) as error:
        raise ExportAltered(_("there is no manifest that can be read")) from error
    signer = key or _hexadecimal(manifest.key)
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, _SIGNED + content)
    except (InvalidSignature, ValueError) as error:
        raise ExportAltered(_("the manifest is not signed by that store")) from error
    if names != manifest.files.keys():
        raise ExportAltered(", ".join(sorted(names ^ manifest.files.keys())))
    for name, digest in manifest.files.items():
        if file_digest(path / name) != digest:
            raise ExportAltered(name)
    if PROOFS in names:
        _check_proofs(path / PROOFS, signer)
    return manifest


def _check_proofs(path: Path, key: bytes) -> None:
    with path.open("rb") as lines:
        for line in lines:
            proof = msgspec.json.decode(line, type=ChainProof)
            if not proof.is_valid(key):
                raise ExportAltered(_("the proof of {ticket}").format(ticket=proof.ticket))


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
