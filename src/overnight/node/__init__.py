"""What runs on the servers: standard library only, Python >= 3.8, imports nothing of ours."""
