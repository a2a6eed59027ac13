#!/usr/bin/env python3
"""probe-firewall.py: finds which ports of a host answer to which addresses with given rules of nftables.

Reads from standard input {"rules", "host", "ports", "probes": [[address, port], ...]}. The port 0 stands for VRRP. Prints
{"open": [true, ...], "outgoing": true} in the order of the probes; "outgoing" is a connection of the host itself. The script
runs in network namespaces of its own, and changes no network of the machine.
"""
import json
import os
import select
import socket
import subprocess
import sys

VRRP = 112
OUTGOING_PORT = 40000
ANSWER_SECONDS_MAX = 20
HOST = ["ip", "netns", "exec", "host"]


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def build(plan):
    """Connects the namespace `host` with the current one, which has the addresses of all probes."""
    run("mount", "-t", "tmpfs", "none", "/run")
    run("ip", "netns", "add", "host")
    run("ip", "link", "add", "outer", "type", "veth", "peer", "name", "inner", "netns", "host")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "set", "outer", "up")
    run(*HOST, "ip", "link", "set", "lo", "up")
    run(*HOST, "ip", "link", "set", "inner", "up")
    own = set()
    for address, _ in plan["probes"]:
        if address not in own:
            own.add(address)
            run("ip", "address", "add", address, "dev", "outer", *(["nodad"] if ":" in address else []))
    for address in plan["host"]:
        run(*HOST, "ip", "address", "add", address, "dev", "inner", *(["nodad"] if ":" in address else []))
        run("ip", "route", "add", address, "dev", "outer")
        run(*HOST, "ip", "-6" if ":" in address else "-4", "route", "add", "default", "dev", "inner")
    if plan["rules"]:
        run(*HOST, "nft", "--file", "-", text=plan["rules"])
    return sorted(own)


def listen(ports):
    """Accepts connections at all ports, and prints the sender of each VRRP packet. Ends with its standard input."""
    for port in ports:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        listener.setblocking(False)
        globals().setdefault("listeners", []).append(listener)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, VRRP)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([raw, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        print(raw.recvfrom(100)[1][0], flush=True)


def target(plan, address):
    return next(each for each in plan["host"] if family(each) == family(address))


def probe(plan, listener):
    """Sends all probes of closed ports before those of open ones, so that an answer to an open one ends the waiting."""
    started = []
    for index, (address, port) in enumerate(plan["probes"]):
        if port == 0:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, VRRP) as raw:
                raw.bind((address, 0))
                raw.sendto(b"vrrp", (target(plan, address), 0))
        else:
            one = socket.socket(family(address), socket.SOCK_STREAM)
            one.setblocking(False)
            one.bind((address, 0))
            one.connect_ex((target(plan, address), port))
            started.append((index, one))
    expected = plan["expected"]
    found = [False] * len(plan["probes"])
    waiting = dict((one.fileno(), (index, one)) for index, one in started)
    for _ in range(ANSWER_SECONDS_MAX * 10):
        # A round of polling after the last expected answer also finds the answers that nobody expects.
        done = all(found[index] or not expected[index] for index in range(len(found)))
        _, writable, _ = select.select([], [one for _, one in waiting.values()], [], 0.1)
        for one in writable:
            index, _ = waiting.pop(one.fileno())
            found[index] = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        while select.select([listener.stdout], [], [], 0)[0]:
            sender = os.read(listener.stdout.fileno(), 4096).decode().split()
            for index, (address, port) in enumerate(plan["probes"]):
                found[index] |= port == 0 and address in sender
        if done:
            break
    return found


def outgoing(own):
    """Returns whether the host can open a connection itself."""
    with socket.create_server((next(each for each in own if "." in each), OUTGOING_PORT)) as server:
        connect = f"import socket; socket.create_connection({server.getsockname()!r}, {ANSWER_SECONDS_MAX})"
        return subprocess.run([*HOST, sys.executable, "-c", connect], check=False).returncode == 0


def main():
    if sys.argv[1:2] == ["listen"]:
        listen([int(port) for port in sys.argv[2:]])
        return
    if sys.argv[1:] != ["inside"]:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        os.execvp("unshare", ["unshare", *user, "--net", "--mount", sys.executable, __file__, "inside"])
    plan = json.load(sys.stdin)
    own = build(plan)
    ports = sorted({str(port) for _, port in plan["probes"] if port > 0})
    command = [*HOST, sys.executable, __file__, "listen", *ports]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listener:
        if listener.stdout.readline() != b"ready\n":
            sys.exit("the listener did not start")
        result = {"open": probe(plan, listener), "outgoing": outgoing(own)}
        listener.stdin.close()
    print(json.dumps(result))


main()
