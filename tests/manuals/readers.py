"""Blocks of TOML, JSON and the like, read by what reads such files in the service."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from models.rules.messages import Envelope, Refusal, read_content, read_envelope
from models.rules.policy import PolicyFile, changed_policy
from models.rules.toml_files import load_toml
from models.security.identity import load_roles
from scripts.ingest.mapping import load_mapping
from scripts.service.districts import InvalidDistricts
from tests.manuals.blocks import Block
from workers.notices.channels import load_channels

Reader = Callable[[Block, Path], object]
"""Reads a block, in a folder for its files; raises for what it cannot read."""

_SECRET = "whsec_" + b64encode(bytes(32)).decode()
"""Stands in for the secret that a page does not show."""


def _policy(block: Block, _folder: Path) -> None:
    """A policy, or a part of one that is laid over the shipped one."""
    shipped = (resources.files("models") / "policy" / "haojiang.toml").read_text("utf-8")
    changed_policy(PolicyFile(shipped, "haojiang.toml"), [PolicyFile(block.text, "manual.toml")])


def _file(load: Callable[[Path], object]) -> Reader:
    def read(block: Block, folder: Path) -> None:
        file = folder / "manual.toml"
        file.write_text(block.text.replace("whsec_…", _SECRET), "utf-8")
        file.chmod(0o600)
        load(file)

    return read


def _messages(block: Block, _folder: Path) -> None:
    """Messages, one object a line."""
    for line in block.text.splitlines():
        raw = json.loads(line)
        envelope = read_envelope(raw)
        assert isinstance(envelope, Envelope), envelope
        content = read_content(envelope.type, raw)
        assert not isinstance(content, Refusal), content


def _districts(block: Block, _folder: Path) -> None:
    """Homes by the names of districts; they need not be there."""
    assert load_toml(block.text, "manual.toml", dict[str, Path], InvalidDistricts)


READERS: Mapping[str, Reader] = {
    "policy": _policy,
    "channels": _file(load_channels),
    "roles": _file(load_roles),
    "mapping": _file(load_mapping),
    "messages": _messages,
    "districts": _districts,
    "json": lambda block, _folder: json.loads(block.text),
}
"""The reader of a block by its name."""


def read_block(block: Block, folder: Path) -> None:
    """Read a block by the reader that its mark names; every block of TOML must name one."""
    name = block.marks.get("reader") or ("json" if block.language == "json" else "")
    if block.language == "toml":
        assert name in READERS, f"line {block.line}: a mark must name its reader"
    if name:
        READERS[name](block, folder)
