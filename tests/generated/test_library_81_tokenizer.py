"""Generated from nbs/shared_lib/81_tokenizer.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_bytes():
    from hypothesis import given, strategies as st
    from sparsebook.tokenizer import BOS, ByteTokenizer, MASK

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    ByteTokenizer().encode("né").tolist()

    tok = ByteTokenizer()
    @given(st.text(st.characters(exclude_characters="\0\1", exclude_categories=["Cs"])))
    def back_again(text):
        ids = tok.encode(text)
        assert tok.decode(ids) == text and tok.decode([BOS, *ids, MASK]) == text
        assert tok.lengths()[ids].sum() == len(text.encode()) == len(ids)
    back_again()
    assert tok.decode(tok.encode("né")[:-1]) == "n�"
    refused(ValueError, "text holds the control character 1 at byte 2", lambda: tok.encode("no\1"))


def test_merged_bytes():
    from hypothesis import given, strategies as st
    from sparsebook.tokenizer import MASK, train_bpe

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    tok = train_bpe(["the cat sat on the mat; the hat that the cat had"]*3, 266)
    [tok.decode([i]) for i in tok.encode("the hat")]

    text = "low low low lower lower newest newest newest newest newest widest widest"
    tok = train_bpe([text], 262)
    pairs = {}
    for word in [w if i == 0 else " " + w for i, w in enumerate(text.split(" "))]:
        for a, b in zip(word, word[1:], strict=False): pairs[a + b] = pairs.get(a + b, 0) + 1
    assert pairs[tok.decode([258])] == max(pairs.values())                                                             # the first merge, counted by hand
    assert train_bpe([text], 262).to_json() == tok.to_json()
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def back_again(text):
        ids = tok.encode(text)
        assert tok.decode(ids) == text and tok.lengths()[ids].sum() == len(text.encode())
        assert (ids > MASK).all()
    back_again()
    assert tok.decode(tok.encode("a<bos>b<mask>")) == "a<bos>b<mask>" and (tok.encode("<bos>") > MASK).all()          # marks in a text stay text
    assert len(tok.encode(text)) < len(text.encode())
    refused(ValueError, "vocab_size must be at least 258", lambda: train_bpe(["x"], 200))
    refused(ValueError, "the texts have merges for 258 tokens only, asked for 300", lambda: train_bpe(["x"], 300))


def test_on_disk():
    import json
    from sparsebook.tokenizer import load_tokenizer, train_bpe

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    list(load_tokenizer({"kind": "bytes"}).to_json().items())

    tok = train_bpe(["to be or not to be, that is the question"], 264)
    again = load_tokenizer(json.loads(json.dumps(tok.to_json())))
    assert again.encode("to be").tolist() == tok.encode("to be").tolist() and again.vocab_size == 264 and (again.lengths() == tok.lengths()).all()
    refused(ValueError, "rules must have kind 'bytes' or 'bpe', got 'words'", lambda: load_tokenizer({"kind": "words"}))
