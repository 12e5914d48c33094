"""Every curl example of the documents, run as it stands against a node."""

import re
import subprocess

from node import REPOSITORY


def examples(path):
    """The commands of the bash blocks: a line and what follows it until its quotes close."""
    for block in re.findall(r"```bash\n(.*?)```", path.read_text(), re.S):
        command = ""
        for line in block.splitlines():
            command = command + "\n" + line if command else line
            if command.count("'") % 2 == 0 and not line.endswith("\\"):
                if command.startswith("curl "):
                    yield command
                command = ""


def test_curl_examples_of_the_readme(node):
    found = list(examples(REPOSITORY / "README.md"))
    assert len(found) >= 4
    for command in found:
        here = command.replace("localhost:8000", f"localhost:{node.port}").replace("curl ", "curl -sS --fail-with-body ", 1)
        done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, command + "\n" + done.stdout + done.stderr
