def embed_tokens(tokens, params):
    one_hot = np.zeros((len(tokens), vocab_size))
    for place, token in enumerate(tokens):
        one_hot[place, token] = 1.0
    return one_hot @ params["word_embedding.weight"]
