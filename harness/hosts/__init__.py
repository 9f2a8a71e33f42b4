"""The same experiment on several machines: started through execnet, gathered, and set side by side."""
