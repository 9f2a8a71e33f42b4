"""Write storms: many worker processes, one SQLite file, every acknowledged write accounted for.

The way of a storm, from the call to the result: docs/how-it-works.md#a-storm.
"""
