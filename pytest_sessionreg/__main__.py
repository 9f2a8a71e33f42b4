"""`python -m pytest_sessionreg` is `sessionreg`."""

from ._harness.main import main

if __name__ == "__main__":
    main()
