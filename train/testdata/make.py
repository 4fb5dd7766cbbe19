"""Writes merged.onnx, merged.npz and merged.json: a network that PyTorch 1.13 exported in evaluation mode, which merges weights
of equal numbers, its data, and the losses of two epochs of SGD with momentum 0.9, batches of 4 and learning rate 0.05; and
frozen.json: the same with c1, b1, qkv and f.bias frozen, once as requires_grad=False does, once with b1 in evaluation mode too."""
import copy, json, numpy as np, torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.register_buffer("mean", torch.tensor([.2, -.1, .4])); s.register_buffer("std", torch.tensor([.8, 1.3, 1.1]))
        s.c1 = nn.Conv2d(3, 6, 3, 2, 1, bias=False); s.b1 = nn.BatchNorm2d(6); s.c2 = nn.Conv2d(6, 6, 3, 1, 1); s.b2 = nn.BatchNorm2d(6)
        s.n1 = nn.LayerNorm(9); s.qkv = nn.Linear(9, 27, bias=False); s.o = nn.Linear(9, 9); s.n2 = nn.LayerNorm(9); s.f = nn.Linear(9, 3)
    def forward(s, x):
        x = (x - s.mean[:, None, None]) / s.std[:, None, None]
        x = F.silu(s.b1(s.c1(x))); x = F.silu(s.b2(s.c2(x))) + x
        # Channels are the tokens: PyTorch 1.13's gradient of a normalisation of one image is wrong where what follows is transposed.
        x = x.flatten(2); q, k, v = s.qkv(s.n1(x)).view(-1, 6, 3, 3, 3).unbind(2)
        a = torch.softmax(torch.einsum("bihd,bjhd->bhij", q, k) / 3 ** .5, -1)
        return s.f(s.n2(x + s.o(torch.einsum("bhij,bjhd->bihd", a, v).flatten(2))).mean(1))
m = Net(); x = torch.randn(13, 3, 6, 6); y = torch.randint(0, 3, (13,))
torch.onnx.export(copy.deepcopy(m).eval(), x, "merged.onnx", opset_version=13, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                  input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
np.savez("merged.npz", x=x.numpy(), y=y.numpy())

def train(m, decay=0):
    o = torch.optim.SGD([p for p in m.parameters() if p.requires_grad], .05, momentum=.9, weight_decay=decay); losses = []
    for _ in range(2):
        for i in range(0, 13, 4):
            o.zero_grad(); l = F.cross_entropy(m(x[i:i + 4]), y[i:i + 4]); l.backward(); o.step(); losses.append(l.item())
    m.eval(); return dict(loss=losses, eval_logits=m(x[:4]).flatten().tolist())
def frozen(statistics):
    f = copy.deepcopy(m); f.train(); f.b1.train(not statistics)
    for p in [*f.c1.parameters(), *f.b1.parameters(), f.qkv.weight, f.f.bias]: p.requires_grad_(False)
    return train(f, .01)
json.dump(dict(weights=frozen(False), statistics=frozen(True)), open("frozen.json", "w"))
json.dump(train(m), open("merged.json", "w"))
