"""The service under faults: what is played must end as if nothing had happened."""
