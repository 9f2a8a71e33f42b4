"""The pictures, one a module: the only code that imports matplotlib, and never its global state."""
