#!/usr/bin/python3
"""Times PyTorch's training step (forward, cross-entropy, backward, SGD with momentum) of a network of export.py with ten
classes on 64x64 images: train_torch.py NAME BATCH THREADS STEPS. Prints a JSON line with the median seconds of a step."""
import json
import sys
import time
import torch
from export import build

name, batch, threads, steps = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
model = build(name, 64, 10).train()
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
x, y, taken = torch.randn(batch, 3, 64, 64), torch.randint(0, 10, (batch,)), []
for _ in range(steps + 2):
    start = time.perf_counter()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    taken.append(time.perf_counter() - start)
seconds = sorted(taken[2:])[steps // 2]
print(json.dumps({"peer": "torch", "version": torch.__version__, "what": "train", "network": name, "threads": threads, "seconds": seconds}))
