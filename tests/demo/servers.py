"""Starts the real servers of the demo, waits until each says that it is ready, and ends them with the demo."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

READY_WITHIN_S = 30


def free_port() -> int:
    """A port that the kernel has free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A process with its log; ready once a connection or an address answers."""

    def __init__(self, name: str, command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **(environment or {})}
            )

    def ready(self, probe) -> "Server":
        """Waits until `probe` succeeds; fails with the end of the log if the process ends or time is up."""
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                probe()
                return self
            except OSError:
                time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{self.name} did not become ready; the end of its log:\n{tail}")

    def kill(self) -> None:
        """kill -9 of this process alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ends the process and all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def answers(url: str):
    """A probe: GET `url` gives 200."""

    def probe() -> None:
        with urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status != 200:
                raise OSError(answer.status)

    return probe


def listens(port: int):
    """A probe: something listens."""

    def probe() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()

    return probe
