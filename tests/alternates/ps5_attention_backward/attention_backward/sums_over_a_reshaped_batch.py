def attention_backward(self, dLdXnew):
    flat = self.X.reshape(-1, self.X.shape[-1])  # (B T, D)
    self.dLdV = self.A_sig.transpose(-1, -2).matmul(dLdXnew)
    self.dLdA_sig = dLdXnew.matmul(self.V.transpose(-1, -2))
    product = self.A_sig * self.dLdA_sig
    inside = product - self.A_sig * product.sum(dim=2, keepdim=True)
    self.dLdA_w = inside / np.sqrt(self.Q.shape[2])
    self.dLdQ = self.dLdA_w.matmul(self.K)
    self.dLdK = self.dLdA_w.transpose(-1, -2).matmul(self.Q)
    for name, array in (("k", self.dLdK), ("q", self.dLdQ), ("v", self.dLdV)):
        setattr(self, f"dLdW{name}", flat.T @ array.reshape(len(flat), -1))
    both = torch.cat([self.dLdK, self.dLdQ, self.dLdV], dim=-1)
    weights = torch.cat([self.weights_keys, self.weights_queries, self.weights_values], dim=-1)
    return both @ weights.T
