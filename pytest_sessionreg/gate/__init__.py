"""The gate: whether a storm got worse than its baseline, by ratios to a control storm that runs beside it.

How it decides: docs/how-it-works.md#a-decision-of-the-gate.
"""
