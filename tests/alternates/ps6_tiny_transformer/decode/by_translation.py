def decode(ids, vocab):
    """Token by token."""
    tokens = sorted(vocab, key=vocab.get)
    numbers = sorted(vocab.values())
    text = ""
    for i in ids:
        text += tokens[numbers.index(i)]
    return text.translate(str.maketrans("ĠĊ", " \n"))
