"""The registry's stores, one table family per module. They never import each other."""
