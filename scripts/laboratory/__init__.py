"""What would have been under other rules, why a card came, and which levels will come."""
