"""The rows of docs/requirements/text.md: everything that it asks for by name."""

import re
from dataclasses import dataclass

from node import REPOSITORY

TEXT = REPOSITORY / "docs/requirements/text.md"


@dataclass(frozen=True)
class Row:
    section: str
    kind: str  # point, variable, command, example or file
    text: str  # As it stands there, without marks.
    default: str = ""  # Of a variable.


def plain(text):
    return re.sub(r"\*\*|`", "", text).strip()


def rows():
    section, language, block, found = "", None, [], []
    lines = TEXT.read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        if line.startswith("```"):
            if language is None:
                if line == "```" and not following:
                    continue  # One that closes a block that was closed before.
                language, block = line[3:].strip(), []
            else:
                found += of_block(section, language, block)
                language = None
        elif language is not None:
            block.append(line)
        elif heading := re.match(r"#{2,4} (?:──\s*)?(.*)", line):
            section = heading[1]
        elif point := re.match(r"\s*(?:-|\d+\.) (.*)", line):
            found.append(Row(section, "point", plain(point[1])))
        elif variable := re.match(r"\| `([A-Z_]+)` \| .* \| `([^`]*)` \|", line):
            found.append(Row(section, "variable", variable[1], variable[2]))
    return list(dict.fromkeys(found))


def of_block(section, language, block):
    if language == "env":
        return [Row(section, "variable", *line.split("=", 1)) for line in block if re.match(r"[A-Z_]+=", line)]
    if language == "python":
        return [Row(section, "example", block[0])]
    if language == "bash" and block[0].startswith("curl") and len(block) > 1 and block[0].endswith("\\"):
        return [Row(section, "example", re.sub(r"curl -X (\w+) .*8000(/[^\"]+).*", r"\1 \2", block[0]))]
    if language == "bash":
        return [Row(section, "command", line.partition("  #")[0].strip()) for line in block if line and not line.startswith("#")]
    if section == "Directory Structure":
        return [Row(section, "file", name) for name in re.findall(r"── (\S+)", "\n".join(block))]
    return []


if __name__ == "__main__":
    for row in rows():
        print(f"{row.section} | {row.kind} | {row.text} | {row.default}")
