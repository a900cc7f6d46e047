class Attention:
    def __init__(self, weights_keys, weights_queries, weights_values):
        self.weights_keys = weights_keys
        self.weights_queries = weights_queries
        self.weights_values = weights_values

    def forward(self, X):
        self.X = X
        self.K = torch.einsum("btd,dk->btk", X, self.weights_keys)
        self.Q = torch.einsum("btd,dk->btk", X, self.weights_queries)
        self.V = torch.einsum("btd,dv->btv", X, self.weights_values)
        self.A_w = torch.einsum("bik,bjk->bij", self.Q, self.K)
        scores = self.A_w * self.weights_keys.shape[1] ** -0.5
        powers = (scores - scores.amax(dim=2, keepdim=True)).exp()
        self.A_sig = powers / powers.sum(dim=2, keepdim=True)
        return torch.einsum("bij,bjv->biv", self.A_sig, self.V)
