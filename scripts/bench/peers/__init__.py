"""What others would use instead: each does the same work on the same servers, its own way."""
