def tie_weights(model):
    model.token_embedding.weight = model.projection.weight
