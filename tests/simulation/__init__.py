"""Simulated nights: the node's real code under a virtual clock, with faults from a seed."""
