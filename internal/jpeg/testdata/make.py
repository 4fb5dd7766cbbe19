# JPEGs of many kinds, and the SHA-256 of the planes [c,h,w] that PIL makes of each.
# Made with Pillow 9.4, and cjpeg and libjpeg of libjpeg-turbo 2.1.5.
import hashlib
import os
import subprocess

import numpy as np
from PIL import Image

rng = np.random.default_rng(5)
SCRIPTS = {
    "one by one": "0; 1; 2;",
    "two and one": "0,1; 2;",
    "bits": "0 1 2: 0 0 0 3; 0: 1 63 0 2; 1: 1 63 0 3; 2: 1 20 0 0; 2: 21 63 0 0; 0 1 2: 0 0 3 2; 0 1 2: 0 0 2 1;"
            "0 1 2: 0 0 1 0; 0: 1 63 2 1; 0: 1 63 1 0; 1: 1 63 3 2; 1: 1 63 2 1; 1: 1 63 1 0;",
    "unfinished": "0 1 2: 0 0 0 0; 0: 1 63 0 1; 1: 1 63 0 0; 2: 1 63 0 0;",
}


def picture(w, h):
    y, x = np.mgrid[0:h, 0:w]
    smooth = np.stack([127 + 125 * np.sin(x / 2 + k) * np.cos(y / 3 - k) for k in range(3)], -1)
    return Image.fromarray((smooth + rng.normal(0, 20, smooth.shape)).clip(0, 255).astype(np.uint8))


def make(name, w, h, args, script=None):
    picture(w, h).save("m.ppm")
    args = args.split()
    if script:
        open("m.txt", "w").write(SCRIPTS[script])
        args += ["-scans", "m.txt"]
    subprocess.run(["cjpeg", *args, "-outfile", name + ".jpg", "m.ppm"], check=True)


make("2x2", 37, 29, "-quality 60 -sample 2x2")
make("2x1", 35, 18, "-quality 60 -sample 2x1")
make("1x2", 19, 35, "-quality 60 -sample 1x2")
make("4x4", 41, 37, "-quality 60 -sample 4x4,2x2,1x1", "one by one")
make("3x1", 31, 9, "-quality 60 -sample 3x1")
make("1x3", 9, 31, "-quality 60 -sample 1x3")
make("mixed", 33, 27, "-quality 60 -sample 2x2,1x2,2x1")
make("chroma-finer", 33, 27, "-quality 60 -sample 1x1,2x2,1x1")
make("quality-1", 33, 27, "-quality 1")
make("quality-100", 33, 27, "-quality 100 -optimize -sample 1x1")
make("rgb", 21, 17, "-quality 80 -rgb")
make("grey-2x2", 21, 17, "-quality 80 -grayscale -sample 2x2")
make("restart", 40, 33, "-quality 60 -restart 2B -sample 2x1")
make("restart-progressive", 40, 33, "-quality 60 -restart 3B -progressive")
make("one-by-one", 37, 29, "-quality 60 -sample 2x2 -restart 1", "one by one")
make("two-and-one", 37, 29, "-quality 60 -sample 2x2", "two and one")
make("bits", 37, 29, "-quality 95 -sample 2x2", "bits")
make("unfinished", 21, 17, "-quality 60", "unfinished")
make("arithmetic", 21, 17, "-quality 60 -arithmetic")
Image.merge("CMYK", [*picture(19, 15).split(), picture(19, 15).split()[0]]).save("m.tif")
for name, sample in [("black-half", "2x2,1x1,1x1,1x1"), ("black-alone", "1x1,1x1,1x1,2x2")]:
    subprocess.run(f"convert m.tif -quality 90 -sampling-factor {sample} {name}.jpg".split(), check=True)  # ImageMagick's
data = open("black-half.jpg", "rb").read()
at = data.index(b"Adobe") + 11
open("black-half-cmyk.jpg", "wb").write(data[:at] + b"\0" + data[at + 1:])
for name in ["m.ppm", "m.txt", "m.tif"]:
    os.remove(name)

with open("want.txt", "w") as f:
    for name in sorted(n for n in os.listdir() if n.endswith(".jpg")):
        if name in ("unfinished.jpg", "arithmetic.jpg"):
            continue
        m = Image.open(name)
        a = np.asarray(m if m.mode == "L" else m.convert("RGB"))
        planes = a[None] if a.ndim == 2 else a.transpose(2, 0, 1)
        print(name, *planes.shape, hashlib.sha256(planes.tobytes()).hexdigest(), file=f)
