"""Sign a message to another system as Standard Webhooks says, for which receivers have libraries.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from models.i18n import _

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


def secret_key(secret: str) -> bytes:
    """Return the key that a secret of a channels file holds; raises ValueError for any other."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        text = _(
            "write whsec_ and {least} to {most} random bytes in Base64; `{command}` makes some"
        )
        command = "echo whsec_$(openssl rand -base64 32)"
        raise ValueError(text.format(least=_LEAST_BYTES, most=_MOST_BYTES, command=command))
    return key


def signed_headers(
    secrets: Sequence[str], message: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers of a message: its id, its moment, and a signature by each secret."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret_key(secret), signed, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
