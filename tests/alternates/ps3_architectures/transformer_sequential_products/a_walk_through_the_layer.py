def transformer_sequential_products(D, H, T, L):
    walk = ["queries, keys and values", "scores", "values", "projection", "up", "down"]
    forward = len(walk * L)
    return {"forward": forward, "train": forward + forward}
