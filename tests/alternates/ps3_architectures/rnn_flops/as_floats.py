def rnn_flops(D, V, T, L):
    one_product = 2.0 * D**2
    return {"generate": 2 * one_product * T * L, "train": 12.0 * T * L * D**2}
