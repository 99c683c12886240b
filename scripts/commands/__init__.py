"""The commands, a file for each group; a command imports what it needs when it runs."""
