def drop_words(embedding, tokens, p=0.1, training=True):
    found = embedding(tokens)
    if not training or p == 0:
        return found
    kept = torch.bernoulli(torch.full((embedding.num_embeddings,), 1.0 - p, device=tokens.device))
    return found * kept[tokens].unsqueeze(-1) / (1 - p)
