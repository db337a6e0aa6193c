"""Fetches what a run has written: what the server shows, and where it lands here."""
