def drop_words(embedding, tokens, p=0.1, training=True):
    factors = F.dropout(torch.ones(embedding.weight.shape[0], 1), p, training)
    return (embedding.weight * factors.to(embedding.weight))[tokens]
