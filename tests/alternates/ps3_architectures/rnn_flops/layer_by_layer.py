def rnn_flops(D, V, T, L):
    total = 0
    for _ in range(L):
        for rows, columns in ((D, D), (D, D)):
            total += T * 2 * rows * columns
    return {"generate": np.float64(total), "train": np.float64(total + 2 * total)}
