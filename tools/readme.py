"""Write the README's generated blocks: verdicts from reports/recorded, download sizes from the data catalogue.

`--check` writes nothing and fails when something would differ.
"""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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


def downloads() -> str:
    from sparsebook.command import megabytes
    from sparsebook.fetch import catalogue
    quick, rest = ([e for e in catalogue() if e.quick == which] for which in (True, False))
    return (f"`sparsebook data fetch --all-quick` brings all {len(quick)} data sets that the `quick` profiles may use: {megabytes(sum(e.travels for e in quick))} once, "
            f"{megabytes(sum(e.size for e in quick))} kept. The other {len(rest)} ({megabytes(sum(e.travels for e in rest))}) come when asked for by name.")


def main() -> int:
    from sparsebook.artifact import write_atomic
    path = ROOT/"README.md"
    old = text = path.read_text(encoding="utf-8")
    for name, block in [("verdicts", table), ("downloads", downloads)]:
        begin, end = f"<!-- {name}: written by tools/readme.py -->", f"<!-- end of {name} -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed): print(f"README.md has lost its markers {begin} and {end}: put them back"); return 1
        text = f"{head}{begin}\n{block()}\n{end}{tail}"
    if text == old: return 0
    if "--check" in sys.argv: print("README.md: the generated blocks are not what the recorded results and the data catalogue say: run `make export`"); return 1
    write_atomic(path, text.encode())
    print("README.md: generated blocks renewed")
    return 0


if __name__ == "__main__": sys.exit(main())
