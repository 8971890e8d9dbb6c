"""Write the README's verdict table from reports/recorded. `--check` writes nothing and fails when it would differ."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- verdicts: written by tools/readme.py -->", "<!-- end of verdicts -->"
WORDS = ("reproduced", "partly", "not reproduced", "not tested")


def counts(path: Path) -> str:
    "The verdicts of one recorded run in words."
    if not path.exists(): return "not run yet"
    found = [v["verdict"] for v in json.loads(path.read_text(encoding="utf-8"))["verdicts"]]
    return ", ".join(f"{found.count(w)} {w}" for w in WORDS if w in found)


def table() -> str:
    from sparsebook.claim import load_paper
    lines = ["| paper | claims judged on a laptop (`quick`) | recorded on a GPU (`full`) |", "|---|---|---|"]
    for path in sorted((ROOT/"papers").glob("*/paper.yaml")):
        paper, recorded = load_paper(path), ROOT/"reports"/"recorded"/path.parent.name
        lines.append(f"| [{paper.title}](papers/{paper.slug}/) ({paper.year}) | {counts(recorded/'quick'/'verdict.json')} | {counts(recorded/'full'/'verdict.json')} |")
    return "\n".join(lines)


def main() -> int:
    from sparsebook.artifact import write_atomic
    path = ROOT/"README.md"
    text = path.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end): print(f"README.md has lost its markers {BEGIN} and {END}: put them back around the verdict table"); return 1
    new = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if new == text: return 0
    if "--check" in sys.argv: print("README.md: the verdict table is not what reports/recorded says: run `make export`"); return 1
    write_atomic(path, new.encode())
    print("README.md: verdict table renewed")
    return 0


if __name__ == "__main__": sys.exit(main())
