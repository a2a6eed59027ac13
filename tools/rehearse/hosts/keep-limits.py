#!/usr/bin/env python3
"""keep-limits.py COMMAND...: runs COMMAND on machines that can't raise resource limits.

A machine that is itself a sandbox may lack CAP_SYS_RESOURCE. systemd-nspawn, podman and crun then fail, because they
can't raise a limit that they don't need. Under this filter (seccomp(2), inherited by all children) a call that would
change a limit returns 0 and does nothing. If the machine has the capability, the command runs without the filter.
"""
import ctypes
import os
import struct
import sys

CAP_SYS_RESOURCE = 24
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
RETURN_ALLOW = 0x7FFF0000
RETURN_ZERO = 0x00050000  # SECCOMP_RET_ERRNO with error 0: the call reports success
LOAD_WORD = 0x20
JUMP_EQUAL = 0x15
RETURN = 0x06
NUMBER_AT, ARCHITECTURE_AT, THIRD_ARGUMENT_LOW_AT, THIRD_ARGUMENT_HIGH_AT = 0, 4, 32, 36
# For each architecture: the audit number of the architecture, and the numbers of its system calls setrlimit and prlimit64.
SYSTEM_CALLS = {"x86_64": (0xC000003E, 160, 302), "aarch64": (0xC00000B7, 164, 261)}


def may_raise_limits():
    with open("/proc/self/status", encoding="ascii") as status:
        effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    return int(effective, 16) >> CAP_SYS_RESOURCE & 1 == 1


def program(architecture, setrlimit, prlimit):
    """Returns a BPF program that ignores calls of setrlimit, and calls of prlimit64 that set a limit (third argument not null)."""
    steps = [
        (LOAD_WORD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 0, 8, architecture),
        (LOAD_WORD, 0, 0, NUMBER_AT),
        (JUMP_EQUAL, 5, 0, setrlimit),
        (JUMP_EQUAL, 0, 5, prlimit),
        (LOAD_WORD, 0, 0, THIRD_ARGUMENT_LOW_AT),
        (JUMP_EQUAL, 0, 2, 0),
        (LOAD_WORD, 0, 0, THIRD_ARGUMENT_HIGH_AT),
        (JUMP_EQUAL, 1, 0, 0),
        (RETURN, 0, 0, RETURN_ZERO),
        (RETURN, 0, 0, RETURN_ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps), len(steps)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: keep-limits.py COMMAND [ARGUMENT...]")
    if not may_raise_limits():
        machine = os.uname().machine
        if machine not in SYSTEM_CALLS:
            sys.exit(f"keep-limits.py: no filter for {machine}, only for {', '.join(SYSTEM_CALLS)}")
        code, length = program(*SYSTEM_CALLS[machine])
        buffer = ctypes.create_string_buffer(code, len(code))
        descriptor = struct.pack("HxxxxxxP", length, ctypes.addressof(buffer))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(descriptor), 0, 0) != 0:
            sys.exit(f"keep-limits.py: seccomp: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


main()
