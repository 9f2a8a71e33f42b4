"""How many writers an admission policy stands before it gives up writes or its tail grows too long."""
