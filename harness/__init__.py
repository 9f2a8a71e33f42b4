"""The laboratory: experiments on contention, and the command line."""
