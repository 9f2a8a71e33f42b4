"""The laboratory: experiments on contention, and the command line (docs/architecture.md#inside-the-harness)."""
