"""Whether the gate can be believed: how often it cries wolf, and how often it misses one."""
