"""The fleet simulation: made-up labs, the queue of overnight, and its peers."""
