"""The keyed hash is HMAC-SHA256, whatever the key and the value."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from models.security.keyed_hash import KeyedHash


@given(st.binary(max_size=200), st.lists(st.binary(max_size=3_000), min_size=1, max_size=3))
def test_it_is_the_librarys_for_every_key_and_value(key: bytes, values: list[bytes]) -> None:
    keyed = KeyedHash(key)
    assert [keyed(value) for value in values] == [
        hmac.digest(key, value, "sha256") for value in values
    ]
