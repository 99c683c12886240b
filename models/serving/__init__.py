"""What every server of the service has: connections within limits, few lines in the log, tries."""
