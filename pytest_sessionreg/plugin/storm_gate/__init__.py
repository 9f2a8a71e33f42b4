"""The plugin's side of storms: options, budgets and the gate's verdicts in a test run."""
