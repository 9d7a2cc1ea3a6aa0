#!/usr/bin/env python3
"""The settings of the runtime mode, for agents written in Python: the same values that `toolgate mode render` gives.

    import modes
    settings = modes.load()                    # the mode of SOMA_AGENT_MODE, overlay of TOOLGATE_OVERLAY or the mode's own
    settings["kafka"]["topic_prefix"]

    python3 modes.py [MODE] [--overlay FOLDER] # prints them as JSON

Standard library only. It reads the plain YAML that modes.yaml keeps to (block maps, one-line lists, words and whole numbers) and
refuses anything else with its line, rather than reading it in another way than toolgate. Values are checked by `toolgate mode show`.
"""

import json
import os
import re
import sys
from pathlib import Path

LEVELS = {"enforcement": ("warn", "observe", "strict", "fail_closed"), "sensitive_tools": ("recorded", "needs_approval")}

KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):(?:[ ]+|$)")
PLAIN = re.compile(r"[A-Za-z0-9._/%][A-Za-z0-9._/%:-]*")
QUOTED = re.compile(r"""("[^"\\]*"|'[^']*')""")
WHOLE = re.compile(r"0|[1-9][0-9]*")
AMBIGUOUS = re.compile(r"(?i)true|false|null|\.nan|\.inf|0x[0-9a-f]+|0o[0-7]+|[0-9.][0-9.e_]*(?:e[-+]?[0-9]+)?")


class ModeError(Exception):
    """The mode is not set or unknown, or a file is not as it must be."""


def load(mode=None, overlay=None, folder=None):
    """The settings of `mode` as nested dicts; `folder` holds modes.yaml and overlays/, by default this file's own."""
    folder = Path(folder) if folder else Path(__file__).resolve().parent
    base = read(folder / "modes.yaml")
    mode = mode or os.environ.get("SOMA_AGENT_MODE")
    if mode not in base:
        raise ModeError(f"SOMA_AGENT_MODE is {mode or 'not set'}: set it to one of {', '.join(base)}")
    named = overlay or os.environ.get("TOOLGATE_OVERLAY")
    file = Path(named, "modes.yaml") if named else folder / "overlays" / mode.lower() / "modes.yaml"
    if named or file.exists():
        merge(base, read(file), file, "")
    return {"agent_mode": mode, **base[mode]}


def environment(settings, path=("SOMA",)):
    """The settings as SOMA_* variables: the path in capitals joined by `_`, lists joined by commas."""
    if isinstance(settings, dict):
        pairs = (environment(value, (*path, key.upper())).items() for key, value in settings.items())
        return {name: value for pair in pairs for name, value in pair}
    if isinstance(settings, list):
        return {"_".join(path): ",".join(str(item) for item in settings)}
    return {"_".join(path): str(settings).lower() if isinstance(settings, bool) else str(settings)}


def merge(base, over, file, path):
    """Lays `over` over `base`: maps merge by key, scalars and lists replace, no new keys, enforcement never looser."""
    for key, value in over.items():
        here = f"{path}{key}"
        if key not in base:
            raise ModeError(f"{file}: {here}: an overlay adds no key")
        if isinstance(base[key], dict) != isinstance(value, dict):
            raise ModeError(f"{file}: {here}: one file has a map here, the other has not")
        ranks = LEVELS.get(key, ())
        if value in ranks and base[key] in ranks and ranks.index(value) < ranks.index(base[key]):
            raise ModeError(f"{file}: {here}: an overlay does not loosen, write {base[key]} or stricter")
        if isinstance(value, dict):
            merge(base[key], value, file, f"{here}.")
        else:
            base[key] = value


def read(file):
    """The file's map."""
    try:
        lines = Path(file).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModeError(f"{file}: cannot be read: {error}") from error
    kept = []
    for number, line in enumerate(lines, 1):
        text = without_comment(line.rstrip("\r"))
        if text.strip():
            kept.append((number, len(text) - len(text.lstrip(" ")), text.strip(" ")))
    value, rest = block(kept, 0, 0, file)
    if rest < len(kept):
        raise ModeError(f"{file}:{kept[rest][0]}: the indentation fits no map")
    return value


def without_comment(line):
    """The line up to a `#` that begins a comment: outside quotes, at the start or after a space."""
    quote = None
    for at, character in enumerate(line):
        if quote:
            quote = None if character == quote else quote
        elif character in "\"'" and line[:at].endswith((" ", "[")):
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at].rstrip(" ")
    return line.rstrip(" ")


def block(lines, at, indent, file):
    """The map whose keys stand at `indent`, from line `at` on; and the line after it."""
    result = {}
    while at < len(lines) and lines[at][1] == indent:
        number, _, text = lines[at]
        match = KEY.match(text)
        if not match:
            raise ModeError(f"{file}:{number}: not a `key: value` in plain words: {text}")
        key, rest = match.group(1), text[match.end():]
        if key in result:
            raise ModeError(f"{file}:{number}: `{key}` is given twice")
        at += 1
        if rest:
            result[key] = value(rest, file, number)
        elif at < len(lines) and lines[at][1] >= indent and lines[at][2].startswith("- "):
            result[key], at = items(lines, at, lines[at][1], file)
        elif at < len(lines) and lines[at][1] > indent:
            result[key], at = block(lines, at, lines[at][1], file)
        else:
            raise ModeError(f"{file}:{number}: `{key}` is empty")
    return result, at


def items(lines, at, indent, file):
    """The list whose entries stand at `indent`, from line `at` on; and the line after it."""
    result = []
    while at < len(lines) and lines[at][1] == indent and lines[at][2].startswith("- "):
        result.append(scalar(lines[at][2][2:].strip(" "), file, lines[at][0]))
        at += 1
    return result, at


def value(text, file, number):
    """A scalar, or a list on one line."""
    if not text.startswith("["):
        return scalar(text, file, number)
    if not text.endswith("]"):
        raise ModeError(f"{file}:{number}: a list in brackets ends on its line")
    inner = text[1:-1].strip(" ")
    return [scalar(item.strip(" "), file, number) for item in inner.split(",")] if inner else []


def scalar(text, file, number):
    """A word, a whole number, `true` or `false`."""
    if QUOTED.fullmatch(text):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if WHOLE.fullmatch(text):
        return int(text)
    if PLAIN.fullmatch(text) and not AMBIGUOUS.fullmatch(text) and not text.endswith(":"):
        return text
    raise ModeError(f"{file}:{number}: not a plain word or whole number, put it in quotes: {text}")


def main(arguments):
    """Prints the settings as JSON; exit 2 where there are none."""
    overlay = None
    if "--overlay" in arguments:
        at = arguments.index("--overlay")
        overlay = arguments[at + 1] if at + 1 < len(arguments) else None
        del arguments[at:at + 2]
    try:
        print(json.dumps(load(arguments[0] if arguments else None, overlay), indent=2, sort_keys=True))
    except ModeError as error:
        print(f"modes.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
