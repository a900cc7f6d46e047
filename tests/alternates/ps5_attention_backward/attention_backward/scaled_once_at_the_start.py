def attention_backward(self, dLdXnew):
    scale = self.K.shape[-1] ** -0.5
    self.dLdV = torch.einsum("bij,biv->bjv", self.A_sig, dLdXnew)
    self.dLdA_sig = torch.einsum("biv,bjv->bij", dLdXnew, self.V)
    jacobian = torch.diag_embed(self.A_sig) - torch.einsum("bij,bik->bijk", self.A_sig, self.A_sig)
    self.dLdA_w = torch.einsum("bijk,bik->bij", scale * jacobian, self.dLdA_sig)
    self.dLdK = torch.einsum("bij,bik->bjk", self.dLdA_w, self.Q)
    self.dLdQ = torch.einsum("bij,bjk->bik", self.dLdA_w, self.K)
    self.dLdWk, self.dLdWq, self.dLdWv = (
        torch.tensordot(self.X, array, dims=([0, 1], [0, 1]))
        for array in (self.dLdK, self.dLdQ, self.dLdV)
    )
    dLdX = torch.einsum("btv,dv->btd", self.dLdV, self.weights_values)
    dLdX += torch.einsum("btk,dk->btd", self.dLdK, self.weights_keys)
    dLdX += torch.einsum("btk,dk->btd", self.dLdQ, self.weights_queries)
    return dLdX
