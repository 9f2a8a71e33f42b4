"""Which skills were suggested, which were invoked, and whether the one led to the other."""
