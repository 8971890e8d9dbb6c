"""Generated from nbs/shared_lib/07_claim.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_reading_a_paper():
    from pathlib import Path
    from sparsebook.language import ClaimError
    import tempfile
    import textwrap
    import pytest
    from pydantic import ValidationError
    from sparsebook.claim import Paper, check_test, load_paper

    yaml = textwrap.dedent('''
    slug: tiny
    title: "A tiny paper"
    authors: [A. Author]
    year: 2021
    venue: ICLR
    arxiv: "2102.04010"
    code: https://example.org/tiny
    family: pruning
    summary: |
      Five lines.
    scaled_down:
    - {what: network, paper: ResNet-50, here: MLP, why: "one minute on a CPU"}
    data: [{name: Fashion-MNIST, licence: MIT}]
    full: {needs: gpu}
    claims:
    - id: C1
      says: "the backward pass is the surrogate's gradient"
      where: "eq. 7"
      kind: identity
      test: "err_backward <= 1e-12"
    - id: C2
      says: "ours flips fewer bits"
      where: "Section 4.2, Fig. 3"
      paper: {value: 1.3, unit: pt, setting: "ResNet-50, ImageNet"}
      kind: comparison
      test: sad_ours < sad_ste and
        size(sad_ours < sad_ste/2)
      over: {seeds: 5, alpha: 0.05}
      profiles: [full]
      explain: {full: "short runs flip less"}
      changed: [{date: 2026-11-24, what: "seeds 3 -> 5", why: "power"}]
    ''')
    folder = Path(tempfile.mkdtemp()); (folder/"paper.yaml").write_text(yaml)
    paper = load_paper(folder/"paper.yaml")
    {c.id: (c.kind, sorted(check_test(c)), c.profiles) for c in paper.claims}

    c1, c2 = paper.claims
    assert check_test(c1) == {"err_backward"} and check_test(c2) == {"sad_ours", "sad_ste"} and c1.profiles == ["quick", "full"]
    assert (c1.over.seeds, c1.over.alpha, c1.paper, c2.over.seeds, c2.changed[0].date) == (1, .05, None, 5, "2026-11-24") and c2.paper.value == 1.3
    assert Paper.model_validate(paper.model_dump()) == paper
    with pytest.raises(ValidationError, match="frozen"): c1.test = "err_backward <= 1"

    (folder/"paper.yaml").write_text(yaml.replace("says: \"ours", "sais: \"ours").replace('"2102.04010"', "2102.04010").replace("sad_ste/2", "sad_ste**2"))
    try: load_paper(folder/"paper.yaml")
    except ClaimError as e: print(str(e).replace(str(folder) + "/", ""))

    claims = "claims:\n- "
    edits = {
        ("sad_ours < sad_ste and", "sad_ours < and"): [r"claims\[1\] \(C2\): claim C2: test `.*`: not an expression"],
        ("test: \"err_backward <= 1e-12\"", "test: \"__import__('os').system('ls') < 1\""): [r"\(C1\).*not in the language"],
        ("kind: comparison", "kind: comparision"): [r"claims\[1\] \(C2\)\.kind: Input should be 'identity', .*got 'comparision'"],
        ("kind: identity", "kinds: identity"): [r"unknown key 'kinds': did you mean 'kind'\?", r"claims\[0\] \(C1\)"],
        ("  kind: identity\n", ""): [r"\(C1\)\.kind: Field required$"],
        ("seeds: 5", "seeds: '5'"): [r"\.over\.seeds: Input should be a valid integer, got '5'"],
        ("seeds: 5", "seeds: true"): [r"over\.seeds.*got True"], ("seeds: 5", "seeds: 5.0"): [r"over\.seeds.*got 5\.0"], ("seeds: 5", "seeds: 0"): [r"over\.seeds.*got 0"],
        ("seeds: 5", "seeds: 1"): ["kind comparison needs over"], ("seeds: 5", "seed: 5"): [r"\.over: unknown key 'seed': did you mean 'seeds'"],
        ("kind: comparison", "kind: trend"): [], ("seeds: 5, alpha", "alpha"): ["N >= 2"],
        ("alpha: 0.05", "alpha: 0.5"): [r"over\.alpha.*less than 0\.5"], ("alpha: 0.05", "alpha: 0"): [r"over\.alpha.*greater than 0"], ("alpha: 0.05", "alpha: .nan"): [r"over\.alpha"],
        ("[full]", "[ful]"): [r"profiles\[0\].*got 'ful'"], ("[full]", "[]"): ["profiles"], ("[full]", "[full, full]"): ["name one twice"], ("{full: \"short", "{ful: \"short"): ["explain"],
        ("id: C2", "id: C1"): ["claim id C1 occurs twice"], ("id: C2", "id: c2"): [r"\(c2\)\.id.*got 'c2'"], ("id: C2", "id: 2"): [r"id.*got 2"],
        ("unit: pt", "units: pt"): [r"\.paper: unknown key 'units': did you mean 'unit'"], ("2026-11-24", "yesterday"): [r"changed\[0\]\.date.*got 'yesterday'"],
        (', why: "power"', ""): [r"changed\[0\]\.why: Field required"], ("full: {needs: gpu}", "full: {needs: tpu}"): [r"full\.needs.*got 'tpu'"], ("slug: tiny", "slug: Tiny-1"): ["slug"],
        ("authors: [A. Author]", "authors: A. Author"): ["authors.*valid list"], ("year: 2021", "year: '2021'"): ["year.*got '2021'"], ("venue: ICLR", "venue: no"): [],
        ("code: https", "code: javascript"): ["code"], ("slug: tiny", "slg: tiny"): ["paper.yaml: unknown key 'slg': did you mean 'slug'"], ("licence: MIT", "license: MIT"): [r"data\[0\].*'licence'"],
        ("says: \"the backward pass is the surrogate's gradient\"", "says: ''"): [r"\(C1\)\.says"], (yaml[yaml.index("claims:"):], "claims: []"): ["claims"], ("here: MLP", "here: [1]"): ["here"],
        ("id: C1\n", "id: C1\n  id: C1\n"): [r"line 1[78]: .*duplicate"], ("id: C1\n", "<<<<<<< ours\n"): ["line"], (yaml[yaml.index("alpha:"):], "alpha:"): [r"line 29"],
    }
    for (old, new), says in edits.items():
        assert old in yaml, old
        (folder/"paper.yaml").write_text(yaml.replace(old, new, 1))
        if not says: load_paper(folder/"paper.yaml"); continue
        with pytest.raises(ValueError) as caught: load_paper(folder/"paper.yaml")
        for s in says: caught.match(s)
        assert str(folder/"paper.yaml") in str(caught.value)
    (folder/"paper.yaml").write_text(yaml.replace("venue: ICLR", "venue: no"))
    assert load_paper(folder/"paper.yaml").venue == "no"
    with pytest.raises(ValueError, match="no such file"): load_paper(folder/"papr.yaml")
