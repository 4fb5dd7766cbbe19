# Pictures in every form that photographs and labels come in, and what PIL makes
# of each (NAME.png beside it, "L" for grey ones, "RGB" for others).
# Made with Pillow 9.4.
import os
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image

y, x = np.mgrid[0:20, 0:24]
rgb = np.stack([40 + 2 * x, 30 + 3 * y, 220 - x - 2 * y], -1).astype(np.uint8)
im, grey = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])
alpha = np.full((20, 24, 1), 200, np.uint8)

im.save("rgb.png")
Image.fromarray(np.concatenate([rgb, alpha], -1)).save("rgba.png")
im.quantize(16).save("palette.png")
grey.save("grey.png")
Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save("grey16.png")
im.save("444.jpg", quality=95, subsampling=0)
im.save("420.jpg", quality=95)
im.save("progressive.jpg", quality=95, progressive=True)
im.convert("CMYK").save("cmyk.jpg", quality=95)
grey.save("grey.jpg", quality=95)
im.save("lossy.webp", quality=95)
im.save("lossless.webp", lossless=True)

for name in ["rgb.png", "rgba.png", "palette.png", "grey.png", "444.jpg", "420.jpg", "progressive.jpg",
             "cmyk.jpg", "grey.jpg", "lossy.webp", "lossless.webp"]:
    m = Image.open(name)
    m.convert("L" if m.mode == "L" else "RGB").save("want/" + name + ".png")
grey.save("want/grey16.png.png")

# Colours that change from pixel to pixel, so that the interpolation of chroma shows;
# cjpeg is libjpeg-turbo's.
rng = np.random.default_rng(7)


def coloured(w, h):
    y, x = np.mgrid[0:h, 0:w]
    smooth = np.stack([127 + 120 * np.sin(x / 2 + k) * np.cos(y / 3 - k) for k in range(3)], -1)
    return Image.fromarray((smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8))


made = []
for w, h in [(1, 1), (2, 3), (5, 4), (17, 13), (40, 33)]:
    m = coloured(w, h)
    m.save("m.ppm")
    for sample in ["1x1", "2x1", "2x2", "1x2", "4x1", "4x2"]:
        made.append(f"sample-{sample}-{w}x{h}.jpg")
        subprocess.run(["cjpeg", "-quality", "90", "-sample", sample, "-outfile", made[-1], "m.ppm"], check=True)
    made.append(f"progressive-{w}x{h}.jpg")
    subprocess.run(["cjpeg", "-progressive", "-quality", "90", "-outfile", made[-1], "m.ppm"], check=True)
    made.append(f"grey-{w}x{h}.jpg")
    subprocess.run(["cjpeg", "-grayscale", "-quality", "90", "-outfile", made[-1], "m.ppm"], check=True)
    made.append(f"lossy-{w}x{h}.webp")
    m.save(made[-1], quality=90)
    made.append(f"alpha-{w}x{h}.webp")
    m.putalpha(90)
    m.save(made[-1], quality=90)
os.remove("m.ppm")


# ink rewrites a JPEG of inks: its Adobe segment says another transform, or goes.
def ink(name, transform):
    data = open("cmyk.jpg", "rb").read() if "half" not in name else half
    at = data.index(b"Adobe") - 4
    segment = data[at:at + 15] + bytes([transform or 0])
    made.append(name)
    open(name, "wb").write(data[:at] + (segment if transform is not None else b"") + data[at + 16:])


Image.merge("CMYK", [*coloured(19, 15).split(), coloured(19, 15).split()[0]]).save("m.tif")
subprocess.run("convert m.tif -quality 90 -sampling-factor 2x2,1x1,1x1,2x2 m.jpg".split(), check=True)  # ImageMagick's
half = open("m.jpg", "rb").read()
os.remove("m.tif")
os.remove("m.jpg")
ink("cmyk-no-adobe.jpg", None)
ink("ycck.jpg", 2)
ink("cmyk-half.jpg", 0)
ink("ycck-half.jpg", 2)

small = coloured(9, 7)
frames = [small, coloured(9, 7)]
for name, lossless in [("animated.webp", False), ("animated-lossless.webp", True)]:
    made.append(name)
    small.save(name, save_all=True, append_images=frames[1:], lossless=lossless)


# png writes a file by hand: Pillow makes no 16-bit colours and no transparent grey.
def png(name, depth, kind, rows, *more):
    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
    h, w = rows.shape[:2]
    body = b"".join(b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, 0)
    made.append(name)
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunk(t, b) for t, b in more)
                           + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


def deep(channels):
    v = rng.integers(0, 65536, (6, 7, channels))
    v[0] &= 0xff  # low bytes alone
    if channels in (2, 4):
        v[1, :, -1] = 0  # quite transparent
    return v


png("rgb16.png", 16, 2, deep(3))
png("rgba16.png", 16, 6, deep(4))
png("grey-alpha16.png", 16, 4, deep(2))
png("grey-alpha.png", 8, 4, deep(2) >> 8)
v = deep(1) >> 8
png("grey-transparent.png", 8, 0, v, (b"tRNS", struct.pack(">H", int(v[2, 2, 0]))))
v = deep(3)
png("rgb16-transparent.png", 16, 2, v, (b"tRNS", struct.pack(">HHH", *map(int, v[2, 2]))))
v = deep(3) >> 8
png("rgb-transparent.png", 8, 2, v, (b"tRNS", struct.pack(">HHH", *map(int, v[2, 2]))))
v = rng.integers(0, 4, (6, 7, 1))
png("palette-transparent.png", 8, 3, v, (b"PLTE", bytes(range(50, 62))), (b"tRNS", bytes([0, 255, 80])))

for name in made:
    m = Image.open(name)
    m.convert("L" if m.mode == "L" or name.startswith("grey") else "RGB").save("want/" + name + ".png")
