"""A disk that fails at a chosen moment: every rename, fsync, write, mkdir and removal of an action is one.

The action runs in a process of its own (a fork), which is killed at the moment, in the middle of a write, or in which
the call fails as on a broken or a full disk.
"""
import builtins
import errno
import io
import json
import os
import signal

FAULTS = ("kill", "EIO", "ENOSPC")
CALLS = ("rename", "replace", "fsync", "mkdir", "unlink", "rmdir")


class Disk:
    """Counts the calls of this process and fails at one of them; a full disk takes no more data from then on."""

    def __init__(self, fault, moment):
        self.fault, self.moment, self.calls = fault, moment, []

    def fails(self, what, half=None):
        """Count a call; kill the process or raise OSError if it is the moment. half : does half of a write."""
        self.calls.append(what)
        full = self.fault == "ENOSPC" and len(self.calls) > self.moment and what in ("write", "fsync", "mkdir", "open")
        if len(self.calls) != self.moment and not full:
            return
        if half is not None:
            half()
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(getattr(errno, self.fault), os.strerror(getattr(errno, self.fault)))

    def install(self):
        """Let the functions of Python go through this disk."""
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))
        opened, disk = io.open, self

        class Raw(io.FileIO):
            def write(self, data):
                data = memoryview(data).cast("B")
                disk.fails("write", half=lambda: super(Raw, self).write(data[:len(data) // 2]))
                return super().write(data)

        def open_on_disk(file, mode="r", *others, **keywords):
            if not set(mode) & set("wxa") or isinstance(file, int) or keywords.get("opener"):
                return opened(file, mode, *others, **keywords)
            disk.fails("open")
            buffered = io.BufferedWriter(Raw(file, mode.replace("b", "").replace("t", "")))
            text = {name: value for name, value in keywords.items() if name in ("encoding", "errors", "newline")}
            return buffered if "b" in mode else io.TextIOWrapper(buffered, **{"encoding": "utf-8"} | text)

        io.open = builtins.open = open_on_disk

    def _watched(self, name, call):
        def watched(*arguments, **keywords):
            self.fails(name)
            return call(*arguments, **keywords)
        return watched


def on_a_faulty_disk(action, fault=None, moment=0):
    """(outcome, calls) of an action: "done", "killed", or the exception as (its name, its text); what it called.

    fault : one of FAULTS; moment : number of the call that fails, from 1.
    """
    from_child, to_parent = os.pipe()
    child = os.fork()
    if not child:
        disk, send = Disk(fault, moment), os.write
        disk.install()
        try:
            action()
            found = "done"
        except BaseException as error:
            found = [type(error).__name__, str(error)]
        send(to_parent, json.dumps([found, disk.calls]).encode())
        os._exit(0)
    os.close(to_parent)
    with os.fdopen(from_child, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert told or os.WIFSIGNALED(status)
    return json.loads(told) if told else ("killed", [])
