"""The tokens store: proofs for a chat, stored hashed.

For example:

    with registry.transaction():
        registry.sessions.update("s-1", notify=True)
        token = registry.tokens.mint("s-1", chat_id=123456)
    assert registry.tokens.validate(token, 123456).session_id == "s-1"
    assert registry.tokens.validate(token, 999).verdict == "wrong chat"
    assert registry.tokens.revoke(token) and not registry.tokens.revoke(token)
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

from ..clock import later, now
from ..store import Store
from ..table import Record
from ..values import identifier, positive, text, whole

__all__ = ["TTL", "Tokens", "Validation", "chat_text", "token_hash"]

# CCR's rule: a token lives for a day.
TTL = timedelta(hours=24)
_BYTES = 32


class Validation(Record):
    """What a token is worth.

    verdict: "valid", "unknown", "expired" or "wrong chat".
    session_id: whom it speaks for, None unless it is valid.
    """

    verdict: str
    session_id: str | None


class Tokens(Store):
    """`registry.tokens`. Only hashes are stored; tokens go with their session."""

    __slots__ = ()

    def mint(self, session_id: str, chat_id: str | int, *, ttl: timedelta = TTL) -> str:
        """A new token of 256 random bits for one session and one chat. Raises NotFound for an unregistered session.

        Inside `registry.transaction()` it comes to be together with whatever else is written there.
        """
        token = token_urlsafe(_BYTES)
        self._store(
            token,
            session_id,
            chat_id,
            created_at=(created_at := now()),
            expires_at=later(created_at, positive("ttl", ttl)),
        )
        return token

    def validate(self, token: str, chat_id: str | int) -> Validation:
        """What the token is worth in this chat. Unknown, expired and wrong chat are told apart, at the same cost."""
        rows = self._read(
            "SELECT session_id, chat_id, expires_at FROM tokens WHERE workspace_id = ? AND token_hash = ?",
            (self._workspace, token_hash(token)),
        )
        session_id, stored_chat, expires_at = rows[0] if rows else (None, "", "")
        same_chat = compare_digest(token_hash(stored_chat), token_hash(chat_text(chat_id)))
        alive = expires_at > now()
        verdict = "unknown" if not rows else "wrong chat" if not same_chat else "valid" if alive else "expired"
        return Validation(verdict=verdict, session_id=session_id if verdict == "valid" else None)

    def revoke(self, token: str) -> bool:
        """Make a token worthless; False if it was so already. Of any number of callers one gets True."""
        key = (self._workspace, token_hash(token))
        return self._write("DELETE FROM tokens WHERE workspace_id = ? AND token_hash = ?", key) > 0

    def expire(self) -> int:
        """Remove the expired tokens; how many. Until then they are told from unknown ones."""
        return self._remove_expired(now())

    def _store(self, token: str, session_id: str, chat_id: str | int, *, created_at: str, expires_at: str) -> None:
        self._write(
            "INSERT INTO tokens (workspace_id, token_hash, session_id, chat_id, created_at, expires_at) "
            "VALUES (:workspace_id, :token_hash, :session_id, :chat_id, :created_at, :expires_at)",
            {
                "workspace_id": self._workspace,
                "token_hash": token_hash(token),
                "session_id": identifier("session_id", session_id),
                "chat_id": chat_text(chat_id),
                "created_at": created_at,
                "expires_at": expires_at,
            },
        )

    def _remove_expired(self, instant: str) -> int:
        return self._write("DELETE FROM tokens WHERE workspace_id = ? AND expires_at <= ?", (self._workspace, instant))


def chat_text(chat_id: str | int) -> str:
    """A chat id as it is stored."""
    if isinstance(chat_id, int):
        return str(whole("chat_id", chat_id, least=-(1 << 63)))  # a Telegram group's is negative
    return identifier("chat_id", chat_id)


def token_hash(secret: str) -> str:
    """What is stored of a token: its SHA-256, in hexadecimal digits."""
    return sha256(text("token", secret).encode()).hexdigest()
