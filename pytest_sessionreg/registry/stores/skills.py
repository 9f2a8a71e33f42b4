"""The skills store: what was suggested, what was invoked, and whether the one led to the other.

For example:

    registry.skills.suggest("s-1", "write-tests")
    registry.skills.suggest("s-1", "bisect")
    registry.skills.invoke("s-1", "write-tests")
    assert registry.skills.adoption(timedelta(days=7)) == 0.5  # None, not 0, where nothing was suggested
    assert not registry.skills.try_invoke("unknown-session", "bisect")  # for hooks that must not fail
"""

from __future__ import annotations

from datetime import timedelta

from ..clock import later, now
from ..errors import InvalidValue, RegistryError
from ..store import Store
from ..table import Record
from ..values import identifier, positive

__all__ = ["Adoption", "SkillAdoption", "SkillUse", "Skills"]


class SkillUse(Record):
    """How often a skill was used in one session.

    skill: its name.
    suggested: how often it was suggested.
    invoked: how often it was invoked.
    """

    skill: str
    suggested: int
    invoked: int


class Adoption(Record):
    """The suggestions of a window.

    suggested: how many there were.
    taken: how many of them were invoked afterwards in the same session.
    """

    suggested: int
    taken: int


class SkillAdoption(Record):
    """One skill in a window.

    skill: its name.
    suggested: how often it was suggested.
    invoked: how often it was invoked.
    taken: how many of the suggestions were invoked afterwards in the same session.
    """

    skill: str
    suggested: int
    invoked: int
    taken: int


class Skills(Store):
    """`registry.skills`. Events go with their session."""

    __slots__ = ()

    def suggest(self, session_id: str, skill: str) -> None:
        """Record that a skill was suggested. Raises NotFound for a session that is not registered."""
        self._write(
            "INSERT INTO skill_suggestions (workspace_id, session_id, skill, suggested_at) VALUES (?, ?, ?, ?)",
            (self._workspace, identifier("session_id", session_id), identifier("skill", skill), now()),
        )

    def invoke(self, session_id: str, skill: str) -> None:
        """Record that a skill was invoked. Raises NotFound for a session that is not registered."""
        self._write(
            "INSERT INTO skill_invocations (workspace_id, session_id, skill, invoked_at) VALUES (?, ?, ?, ?)",
            (self._workspace, identifier("session_id", session_id), identifier("skill", skill), now()),
        )

    def try_invoke(self, session_id: str, skill: str) -> bool:
        """As `invoke`, for hooks that must not fail: False instead of any error of the registry but InvalidValue."""
        try:
            self.invoke(session_id, skill)
        except InvalidValue:
            raise
        except RegistryError:
            return False
        return True

    def of_session(self, session_id: str) -> list[SkillUse]:
        """The session's table: how often each skill was suggested and invoked, by name."""
        rows = self._read(
            "SELECT skill, sum(suggested), sum(invoked) FROM ("
            "SELECT skill, 1 AS suggested, 0 AS invoked FROM skill_suggestions "
            "WHERE workspace_id = ? AND session_id = ? "
            "UNION ALL "
            "SELECT skill, 0, 1 FROM skill_invocations WHERE workspace_id = ? AND session_id = ?) "
            "GROUP BY skill ORDER BY skill",
            (self._workspace, identifier("session_id", session_id)) * 2,
        )
        return [SkillUse(skill=skill, suggested=suggested, invoked=invoked) for skill, suggested, invoked in rows]

    def adoption(self, window: timedelta) -> float | None:
        """The share of the window's suggestions that were invoked afterwards in the same session, from 0 to 1.

        None where nothing was suggested: there is nothing that the share could be of.
        """
        counts = self.adoption_counts(window)
        return counts.taken / counts.suggested if counts.suggested else None

    def adoption_counts(self, window: timedelta) -> Adoption:
        """The numerator and the denominator of `adoption`."""
        ((suggested, taken),) = self._read(
            "SELECT count(*), ifnull(sum(EXISTS (SELECT 1 FROM skill_invocations AS i "
            "WHERE i.workspace_id = s.workspace_id AND i.session_id = s.session_id AND i.skill = s.skill "
            "AND i.invoked_at >= s.suggested_at)), 0) "
            "FROM skill_suggestions AS s WHERE s.workspace_id = ? AND s.suggested_at >= ?",
            (self._workspace, later(now(), -positive("window", window))),
        )
        return Adoption(suggested=suggested, taken=taken)

    def adoption_by_skill(self, window: timedelta, *, session_id: str | None = None) -> list[SkillAdoption]:
        """How often each skill was suggested, invoked, and invoked after a suggestion, in the window, by name; in all
        sessions, or in one.
        """
        start = later(now(), -positive("window", window))
        one = "" if session_id is None else " AND s.session_id = ?"
        session = () if session_id is None else (identifier("session_id", session_id),)
        rows = self._read(
            "SELECT skill, sum(suggested), sum(invoked), sum(taken) FROM ("
            "SELECT s.skill, 1 AS suggested, 0 AS invoked, EXISTS (SELECT 1 FROM skill_invocations AS i "
            "WHERE i.workspace_id = s.workspace_id AND i.session_id = s.session_id AND i.skill = s.skill "
            "AND i.invoked_at >= s.suggested_at) AS taken "
            f"FROM skill_suggestions AS s WHERE s.workspace_id = ? AND s.suggested_at >= ?{one} "
            "UNION ALL SELECT s.skill, 0, 1, 0 "
            f"FROM skill_invocations AS s WHERE s.workspace_id = ? AND s.invoked_at >= ?{one}) "
            "GROUP BY skill ORDER BY skill",
            (self._workspace, start, *session) * 2,
        )
        return [
            SkillAdoption(skill=skill, suggested=suggested, invoked=invoked, taken=taken)
            for skill, suggested, invoked, taken in rows
        ]
