"""Parts that every web server of the service has: limits of connections, log lines and tries."""
