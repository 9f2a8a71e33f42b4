"""What happens when many processes open one database at once, and in which order of the steps."""
