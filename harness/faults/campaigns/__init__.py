"""Long campaigns: the faults that writers of one file meet, injected until it means something.

Every campaign is a module with `run(campaign, ...)`, which adds findings; CASES are what its `only` may choose from.
"""
