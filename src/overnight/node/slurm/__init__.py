"""Runs that wait in Slurm's queue and live in its jobs.

On the login node: `keeping` submits, asks and stops, from what `deciding` says. In the job:
`inside` is the same supervisor as on any other server, as a guest of Slurm's. What a command of
Slurm's is asked and how its answer is read stands in the module of its name.

Of a run's events there is one writer at a time: the job that has claimed the run, and the login
node only while no job can be alive. So nothing rests on a lock between two machines.
"""
