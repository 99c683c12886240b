"""Workers, which answer bells, and the timekeeper, which rings them."""
