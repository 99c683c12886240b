"""Replay of a file of messages in simulated time, and the comparison of two replays."""
