"""Show policies, and what a change of the rulebook changed for tickets."""
