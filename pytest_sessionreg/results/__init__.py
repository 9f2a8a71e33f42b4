"""What was measured: samples and ledgers, and every figure that is made of them (docs/measuring.md)."""
