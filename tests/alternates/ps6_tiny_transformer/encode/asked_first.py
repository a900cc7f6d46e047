def encode(text, merges, vocab):
    """The characters are looked at before anything is cut; no word is remembered."""
    words = pre_tokenize(text)
    for character in "".join(words):
        if character not in vocab:
            raise ValueError(f"unknown character {character}")
    return [vocab[token] for word in words for token in tokenize_word(word, merges)]
