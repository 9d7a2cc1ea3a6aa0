"""What Python reads in each body: a line of base64 in, a line of JSON out."""

import base64
import json
import sys

for line in open(sys.argv[1], encoding="ascii"):
    try:
        message = json.loads(base64.b64decode(line))
        params = message.get("params", {})
        seen = {"method": message["method"], "tool": params.get("name"), "arguments": params.get("arguments")}
        print(json.dumps({"read": seen}, allow_nan=False))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        print('{"read":null}')
