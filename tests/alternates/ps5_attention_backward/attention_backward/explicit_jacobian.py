def attention_backward(self, dLdXnew):
    B, T, _ = self.X.shape
    root = self.weights_keys.shape[1] ** 0.5
    self.dLdV = torch.bmm(self.A_sig.mT, dLdXnew)
    self.dLdA_sig = torch.bmm(dLdXnew, self.V.mT)
    self.dLdA_w = torch.empty_like(self.A_w)
    for b in range(B):
        for t in range(T):
            a = self.A_sig[b, t]
            jacobian = torch.diag(a) - torch.outer(a, a)
            self.dLdA_w[b, t] = jacobian @ self.dLdA_sig[b, t] / root
    self.dLdK = torch.bmm(self.dLdA_w.mT, self.Q)
    self.dLdQ = torch.bmm(self.dLdA_w, self.K)
    self.dLdWk = torch.bmm(self.X.mT, self.dLdK).sum(dim=0)
    self.dLdWq = torch.bmm(self.X.mT, self.dLdQ).sum(dim=0)
    self.dLdWv = torch.bmm(self.X.mT, self.dLdV).sum(dim=0)
    self.dLdX = (
        self.dLdV @ self.weights_values.mT
        + self.dLdK @ self.weights_keys.mT
        + self.dLdQ @ self.weights_queries.mT
    )
    return self.dLdX
