# SPDX-License-Identifier: MIT
"""What a unit of systemd/ lets a program do, applied without a systemd to do it: no capability, no new privileges, its
umask, and a seccomp filter of its system calls, families of sockets and memory that is written and run.

    rules = Rules("spoolgate.service")
    subprocess.Popen([...], preexec_fn=rules.apply)

A system call that the unit doesn't allow ends the process with SIGSYS here, and isn't just refused: nothing that it tries and
does without stays unseen. Other refusals are those of systemd.
"""
import ctypes
import errno
import functools
import os
import socket
import struct
import subprocess

from support import ROOT

# <linux/seccomp.h>, <linux/filter.h>, <linux/prctl.h>
ALLOW, KILL, REFUSE = 0x7fff0000, 0x80000000, 0x00050000
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
NUMBER, ARGUMENTS = 0, (16, 24, 32)  # in struct seccomp_data
NO_NEW_PRIVS, SET_SECCOMP, BOUNDING_DROP = 38, 22, 24
DAC_OVERRIDE = 1
WRITE, EXEC = 2, 4


@functools.cache
def numbers():
    """Of system calls, by their names."""
    macros = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
                            check=True, capture_output=True, text=True).stdout
    names = {}
    for line in macros.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1].startswith("__NR_") and parts[2].isdigit():
            names[parts[1].removeprefix("__NR_")] = int(parts[2])
    return names


@functools.cache
def members(group):
    """The names of a group of systemd's, "@system-service"."""
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", group], check=True,
                            capture_output=True, text=True).stdout
    names = set()
    for line in listed.splitlines()[1:]:
        name = line.strip()
        if name.startswith("@"):
            names |= members(name)
        elif name and not name.startswith("#"):
            names.add(name)
    return frozenset(names)


class Rules:
    def __init__(self, unit):
        self.keys = {}
        section = None
        for line in (ROOT / "systemd" / unit).read_text().splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self.keys.setdefault(key, []).append(value)
        self.program = b"".join(struct.pack("HBBI", *step) for step in self.steps())

    def one(self, key):
        (value,) = self.keys[key]
        return value

    def allowed(self):
        """System calls, as systemd understands SystemCallFilter: the first line allows, those with ~ take away."""
        names = set()
        for value in self.keys["SystemCallFilter"]:
            listed = set()
            for word in value.lstrip("~").split():
                listed |= members(word) if word.startswith("@") else {word}
            names = names - listed if value.startswith("~") else names | listed
        return names

    def steps(self):
        """The filter, as (code, jump if so, jump if not, number); a jump leads over that many steps."""
        call = numbers()
        families = [getattr(socket, name) for name in self.one("RestrictAddressFamilies").split()]
        yield (LOAD, 0, 0, NUMBER)
        yield (EQUAL, 0, 3 + len(families), call["socket"])
        yield (LOAD, 0, 0, ARGUMENTS[0])
        for i, family in enumerate(families):
            yield (EQUAL, len(families) - i, 0, family)
        yield (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT)
        yield (RETURN, 0, 0, ALLOW)
        if self.one("MemoryDenyWriteExecute") == "yes":
            yield from self.refused(call["mmap"], WRITE | EXEC)
            yield from self.refused(call["mprotect"], EXEC)
        yield (LOAD, 0, 0, NUMBER)
        for name in sorted(self.allowed() & call.keys()):
            yield (EQUAL, 0, 1, call[name])
            yield (RETURN, 0, 0, ALLOW)
        yield (RETURN, 0, 0, KILL)

    @staticmethod
    def refused(number, protection):
        """Of memory: a third argument with all these bits."""
        yield (LOAD, 0, 0, NUMBER)
        yield (EQUAL, 0, 4, number)
        yield (LOAD, 0, 0, ARGUMENTS[2])
        yield (AND, 0, 0, protection)
        yield (EQUAL, 0, 1, protection)
        yield (RETURN, 0, 0, REFUSE | errno.EPERM)

    def apply(self):
        """In the child, before the program. Root, who doesn't own the socket of the tests' database, may pass by modes."""
        steps = ctypes.create_string_buffer(self.program, len(self.program))
        pointer = struct.pack("HxxxxxxP", len(self.program) // 8, ctypes.addressof(steps))
        os.umask(int(self.one("UMask"), 8))
        if self.one("CapabilityBoundingSet") == "" and os.geteuid() == 0:
            for capability in range(64):
                if capability != DAC_OVERRIDE:
                    prctl(BOUNDING_DROP, capability)
        if prctl(NO_NEW_PRIVS, 1) != 0 or prctl(SET_SECCOMP, 2, pointer) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def prctl(option, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(option, *(ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_ulong(a) for a in arguments),
                      *[ctypes.c_ulong(0)] * (4 - len(arguments)))
