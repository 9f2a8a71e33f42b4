"""What the commands share: options, the live display, and the terminal."""
