"""The write queue's line: who waits, who is next, and who wakes whom (docs/write-queue.md)."""
