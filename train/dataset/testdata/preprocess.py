"""Makes preprocess.npz: images and what the evaluation transforms of torchvision and timm make of them, by PIL.

torchvision: Resize(side), the longer side int(side * long / short), bilinear; CenterCrop(size), from int(round((n - size) / 2)).
timm: Resize(floor(size / crop_pct)), the longer side likewise, bicubic; CenterCrop(size).
"""
import math

import numpy as np
from PIL import Image


def transformed(image, side, size, method):
    w, h = image.size
    short, long = min(w, h), max(w, h)
    longer = int(side * long / short)
    image = image.resize((side, longer) if w <= h else (longer, side), method)
    w, h = image.size
    left, top = int(round((w - size) / 2)), int(round((h - size) / 2))
    return np.asarray(image.crop((left, top, left + size, top + size)))


rng = np.random.default_rng(2)
arrays = {}
for name, (h, w) in {"wide": (41, 60), "tall": (37, 20), "small": (9, 11), "same": (14, 14)}.items():
    src = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    src[: h // 2] = np.where(src[: h // 2] > 127, 255, 0)  # edges, at which bicubic overshoots
    image = Image.fromarray(src)
    arrays[f"{name}_src"] = src
    for preset, side, method in (
        ("torchvision", 16, Image.BILINEAR),
        ("torchvision:15", 15, Image.BILINEAR),
        ("timm", math.floor(14 / 0.875), Image.BICUBIC),
        ("timm:0.95", math.floor(14 / 0.95), Image.BICUBIC),
        ("timm:1", 14, Image.BICUBIC),
    ):
        arrays[f"{name}_{preset}"] = transformed(image, side, 14, method)
np.savez_compressed("preprocess.npz", **arrays)
