"""Commands that end with the process that started them, with all that they start themselves."""
import contextlib
import os
import signal
import subprocess

# a command, and beside it a watch that ends both when the pipe on standard input closes: this process is gone then
WATCHED = 'exec 3<&0; (cat <&3; kill -9 0) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'


def to_the_end(command, folder):
    """CompletedProcess of a command in a folder; it and all that it starts end with this process or an interruption.

    Its temporary files stand in the folder too, and go with it: a compiler that is killed leaves them.
    """
    watched, alive = os.pipe()
    try:
        with subprocess.Popen(["sh", "-c", WATCHED, "sh", *command], cwd=folder, text=True, start_new_session=True,
                              stdin=watched, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "TMPDIR": str(folder)}) as child:
            try:
                output, errors = child.communicate()
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                raise
    finally:
        os.close(alive)
        os.close(watched)
    return subprocess.CompletedProcess(command, child.returncode, output, errors)


def how_it_ended(code):
    """How a command that says nothing ended, from its exit code; a negative one is the number of a signal."""
    if code == -signal.SIGKILL:
        return "it was killed, as where the memory is full"
    return f"signal {-code} ended it" if code < 0 else f"exit code {code}"
