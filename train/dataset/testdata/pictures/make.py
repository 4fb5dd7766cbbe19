# Pictures in every form that photographs and labels come in, and what PIL makes
# of each (NAME.png beside it, "L" for grey ones, "RGB" for others).
# Made with Pillow 9.4.
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
