class Attention:
    def __init__(self, weights_keys, weights_queries, weights_values):
        self.weights_keys = weights_keys.float()
        self.weights_queries = weights_queries.float()
        self.weights_values = weights_values.float()

    def forward(self, X):
        self.X = X.float()
        self.K = self.X.matmul(self.weights_keys)
        self.Q = self.X.matmul(self.weights_queries)
        self.V = self.X.matmul(self.weights_values)
        self.A_w = self.Q.matmul(self.K.mT)
        self.A_sig = (self.A_w / self.K.size(-1) ** 0.5).softmax(-1)
        return self.A_sig.matmul(self.V)
