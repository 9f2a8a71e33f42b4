"""`python -m harness` is `sessionreg`."""

from harness.cli import main

if __name__ == "__main__":
    main()
