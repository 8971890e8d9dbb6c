"""Generated from nbs/shared_lib/88_zero_shot.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_read_the_files():
    from pathlib import Path
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.zero_shot import read_arrow

    def write_arrow(rows):
        """An arrow stream file with these rows."""
        import pyarrow as pa
        path, table = (Path(tempfile.mkdtemp()) / 'x.arrow', pa.Table.from_pylist(rows))
        with pa.OSFile(str(path), 'wb') as f, pa.ipc.new_stream(f, table.schema) as out:
            out.write_table(table)
        return path
    rows = [{"goal": "Cut bread", "label": 1}, {"goal": "Boil an egg", "label": 0}]
    read_arrow(write_arrow(rows))

    assert read_arrow(write_arrow(rows)) == {"goal": ["Cut bread", "Boil an egg"], "label": [1, 0]}
    path = write_arrow(rows)
    for data in (b"", b"<html>not arrow</html>", path.read_bytes()[:40]):
        path.write_bytes(data)
        with pytest.raises(DataError, match="no readable arrow stream"): read_arrow(path)
    with pytest.raises(DataError): read_arrow("missing.arrow")


def test_five_benchmarks():
    from pathlib import Path
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.zero_shot import questions

    def write_arrow(rows):
        """An arrow stream file with these rows."""
        import pyarrow as pa
        path, table = (Path(tempfile.mkdtemp()) / 'x.arrow', pa.Table.from_pylist(rows))
        with pa.OSFile(str(path), 'wb') as f, pa.ipc.new_stream(f, table.schema) as out:
            out.write_table(table)
        return path
    for q in questions("winogrande", path=write_arrow([{"sentence": "The cup did not fit the box, since the _ was too big.", "option1": "cup", "option2": "box", "answer": "1"}])): print(q)

    rows = {"piqa": {"goal": "Cut bread", "sol1": "with a knife", "sol2": "with a spoon", "label": 0},
            "arc_easy": {"question": "Ice is", "choices": {"text": ["wet", "hot", "solid"], "label": ["1", "2", "3"]}, "answerKey": "3"},
            "boolq": {"question": "is ice cold", "answer": True, "passage": "Ice is cold."},
            "sciq": {"question": "Ice is what?", "distractor3": "c", "distractor1": "a", "distractor2": "b", "correct_answer": "solid", "support": "Ice is solid."},
            "winogrande": {"sentence": "Ann thanked Bea, as _ had helped.", "option1": "Ann", "option2": "Bea", "answer": "2"}}
    one = {k: questions(k, path=write_arrow([row]*5)) for k, row in rows.items()}
    assert {k: ([s for _, s in q[1].options], q[1].right) for k, q in one.items()} == {
        "piqa": ([" with a knife", " with a spoon"], 0), "arc_easy": ([" wet", " hot", " solid"], 2), "boolq": ([" no", " yes"], 1), "sciq": ([" a", " solid", " b", " c"], 1), "winogrande": ([" had helped."]*2, 1)}
    assert [b for b, _ in one["winogrande"][0].options] == ["Ann thanked Bea, as Ann", "Ann thanked Bea, as Bea"] and one["boolq"][0].options[0][0] == "Ice is cold.\nQuestion: is ice cold?\nAnswer:"
    assert [q.right for q in one["sciq"]] == [0, 1, 2, 3, 0] and one["sciq"][2].options[2][1] == " solid"
    path = write_arrow([{**rows["piqa"], "goal": str(i)} for i in range(9)])
    assert questions("piqa", 9, 1, path) != questions("piqa", path=path) and sorted(questions("piqa", 9, 1, path)) == sorted(questions("piqa", path=path))
    assert questions("piqa", 4, 1, path) == questions("piqa", 9, 1, path)[:4]

    with pytest.raises(ValueError, match="must be one of piqa, arc_easy"): questions("hellaswag")
    with pytest.raises(ValueError, match="n must be in 1..9, got 10"): questions("piqa", 10, 0, path)
    with pytest.raises(DataError, match="not the columns of boolq"): questions("boolq", path=path)


def test_score_the_options():
    import numpy as np
    import torch
    import re
    import pytest
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.zero_shot import Choice, score_options

    class Bigram(torch.nn.Module):
        """p(next byte | byte) from a table of logits."""

        def __init__(self, table):
            super().__init__()
            self.table = torch.nn.Parameter(table)

        def forward(self, tokens):
            return self.table[tokens]
    table = torch.full((256, 256), -9.)
    for a, b, logit in [("b", "c", 2.), ("b", "d", 1.), ("c", "d", 0.), ("d", "c", 1.), (" ", "b", 3.)]: table[ord(a), ord(b)] = logit
    q = Choice([("a b", "c"), ("a b", "dc")], 0)
    score_options(Bigram(table), ByteTokenizer(), [q])[0]

    table = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    model, logp = Bigram(table), table.double().log_softmax(-1)
    def by_hand(before, option): return sum(logp[ord(a), ord(b)].item() for a, b in zip((before[-1:] or "\0") + option, option, strict=False))
    qs = [Choice([("a b", "c"), ("a b", "dc"), ("", " x")], 0), Choice([("What? " * k, " this" * j) for k, j in [(1, 1), (9, 2)]], 1)]
    want = [[by_hand(*o) for o in q.options] for q in qs]
    for batch in (1, 3, 8):
        got = score_options(model, ByteTokenizer(), qs, batch)
        for g, w in zip(got, want, strict=True): np.testing.assert_allclose(g.logp, w, rtol=1e-12)
    assert got[0].tokens.tolist() == [1, 2, 2] and got[1].bytes.tolist() == [5, 10]
    np.testing.assert_allclose(score_options(model, ByteTokenizer(), qs[1:], longest=12)[0].logp, want[1], rtol=1e-12)

    class Straddle:
        "Joins 'ab' to one token, as a BPE may."
        def encode(self, text): return [2 if t == "ab" else ord(t) for t in re.findall("ab|.", text)]
    s = score_options(model, Straddle(), [Choice([("xa", "bc")], 0)])[0]
    assert s.tokens.tolist() == [2] and s.logp[0] == pytest.approx((logp[ord("x"), 2] + logp[2, ord("c")]).item())

    with pytest.raises(ValueError, match="question 0, option 0: 0 of 2 tokens to score"): score_options(model, ByteTokenizer(), [Choice([("a", "")], 0)])
    with pytest.raises(ValueError, match="a BOS or a text"): score_options(model, ByteTokenizer(), [Choice([("", "a")], 0)], bos=None)


def test_choose_and_count():
    import numpy as np
    import math
    import pytest
    from sparsebook.stat import sign_test
    from sparsebook.zero_shot import Choice, Scores, accuracy, choose, right_answers

    s = [Scores(np.array([-2., -3.]), np.array([1, 2]), np.array([4, 5])), Scores(np.array([-4., -4.]), np.array([2, 2]), np.array([7, 8]))]
    {by: choose(s, by).tolist() for by in ("sum", "tokens", "bytes")}

    assert [choose(s, by).tolist() for by in ("sum", "tokens", "bytes")] == [[0, 0], [1, 0], [0, 1]]
    assert right_answers(s, [Choice([], 0), Choice([], 1)], "bytes").tolist() == [1, 1] and right_answers(s, [Choice([], 1), Choice([], 1)]).tolist() == [0, 0]
    e, z, n, p = accuracy([1]*36 + [0]*14), 1.959963984540054, 50, .72
    half = z/(1 + z*z/n)*math.sqrt(p*(1 - p)/n + z*z/4/n**2)
    assert (e.low, e.high) == pytest.approx(((p + z*z/2/n)/(1 + z*z/n) - half, (p + z*z/2/n)/(1 + z*z/n) + half)) and e.effect == pytest.approx(.22)

    dense, pruned = np.repeat([1, 1, 0, 0], [30, 12, 3, 5]), np.repeat([1, 0, 1, 0], [30, 12, 3, 5])
    t = sign_test(dense, pruned)
    assert (t.n, t.estimate) == (15, 12/15) and t.p == pytest.approx(2*sum(math.comb(15, k) for k in range(4))/2**15)
    t

    with pytest.raises(ValueError, match="by must be 'sum'"): choose(s, "words")
    with pytest.raises(ValueError, match="question 0 has a score of nan"): choose([Scores(np.array([np.nan, 0]), np.ones(2), np.ones(2))])
    with pytest.raises(ValueError, match="1 scores for 0 questions"): right_answers(s[:1], [])
    with pytest.raises(ValueError, match="list of 0 and 1"): accuracy([2, 1])


@pytest.mark.slow
def test_a_real_model():
    from sparsebook.data import cached
    from sparsebook.zero_shot import accuracy, questions, right_answers, score_options

    if cached("smollm2-135m") and cached("lm-questions"):
        from sparsebook.pretrained import load_smollm2
        model, tokenizer, meta = load_smollm2()
        for name, n, by in [("piqa", 10, "bytes"), ("sciq", 5, "sum")]:
            some = questions(name, n)
            right = right_answers(score_options(model, tokenizer, some), some, by)
            e = accuracy(right, 1/len(some[0].options))
            print(f"{name}: {e.estimate:.2f} [{e.low:.2f}, {e.high:.2f}], n={e.n}, chance {1/len(some[0].options)}, {meta['name']}")
    else: print("not in the cache yet: load_smollm2() fetches 93 MB, questions() 145 MB")
