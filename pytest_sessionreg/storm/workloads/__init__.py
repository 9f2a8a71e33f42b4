"""The workloads, one per module."""
