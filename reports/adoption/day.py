"""A made-up day of twelve sessions, to show what `sessionreg adoption` says of one."""  # noqa: INP001  a script

from __future__ import annotations

import random
import sys

from pytest_sessionreg import Registry

# skill: how often it is suggested, the chance that a suggestion is taken, and that it is invoked without one
SKILLS = {
    "write-tests": (0.9, 0.8, 0.05),
    "bisect": (0.4, 0.5, 0.0),
    "review": (0.7, 0.25, 0.2),
    "use-rg": (0.6, 0.05, 0.0),
    "release": (0.0, 0.0, 0.1),
}


def main() -> None:
    """Fill the registry that the first argument names: python reports/adoption/day.py day.db."""
    chance = random.Random(1)
    with Registry.open(sys.argv[1]) as registry, registry.transaction():
        for number in range(12):
            session = f"s-{number}"
            registry.sessions.register(session)
            for skill, (suggested, taken, unasked) in SKILLS.items():
                if chance.random() < suggested:
                    registry.skills.suggest(session, skill)
                    if chance.random() < taken:
                        registry.skills.invoke(session, skill)
                elif chance.random() < unasked:
                    registry.skills.invoke(session, skill)


if __name__ == "__main__":
    main()
