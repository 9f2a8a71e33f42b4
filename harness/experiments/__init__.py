"""One question a folder, or a module where that is enough; see docs/architecture.md#inside-the-harness."""
