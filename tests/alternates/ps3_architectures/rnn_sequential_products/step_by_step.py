def rnn_sequential_products(D, V, T, L):
    forward = len([(t, layer) for t in range(T) for layer in range(L)])
    return dict(generate=forward, train=forward * 2)
