def encode(text, merges, vocab):
    """The words' ids are remembered by functools."""
    from functools import cache

    @cache
    def ids_of(word):
        unknown = [character for character in word if character not in vocab]
        if unknown:
            raise ValueError("unknown: " + ", ".join(unknown))
        return tuple(vocab[token] for token in tokenize_word(word, merges))

    return [i for word in pre_tokenize(text) for i in ids_of(word)]
