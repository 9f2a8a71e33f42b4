"""Faults injected into processes that share a database: what the others see of each, and what is lost."""
