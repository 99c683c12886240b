"""The demo: two working weeks of a district, for somebody who has never seen the service."""
