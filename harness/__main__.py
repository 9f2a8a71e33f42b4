"""`python -m harness`, in a checkout, is `sessionreg`."""

from pytest_sessionreg._harness.main import main

if __name__ == "__main__":
    main()
