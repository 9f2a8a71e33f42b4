"""The commands of `sessionreg`, one per module: parse, call, print."""
