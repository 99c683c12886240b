"""Those who work: workers that answer bells, and the timekeeper that rings them."""
