def embed_tokens(tokens, params):
    return [params["word_embedding.weight"][int(token)].tolist() for token in tokens]
