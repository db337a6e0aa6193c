"""Adapters: the only rooms that speak to processes and networks."""
