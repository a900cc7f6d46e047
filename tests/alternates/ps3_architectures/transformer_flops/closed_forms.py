def transformer_flops(D, H, T, L):
    layer = T * D * (24 * D + 4 * T)
    return {
        "MLP": 16.0 * T * D**2,
        "QKV": 6.0 * T * D**2,
        "scores": 2.0 * T**2 * D,
        "values": 2.0 * T**2 * D,
        "projection": 2.0 * T * D**2,
        "layer": layer,
        "all layers": L * layer,
        "train": 3 * L * layer,
    }
