"""The registry's stores, one table family per module."""
