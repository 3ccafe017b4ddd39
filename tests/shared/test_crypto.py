"""What is sealed is unreadable without its key, and keys rotate."""

import pytest

from shared.crypto import Sealed, Sealer, new_key
from shared.errors import CrierError, SettingsError

SECRET = {"code": "481516"}


def test_what_is_sealed_opens_and_does_not_show():
    sealer = Sealer(new_key())
    sealed = sealer.seal(SECRET)
    assert b"481516" not in sealed.ciphertext
    assert sealer.open(sealed) == SECRET


def test_keys_rotate():
    old, new = new_key(), new_key()
    sealed_before = Sealer(old).seal(SECRET)
    rotated = Sealer(f"{new}, {old}")
    assert rotated.open(sealed_before) == SECRET
    assert rotated.seal(SECRET).key_id == Sealer(new).seal(SECRET).key_id != sealed_before.key_id


def test_a_missing_key_is_named():
    sealed = Sealer(new_key()).seal(SECRET)
    with pytest.raises(CrierError, match=f"CRIER_SECRET_KEY lacks the key {sealed.key_id}"):
        Sealer(new_key()).open(sealed)


def test_an_altered_ciphertext_does_not_open():
    sealer = Sealer(new_key())
    sealed = sealer.seal(SECRET)
    altered = Sealed(sealed.key_id, sealed.ciphertext[:-2] + b"xx")
    with pytest.raises(CrierError, match="altered"):
        sealer.open(altered)


@pytest.mark.parametrize("keys", [None, "", "not a key", f"{'A' * 20}"])
def test_no_key_or_a_bad_one_is_refused_and_not_shown(keys):
    with pytest.raises(SettingsError) as caught:
        Sealer(keys)
    assert "crier keys secret" in str(caught.value)
    assert not keys or keys not in str(caught.value)


def test_what_is_sealed_for_one_purpose_is_not_opened_for_another():
    key = new_key()
    sealed = Sealer(key).for_purpose("links").seal({"a": 1})
    assert Sealer(key).for_purpose("links").open(sealed) == {"a": 1}
    assert Sealer(f"{new_key()},{key}").for_purpose("links").open(sealed) == {"a": 1}
    for other in (Sealer(key), Sealer(key).for_purpose("codes"), Sealer(new_key()).for_purpose("links")):
        with pytest.raises(CrierError):
            other.open(sealed)
