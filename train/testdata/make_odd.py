"""Writes odd.onnx, odd.npz and odd.json: a network of less usual parts that PyTorch 1.13 exported in evaluation mode with constants
folded, its data, and the losses of two epochs of AdamW with weight decay 0.05, label smoothing 0.1, cosine from 0.01, batches of 4."""
import copy, json, numpy as np, torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(1)
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.c1 = nn.Conv2d(3, 8, 3, 1, 2, dilation=2); s.p1 = nn.PReLU(); s.lrn = nn.LocalResponseNorm(3, .5)  # a squeeze in an If
        s.up = nn.ConvTranspose2d(8, 12, 3, 2, 1, 1, groups=4); s.g = nn.GroupNorm(3, 12); s.p2 = nn.PReLU(12)
        s.c2 = nn.Conv2d(12, 16, 3, 2, 1, groups=2); s.i = nn.InstanceNorm2d(16, affine=True); s.se = nn.Conv2d(16, 16, 1)
        s.a = nn.MultiheadAttention(4, 2, batch_first=True); s.l = nn.Linear(4, 4); s.k = copy.deepcopy(s.l); s.f = nn.Linear(16, 3); s.p3 = nn.PReLU()
    def forward(s, x):
        x = s.p2(s.g(s.up(s.lrn(s.p1(s.c1(x))))))
        x = F.hardswish(s.i(s.c2(x))); x = x * torch.sigmoid(s.se(F.adaptive_avg_pool2d(x, 1)))
        x = F.pixel_shuffle(x, 2).flatten(2).transpose(1, 2)[:, :16]  # [N,16,4]
        x = F.gelu(x + s.a(x, x, x, need_weights=False)[0], approximate="tanh")
        x = s.p3(s.l(s.p3(s.l(x)))) + s.k(x)  # l and p3 are folded in every call, and k is equal to l
        a, b, c, _ = x.view(-1, 4, 16).unbind(1)  # the last piece is not read
        return s.f(torch.maximum(a, b) * torch.sigmoid(c))
m = Net(); x = torch.randn(12, 3, 6, 6); y = torch.randint(0, 3, (12,))
torch.onnx.export(copy.deepcopy(m).eval(), x, "odd.onnx", opset_version=13, input_names=["input"], output_names=["logits"],
                  dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
np.savez("odd.npz", x=x.numpy(), y=y.numpy())
o = torch.optim.AdamW(m.parameters(), .01, weight_decay=.05); s = torch.optim.lr_scheduler.CosineAnnealingLR(o, 6); losses = []
for _ in range(2):
    for i in range(0, 12, 4):
        o.zero_grad(); l = F.cross_entropy(m(x[i:i + 4]), y[i:i + 4], label_smoothing=.1); l.backward(); o.step(); s.step(); losses.append(l.item())
m.eval(); json.dump(dict(loss=losses, eval_logits=m(x[:4]).flatten().tolist()), open("odd.json", "w"))
