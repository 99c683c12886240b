"""Who does the work: the queues, their actors, the timekeeper and the channels."""
