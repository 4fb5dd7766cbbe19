"""Makes resize.npz: an image and what torchvision's Resize (of a PIL image) and CenterCrop make of it."""
import numpy as np
from PIL import Image
from torchvision.transforms import functional as F

rng = np.random.default_rng(1)
arrays = {}
for name, (h, w) in {"a": (19, 30), "b": (32, 17), "c": (13, 13)}.items():
    src = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    arrays[f"{name}_src"] = src
    for size in (7, 12, 13, 32):
        out = F.center_crop(F.resize(Image.fromarray(src), size), [size, size])
        arrays[f"{name}_{size}"] = np.asarray(out)
    arrays[f"{name}_grey"] = np.asarray(Image.fromarray(src).convert("L"))
np.savez_compressed("resize.npz", **arrays)
