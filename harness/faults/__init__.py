"""The fault menu: what a process can do to a shared database, and what the others see of it."""
