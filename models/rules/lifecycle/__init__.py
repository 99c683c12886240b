"""What a message or a due moment does to a ticket: one file a subject of the regulation."""
