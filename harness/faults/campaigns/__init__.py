"""Long campaigns: the faults that writers of one file meet, injected until it means something.

Every campaign is a module: its docstring is the help of its command, and `run(campaign, ...)` adds the findings. The
keyword parameters of `run` are the command's options, a line of its docstring each: a count, seconds, or one of CASES.
"""
