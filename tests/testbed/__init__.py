"""Real SSH servers on one machine: a network, hosts with their own sshd, users and /home.

    laptop (namespace of the controller)        h1 (network, pid, mount, uts, ipc namespace)
    br0 10.77.0.1 ──── v1 ═══ eth0 10.77.0.11 ──── sshd, train, labmates, /home, /tmp, GPUs
               └────── v2 ═══ eth0 10.77.0.12 ──── h2 …

`lab.Lab` is the whole, `host.Host` one server, `link.Link` its cable (cut, heal, delay). Namespaces
have no names on the machine: they are held by open files and processes of the lab's process, so
they end with it however it ends, and two labs can never be in each other's way. The laptop's
namespace has no way out, so no traffic can leave.

Needs root, Linux and the programs of `needs.PROGRAMS`. By hand: `python -m tests.testbed --help`.
"""
