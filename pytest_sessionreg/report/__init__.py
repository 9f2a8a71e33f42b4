"""What people look at: the terminal table, the plots and the one-file page."""
