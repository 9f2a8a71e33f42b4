"""`python -m harness` is `sessionreg`."""

from harness.main import main

if __name__ == "__main__":
    main()
