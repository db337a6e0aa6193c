"""How quick and how light: each figure of ours against a named peer, measured in the same run.

`python -m bench` prints one table. Ours and the peer take turns (A B A B), so that whatever else
the machine does meets both; what is shown is the median, with the spread. Servers are those of
`tests.testbed`: real sshd on this machine behind a cable with delay, which needs root.
"""
