"""What the commands show of tickets, with the protection of personal data."""
