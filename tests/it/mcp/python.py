"""The official Python client: lists the tools, calls one that the policy allows and one that it refuses, says what it saw."""

import asyncio
import json
import sys

from mcp import Client


async def main(url: str, revision: str) -> None:
    mode = revision if revision == "2026-07-28" else "legacy"
    async with Client(url, mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        allowed = await client.call_tool("test_simple_text", {})
        refused = await client.call_tool("test_error_handling", {})
    print(json.dumps({"tools": tools, "allowed": allowed.content[0].text, "error": bool(refused.is_error), "refused": refused.content[0].text}))


asyncio.run(main(*sys.argv[1:]))
