#!/usr/bin/python3
"""Writes torchvision.npz and params.json: bytes of images [N,C,H,W] and what
torchvision 0.14 makes of them, in [0,1], by each operation with given parameters.
Without arguments it writes the files that lie beside it."""
import argparse, json, math, os
import numpy as np, torch
import torchvision.transforms.functional as F

a = argparse.ArgumentParser()
a.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
for name, value in dict(seed=0, images=2, channels=3, height=9, width=13).items():
    a.add_argument("--" + name, type=int, default=value)
a = a.parse_args()
g = np.random.RandomState(a.seed)
n, c, h, w = a.images, a.channels, a.height, a.width
u8 = torch.from_numpy(g.randint(0, 256, (n, c, h, w)).astype(np.uint8))
# Smooth, of low contrast, and grey images have what noise lacks: ties of channels,
# narrow ranges, constant planes.
if n > 1:
    u8[1] = torch.linspace(60, 140, h * w).view(1, h, w).to(torch.uint8)
if n > 2:
    u8[2, 0], u8[2, -1] = 7, 255
x = u8.float() / 255
out, params = {"input_u8": u8.numpy()}, {}

def add(name, y, **p):
    if y.dtype == torch.uint8:
        y = y.float() / 255
    out[name], params[name] = y.numpy(), p

u = lambda lo, hi: round(float(g.uniform(lo, hi)), 3)
whole = lambda lo, hi: int(g.randint(lo, hi + 1))
add("hflip", F.hflip(x))
add("vflip", F.vflip(x))
pad = whole(1, 4)
tl = [[whole(0, 2 * pad), whole(0, 2 * pad)] for _ in range(n)]
padded = F.pad(x, [pad])
add(f"crop_pad{pad}", torch.stack([F.crop(padded[i], *tl[i], h, w) for i in range(n)]), pad=pad, size=[h, w], top_left=tl)
for size in ([h, w], [h + 5, w - 3]):
    boxes = []
    for i in range(n):
        bh, bw = whole(1, h), whole(1, w)
        boxes.append([whole(0, h - bh), whole(0, w - bw), bh, bw])
    y = torch.stack([F.resize(F.crop(x[i], *boxes[i]), size, antialias=False) for i in range(n)])
    add("resized_crop_bilinear" + ("" if size == [h, w] else "_resized"), y, boxes_top_left_height_width=boxes, size=size)
for f in (0, u(0, 1), u(1, 2)):
    add(f"brightness_{f}", F.adjust_brightness(x, f), factor=f)
    add(f"contrast_{f}", F.adjust_contrast(x, f), factor=f)
    add(f"saturation_{f}", F.adjust_saturation(x, f), factor=f)
    add(f"sharpness_{f}", F.adjust_sharpness(x, f), factor=f)
for f in (-0.5, u(-0.5, 0), u(0, 0.5), 0.5):
    add(f"hue_{f}", F.adjust_hue(x, f), factor=f)
add("grayscale", F.rgb_to_grayscale(x, c))
for k in (3, 5, 2 * ((min(h, w) - 1) // 2) + 1):
    s = u(0.1, 3)
    add(f"gaussian_blur_{k}_{s}", F.gaussian_blur(x, k, s), kernel=k, sigma=s)
NEAREST, BILINEAR = F.InterpolationMode.NEAREST, F.InterpolationMode.BILINEAR
for mode in (NEAREST, BILINEAR):
    for angle in (30.0, 90.0, u(-180, 180), u(-180, 180)):
        add(f"rotate_{angle}_{mode.value}", F.rotate(x, angle, mode), angle=angle, fill=0, interpolation=mode.value)
    angle, fill, centre = u(-180, 180), u(0.1, 1), [whole(0, w), whole(0, h)]
    add(f"rotate_centre_{mode.value}", F.rotate(x, angle, mode, center=centre, fill=fill), angle=angle, fill=fill, center=centre,
        interpolation=mode.value)
    for i, (angle, scale, shear) in enumerate([(0.0, 1.0, [0.0, 0.0]), (30.0, 0.5, [0.0, 0.0]), (30.0, 2.0, [0.0, 0.0]),
                                               (u(0, 180), u(0.5, 2), [u(-30, 30), u(-30, 30)])]):
        t = [whole(-3, 3), whole(-3, 3)]
        add(f"affine_{i}_{mode.value}", F.affine(x, angle, t, scale, shear, mode), angle=angle, translate=t, scale=scale, shear=shear,
            interpolation=mode.value)
for axis in range(2):
    m = u(-0.3, 0.3)
    shear = [0.0, 0.0]
    shear[axis] = math.degrees(math.atan(m))
    add(f"shear_{'xy'[axis]}_{m}", F.affine(x, 0.0, [0, 0], 1.0, shear, center=[0, 0]), magnitude=m)
    t = [0, 0]
    t[axis] = whole(-4, 4)
    add(f"translate_{'xy'[axis]}_{t[axis]}", F.affine(x, 0.0, t, 1.0, [0.0, 0.0]), pixels=t[axis])
for t in (0.0, u(0, 1), 1.0):
    add(f"solarize_{t}", F.solarize(x, t), threshold=t)
for b in (8, 4, whole(1, 7)):
    add(f"posterize_{b}", F.posterize(u8, b), bits=b)
add("autocontrast", F.autocontrast(x))
add("equalize", F.equalize(u8))
eh, ew = whole(1, h - 1), whole(1, w - 1)
top, left, value = whole(0, h - eh), whole(0, w - ew), u(0, 1)
add("erase", F.erase(x, top, left, eh, ew, torch.tensor(value)), top=top, left=left, height=eh, width=ew, value=value)
lam = u(0, 1)
add(f"mixup_{lam}", lam * x + (1 - lam) * x.flip(0), lam=lam, partner="batch reversed")
y = x.clone()
y[:, :, top:top + eh, left:left + ew] = x.flip(0)[:, :, top:top + eh, left:left + ew]
add("cutmix", y, top=top, left=left, height=eh, width=ew, partner="batch reversed")
os.makedirs(a.folder, exist_ok=True)
np.savez_compressed(os.path.join(a.folder, "torchvision.npz"), **out)
json.dump(params, open(os.path.join(a.folder, "params.json"), "w"), indent=1)
