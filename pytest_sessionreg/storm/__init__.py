"""Write storms: many worker processes, one SQLite file, every acknowledged write accounted for."""
